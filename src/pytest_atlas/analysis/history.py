"""A measurement beside the same one of the system's earlier runs: drift, out of family, capability. Pure but for reading."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .material import PastFile
from .measurements import Key, Series, read_rows
from .reading import MOST_PAST_BYTES, Budget, Objects, UnreadableError, opened
from .sessions import Collected
from .stats import Capability, Drift, Family, capability, drift, family

Past = Mapping[Key, Sequence["array[float]"]]
"""The finite values of a measurement in each earlier run that has any, oldest run first."""


def read_past(files: Iterable[PastFile], wanted: Iterable[Key], objects: Objects) -> tuple[Past, list[str]]:
    """The earlier values of the measurements that are wanted, and why files could not be read. The newest are read first."""
    keys = frozenset(wanted)
    runs: dict[int, Collected] = defaultdict(Collected)
    budget, problems = Budget(MOST_PAST_BYTES), []
    for file in sorted(files, key=lambda f: -f.order):
        try:
            with opened(objects, file.url, packed=False, budget=budget) as table:
                wanted_rows = (row for row in read_rows(table) if Key(file.card, row.test, row.name) in keys)
                runs[file.order].add(wanted_rows, file.card)
        except UnreadableError as error:
            problems.append(str(error))
    past: dict[Key, list[array[float]]] = defaultdict(list)
    for _, collected in sorted(runs.items()):
        for key, series in collected.valid({}).items():
            if series.values:
                past[key].append(series.values)
    return dict(past), problems


@dataclass(frozen=True, slots=True)
class Compared:
    """A measurement beside its history. Each run counts once, with the median of its values."""

    key: Key
    series: Series
    now: float | None  # None where the run has no finite value
    runs: int  # earlier runs that have one
    usual: float | None  # their median
    drift: Drift | None
    family: Family | None
    capability: Capability | None
    pooled: int  # runs whose values the capability is computed of

    @property
    def runs_left(self) -> float | None:
        """After how many more runs the drift reaches a limit."""
        return self.drift.runs_until(self.series.low, self.series.high) if self.drift else None


def compare(key: Key, series: Series, past: Sequence["array[float]"]) -> Compared:
    """Put one measurement beside its history."""
    now = median(series.values) if series.values else None
    earlier = [median(values) for values in past]
    trend = drift([*earlier, now]) if now is not None else None
    able, pooled = _capability(series, past)
    return Compared(
        key,
        series,
        now,
        len(earlier),
        median(earlier) if earlier else None,
        trend,
        family(now, earlier) if now is not None else None,
        able,
        pooled,
    )


def _capability(series: Series, past: Sequence["array[float]"]) -> tuple[Capability | None, int]:
    """Of this run's values where they are enough, else of those of all runs; this run's limits count."""
    if not series.same_limits:
        return None, 0
    alone = capability(series.values, series.low, series.high)
    if alone or not series.values:
        return alone, 1
    together = [value for values in (*past, series.values) for value in values]
    return capability(together, series.low, series.high), len(past) + 1
