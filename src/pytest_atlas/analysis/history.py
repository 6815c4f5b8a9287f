"""The history of a measurement: its values in earlier runs of the same system, with changes, outliers and capability. Pure.

Runs are in the order in which they were measured, not published. Values are compared within one unit, and with those of the
same device, firmware and bench if enough runs have them; otherwise values of several origins are pooled, and marked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .capability import MIN_VALUES, Capability, NoCapability, capability
from .drift import Changes, Drift, StepChange, changes
from .inputs import PastFile
from .measurements import Key, Origin, RunMeasurements, Series, Worst, read_rows, short_names
from .outliers import Family, family
from .reading import MAX_PAST_BYTES, Budget, Reader, UnreadableError, open_table
from .stats import MIN_HISTORY

Past = Mapping[Key, Sequence[Series]]
"""The earlier series of a measurement that have finite values, the one measured first is first."""

_POOLS: tuple[tuple[str, ...], ...] = (("device", "firmware", "bench"), ("device", "bench"), ("device",), ())
"""The parts of the origin that are the same in all compared values: the first row with enough earlier runs is used."""
_NOUNS = {"device": "devices", "firmware": "firmware versions", "bench": "benches"}


def read_past(files: Iterable[PastFile], keys: Iterable[Key], reader: Reader) -> tuple[Past, list[str]]:
    """Return the earlier values of these measurements, and the reason for each file that can't be read.

    The newest files are read first, until MAX_PAST_BYTES.
    """
    known = frozenset(keys)
    runs: dict[int, RunMeasurements] = {}
    budget, problems = Budget(MAX_PAST_BYTES), []
    for file in sorted(files, key=lambda f: -f.order):
        try:
            with open_table(reader, file.url, is_gzip=False, budget=budget) as table:
                rows = (row for row in read_rows(table) if Key(file.card, row.test, row.name) in known)
                runs.setdefault(file.order, RunMeasurements(file.run)).add(rows, file.card)
        except UnreadableError as error:
            problems.append(str(error))
    past: dict[Key, list[Series]] = defaultdict(list)
    for _, measured in sorted(runs.items()):
        for key, found in measured.valid({}).items():
            past[key].extend(series for series in found if series.values)
    return {key: sorted(found, key=lambda series: series.at) for key, found in past.items()}, problems


@dataclass(frozen=True, slots=True)
class LimitChange:
    """The newest change of the limits in a history."""

    low: float | None  # before the change
    high: float | None
    until: str  # the last run with these limits


@dataclass(frozen=True, slots=True)
class MeasurementHistory:
    """A series of this run, and the earlier series with which it is compared. Each run counts with the median of its values."""

    key: Key
    name: tuple[str, ...]  # its parts: card, test, name
    series: Series
    earlier: tuple[Series, ...]  # the one measured first is first
    now: float | None  # None if this run has no finite value
    usual: float | None  # median of the earlier runs
    changes: Changes
    family: Family | None
    capability: Capability | NoCapability | None
    pooled: int  # number of runs in the capability
    other_units: int = 0  # number of earlier runs in another unit, which are not compared

    @property
    def worst(self) -> Worst:
        """The value of this run with the smallest margin."""
        assert self.series.worst, "a series has at least one row"
        return self.series.worst

    @property
    def drift(self) -> Drift | None:
        """The trend since the last step change."""
        return self.changes.drift

    @property
    def runs_left(self) -> float | None:
        """The number of runs until the trend reaches a limit; None without a trend towards one."""
        return self.drift.runs_until(self.series.low, self.series.high) if self.drift else None

    @property
    def origins(self) -> str:
        """`2 devices, 3 firmware versions` if values of several origins are compared, else empty."""
        return pooled_origins([*self.earlier, self.series])

    @property
    def limit_change(self) -> LimitChange | None:
        """The newest change of the limits; None if all compared runs have the limits of this run."""
        now = (self.series.low, self.series.high)
        others = [series for series in self.earlier if (series.low, series.high) != now]
        return LimitChange(others[-1].low, others[-1].high, others[-1].run) if others else None

    def run_of(self, step: StepChange) -> str:
        """Return the run in which a new level begins; empty for this run."""
        return self.earlier[step.at].run if step.at < len(self.earlier) else ""


def pooled_origins(series: Iterable[Series]) -> str:
    """Return `2 devices, 3 firmware versions` for series of several origins, else an empty text. Unknown is an origin too."""
    parts = zip(Origin._fields, map(set, zip(*(one.origin for one in series), strict=True)), strict=False)
    return ", ".join(f"{len(different)} {_NOUNS[part]}" for part, different in parts if len(different) > 1)


def histories(measured: Mapping[Key, Sequence[Series]], past: Past) -> list[MeasurementHistory]:
    """Return the history of each series of a run, the most urgent one first."""
    names = short_names(measured)
    found = (
        history(key, one, past.get(key, ()), (*names[key], *_distinction(one, series)))
        for key, series in measured.items()
        for one in series
    )
    return sorted(found, key=lambda one: one.worst.urgency)


def _distinction(one: Series, all_: Sequence[Series]) -> list[str]:
    """The unit and the origin of a series, as far as those of the same measurement in this run differ."""
    parts = zip((one.unit, *one.origin), *((other.unit, *other.origin) for other in all_), strict=True)
    return [mine or "?" for mine, *others in parts if len(set(others)) > 1]


def history(
    key: Key, series: Series, past: Sequence[Series], name: tuple[str, ...] = (), *, by_origin: bool = True
) -> MeasurementHistory:
    """Compare one series with the earlier series of the same measurement. Those that were measured later are left out.

    With `by_origin`, values of the same device, firmware and bench are preferred; otherwise all are compared.
    """
    before = [one for one in past if not (one.at and series.at and one.at > series.at)]
    same_unit = [known for one in before if (known := one if one.unit == series.unit else one.in_unit(series.unit))]
    earlier = _comparable(series, same_unit) if by_origin else same_unit
    now = median(series.values) if series.values else None
    levels = [median(one.values) for one in earlier]
    found = changes([*levels, now]) if now is not None else Changes()
    indices, pooled = _capability(series, earlier, found)
    return MeasurementHistory(
        key=key,
        name=name,
        series=series,
        earlier=tuple(earlier),
        now=now,
        usual=median(levels) if levels else None,
        changes=found,
        family=family(now, levels[found.start :]) if now is not None else None,
        capability=indices,
        pooled=pooled,
        other_units=len(before) - len(same_unit),
    )


def _comparable(series: Series, past: Sequence[Series]) -> list[Series]:
    """The earlier series with the most similar origin of which there are enough; all of them if there are few."""
    for parts in _POOLS:
        found = [one for one in past if all(getattr(one.origin, p) == getattr(series.origin, p) for p in parts)]
        if len(found) >= MIN_HISTORY:
            return found
    return list(past)


def _capability(series: Series, earlier: Sequence[Series], found: Changes) -> tuple[Capability | NoCapability | None, int]:
    """Return the capability of this run's values, or of those of all runs with the same limits if this run has too few."""
    if not series.has_same_limits or not series.values:
        return None, 0
    if len(series.values) >= MIN_VALUES:
        return capability(series.values, series.low, series.high), 1
    limits = (series.low, series.high)
    used = [one for one in (*earlier, series) if one.has_same_limits and (one.low, one.high) == limits]
    change = "the level changed by a step" if found.steps else "they drift" if found.drift else ""
    return capability([value for one in used for value in one.values], *limits, change), len(used)
