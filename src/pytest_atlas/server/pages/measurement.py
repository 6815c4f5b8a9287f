"""The page of one measurement: its values over the runs of a system, with limits, levels, capability and distribution."""

import csv
import io
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median, stdev
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pytest_atlas.analysis.capability import MIN_VALUES, Capability, NoCapability
from pytest_atlas.analysis.drift import Drift
from pytest_atlas.analysis.figures import Bar, bar
from pytest_atlas.analysis.history import MeasurementHistory, history
from pytest_atlas.analysis.history_plot import Histogram, Plot, Point, histogram, plot
from pytest_atlas.analysis.markdown import number
from pytest_atlas.analysis.measurements import Key, Origin, Row, Series, series_by_run
from pytest_atlas.analysis.outliers import factor
from pytest_atlas.base.quantities import limits_text
from pytest_atlas.local.views import measurement as view

from .formats import minus
from .frame import NotFound, Pages, render, route

LAST = (24, 100, 1000)
"""The numbers of runs that can be selected."""
MAX_ROWS, MAX_LINKED = 50, 100
"""Most runs in the table, and most points that are links."""
MAX_SIBLINGS = 6
FILTERS = ("device", "firmware", "bench")
"""The parts of the origin by which the page can be filtered."""


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
    """The series that the page shows, and what it computes from them."""

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


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _chosen(request: Request) -> tuple[int, dict[str, str]]:
    text = request.query_params.get("last", "")
    last = int(text) if text.isdecimal() and int(text) in LAST else LAST[0]
    return last, {name: request.query_params.get(name, "") for name in FILTERS}


def _matches(row: Row, chosen: Mapping[str, str]) -> bool:
    return all(not text or getattr(row.origin, name) == text for name, text in chosen.items())


def in_one_unit(series: Sequence[Series]) -> tuple[tuple[Series, ...], tuple[str, ...]]:
    """Return the series in the unit of the newest one, and the units of those that can't be converted."""
    unit = series[-1].unit
    found = [one if one.unit == unit else one.in_unit(unit) for one in series]
    others = dict.fromkeys(one.unit for one, converted in zip(series, found, strict=True) if converted is None)
    return tuple(one for one in found if one), tuple(others)


def read(
    db: sqlite3.Connection, quantity: view.Quantity, last: int, chosen: Mapping[str, str]
) -> tuple[Shown | None, dict[str, list[str]]]:
    """Return the shown series, and the values of each filter. The first is None if no run matches the filter."""
    rows = view.read_values(db, quantity.id, runs=last)
    choices = {name: sorted({getattr(row.origin, name) for _, row in rows} - {""}) for name in Origin._fields}
    series = series_by_run((run, row) for run, row in rows if _matches(row, chosen))
    if not series:
        return None, choices
    shown, others = in_one_unit(series)
    runs = view.read_runs(db, quantity.system_id, quantity.test, (one.run for one in shown))
    return Shown(quantity, shown, runs, others), choices


def _find(request: Request, db: sqlite3.Connection) -> view.Quantity:
    system, test, name = (
        request.path_params["system"],
        request.query_params.get("test", ""),
        request.query_params.get("name", ""),
    )
    quantity = view.find_quantity(db, system, test, name)
    if quantity is None:
        raise NotFound(
            "This system has no such measurement", f"{name or '(no name)'} of {test or '(no test)'}",
            "The list of measurements has all names. A test records a value with: atlas.measure(name, value)",
        )  # fmt: skip
    return quantity


def page(request: Request, pages: Pages) -> Response:
    """Return the page of one measurement."""
    last, chosen = _chosen(request)
    with pages.views.read() as db:
        quantity = _find(request, db)
        shown, choices = read(db, quantity, last, chosen)
        others = [
            (parameters, one, found)
            for one, parameters in view.siblings(db, quantity, limit=MAX_SIBLINGS)
            if (found := read(db, one, LAST[0], {})[0])
        ]
    lines = [RunLine(series, shown.runs.get(series.run)) for series in reversed(shown.series)] if shown else []
    required = pages.atlas.required_ppk()
    return render(
        request,
        "measurement.html",
        page="measurements",
        quantity=quantity,
        shown=shown,
        chart=shown.plot(430) if shown else None,
        newest=lines[0] if lines else None,
        lines=lines[:MAX_ROWS],
        more=max(0, len(lines) - MAX_ROWS),
        capability=capability_texts(shown.history, required) if shown else {},
        siblings=[
            (text, one, found, found.plot(140), capability_texts(found.history, required)) for text, one, found in others
        ],
        last=last,
        lasts=LAST,
        chosen=chosen,
        choices=choices,
        amount=amount,
        limits=limits,
        measurement_url=measurement_url,
        links=_links(shown) if shown and len(shown.finite) <= MAX_LINKED else None,
        numbers=shown.numbers() if shown else {},
        histogram=shown.histogram if shown else None,
        band_factor=factor(shown.history.family.n) if shown and shown.history and shown.history.family else 0.0,
        found_value=lambda found: RunLine(found.last, None).value,
        csv_url=f"/systems/{quantity.system_id}/measurement.csv?{request.url.query}",
    )


@dataclass(frozen=True, slots=True)
class _Link:
    url: str
    text: str


def _links(shown: Shown) -> list[_Link]:
    """Return the step of each point in the plot, with its value as text."""
    links = []
    for series in shown.finite:
        line = RunLine(series, shown.runs.get(series.run))
        remark = ", out of limits" if line.status == "failed" else ""
        links.append(_Link(line.url, f"{series.run}: {amount(median(series.values), series.unit)}{remark}"))
    return links


def download(request: Request, pages: Pages) -> Response:
    """Return the values as CSV. A cell that a spreadsheet would take for a formula starts with an apostrophe."""
    last, chosen = _chosen(request)
    with pages.views.read() as db:
        quantity = _find(request, db)
        rows = [(run, row) for run, row in view.read_values(db, quantity.id, runs=last) if _matches(row, chosen)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "time", "value", "unit", "low", "high", "verdict", "device", "firmware", "bench"))
    for run, row in rows:
        value = row.value if row.number is not None else _harmless(row.value)
        texts = map(_harmless, (row.verdict, *row.origin))
        writer.writerow((run, row.at, value, _harmless(row.unit), _cell(row.low), _cell(row.high), *texts))
    headers = {"Content-Disposition": 'attachment; filename="measurement.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(limit: float | None) -> str:
    return "" if limit is None else repr(limit)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


ROUTES = [
    route("/systems/{system}/measurement", page),
    route("/systems/{system}/measurement.csv", download),
]
