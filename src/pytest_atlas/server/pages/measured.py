"""A measurement over runs as the pages show it: the text of values, limits and statistics, the lines of its table, its plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median, stdev
from urllib.parse import urlencode

from pytest_atlas.analysis.capability import MIN_VALUES, Capability, NoCapability
from pytest_atlas.analysis.distribution import Histogram, histogram
from pytest_atlas.analysis.drift import Drift
from pytest_atlas.analysis.figures import Bar, bar
from pytest_atlas.analysis.history import MeasurementHistory, history
from pytest_atlas.analysis.history_plot import Plot, Point, plot
from pytest_atlas.analysis.markdown import number
from pytest_atlas.analysis.measurements import Key, Series
from pytest_atlas.analysis.outliers import factor
from pytest_atlas.base.quantities import limits_text
from pytest_atlas.local.views import measurement as view

from .formats import minus


def amount(value: float | None, unit: str = "", digits: int = 9) -> str:
    """Return a number with its unit; empty without a number."""
    return "" if value is None else f"{minus(number(value, digits))} {unit}".rstrip()


def limits(low: float | None, high: float | None, unit: str) -> str:
    """Return limits as `95 … 105 ms`, `≤ 100 ms`, `= 5 V`; empty without limits."""
    is_exact = low is not None and low == high
    low, high, equal = (None, None, low) if is_exact else (low, high, None)
    return limits_text(low, high, equal, unit, number=lambda value: minus(number(float(value), 9)))


def measurement_url(system_id: str, test: str, name: str) -> str:
    """Return the path of the page of a measurement."""
    return f"/systems/{system_id}/measurement?{urlencode({'test': test, 'name': name})}"


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the table."""

    series: Series
    info: view.RunInfo | None

    @property
    def status(self) -> str:
        """The status of its worst value."""
        verdicts = self.series.verdicts
        return "failed" if verdicts["fail"] else "passed_with_exception" if verdicts["waived"] else "passed"

    @property
    def url(self) -> str:
        """The step, or the run if the step was deleted."""
        step = f"/steps/{self.info.step}" if self.info and self.info.step else ""
        return f"/runs/{self.series.run}{step}"

    @property
    def bar(self) -> Bar | None:
        """The figure of the worst value."""
        worst = self.series.worst
        return bar(worst.number, worst.low, worst.high, is_waived=worst.verdict == "waived") if worst else None

    @property
    def share(self) -> float | None:
        """The margin of the worst value, as a share of the range."""
        worst = self.series.worst
        return worst.margin.share if worst and worst.margin else None

    @property
    def value(self) -> str:
        """The worst value, with its unit."""
        worst = self.series.worst
        assert worst is not None
        return worst.value if worst.number is None else amount(worst.number, self.series.unit)


@dataclass(frozen=True)
class Shown:
    """The shown series of a measurement, and their statistics."""

    quantity: view.Quantity
    series: tuple[Series, ...]  # in the order of measuring; all in the unit of the newest one
    runs: Mapping[str, view.RunInfo]
    other_units: tuple[str, ...]  # units of series that can't be converted and are not shown

    @property
    def last(self) -> Series:
        """The newest series."""
        return self.series[-1]

    @property
    def unit(self) -> str:
        """The unit of all values."""
        return self.last.unit

    @cached_property
    def finite(self) -> list[Series]:
        """The series with finite values."""
        return [series for series in self.series if series.values]

    @cached_property
    def values(self) -> list[float]:
        """All finite values."""
        return [value for series in self.finite for value in series.values]

    @cached_property
    def history(self) -> MeasurementHistory | None:
        """The newest series, compared with all others; None without finite values."""
        if not self.finite:
            return None
        key = Key(self.quantity.card, self.quantity.test, self.quantity.name)
        return history(key, self.finite[-1], self.finite[:-1], by_origin=False)

    @cached_property
    def usual(self) -> tuple[float, float] | None:
        """The range in which the newest value is in family; None if there are too few earlier ones."""
        found = self.history.family if self.history else None
        if found is None or not found.mad:
            return None
        reach = factor(found.n) * found.mad
        return found.median - reach, found.median + reach

    @property
    def out(self) -> int:
        """The number of runs with a value out of limits."""
        return sum(bool(series.verdicts["fail"]) for series in self.series)

    def plot(self, height: int) -> Plot | None:
        """Return the plot of the medians of the runs."""
        points = [self._point(series) for series in self.finite]
        return plot(
            points, height=height, levels=self.levels, band=self.usual, band_start=self.levels[-1][0] if self.levels else 0
        )

    def _point(self, series: Series) -> Point:
        device, firmware, bench = series.origin
        is_out = bool(series.verdicts["fail"])
        origin = " on ".join(filter(None, (device, bench)))
        return Point(series.run, median(series.values), series.low, series.high, is_out, origin, firmware)

    @property
    def levels(self) -> list[tuple[int, float]]:
        """The index at which each level starts, and its median; empty without step changes."""
        steps = self.history.changes.steps if self.history else ()
        return [(0, steps[0].before), *((step.at, step.after) for step in steps)] if steps else []

    @property
    def histogram(self) -> Histogram | None:
        """The distribution of all values."""
        return histogram(self.values, self.last.low, self.last.high)

    def numbers(self) -> dict[str, tuple[str, str]]:
        """Return the statistics of all values by name, each with a remark."""
        if not self.values:
            return {}
        values = self.values
        found = {"Median": (amount(median(values), self.unit, 5), "")}
        if len(values) > 1:
            found["Mean, s"] = amount(fmean(values), self.unit, 5), amount(stdev(values), self.unit, 3)
        return {**found, "Range": (f"{amount(min(values))} … {amount(max(values), self.unit)}", "")}

    def changes(self) -> list[str]:
        """Return one sentence for each step change and for the drift."""
        found = self.history
        if found is None:
            return []
        texts = [
            f"Step change: {amount(step.after, self.unit, 4)} since {found.run_of(step) or found.series.run}, "
            f"before {amount(step.before, self.unit, 4)}."
            for step in found.changes.steps
        ]
        if found.drift:
            texts.append(_drift_text(found, found.drift))
        if change := found.limit_change:
            texts.append(f"Limits until {change.until}: {limits(change.low, change.high, self.unit) or 'none'}.")
        return texts


def _drift_text(found: MeasurementHistory, drift: Drift) -> str:
    slope = f"{'+' if drift.slope > 0 else ''}{amount(drift.slope, found.series.unit, 3)}"
    test = f"Mann-Kendall z {minus(f'{drift.z:.1f}')}, corrected for r₁ = {drift.correlation:.2f}; slope by Theil-Sen"
    left = found.runs_left
    ahead = "" if left is None else f" At its limit in about {left:.0f} runs." if left else " The trend is at its limit."
    return f"Drift: {slope} a run over {drift.n} runs ({test}).{ahead}"


def capability_texts(found: MeasurementHistory | None, required: float) -> dict[str, tuple[str, str, bool]]:
    """Return value, remark and whether it is low, for Ppk and Pp."""
    capability = found.capability if found else None
    if isinstance(capability, Capability):
        level = f"below {number(required)}" if capability.is_low(required) else f"required {number(required)}"
        ppk = (f"{capability.ppk:.2f}", f"{capability.low:.2f} … {capability.high:.2f}, {level}", capability.is_low(required))
        pp = capability.pp
        shown = (f"{pp[1]:.2f}", f"{pp[0]:.2f} … {pp[2]:.2f}", False) if pp else ("–", "one limit", False)
        return {"Ppk": ppk, "Pp": shown}
    if isinstance(capability, NoCapability):
        return {"Ppk": ("–", capability.reason, False)}
    has_limits = found is not None and (found.series.low, found.series.high) != (None, None)
    return {"Ppk": ("–", f"needs {MIN_VALUES} values" if has_limits else "no limits", False)}


def in_one_unit(series: Sequence[Series]) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Return the series in the unit of the newest one, and the units of those that can't be converted."""
    unit = series[-1].unit
    found = [one if one.unit == unit else one.in_unit(unit) for one in series]
    others = dict.fromkeys(one.unit for one, converted in zip(series, found, strict=True) if converted is None)
    return tuple(one for one in found if one), tuple(others)
