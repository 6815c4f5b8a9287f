"""The history of a measurement: its values in earlier runs of the same system, with drift, outliers and capability. Pure."""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from .capability import Capability, capability
from .drift import Drift, drift
from .inputs import PastFile
from .measurements import Key, RunMeasurements, Series, Worst, read_rows, short_names
from .outliers import Family, family
from .reading import MAX_PAST_BYTES, Budget, Reader, UnreadableError, open_table

Past = Mapping[Key, Sequence["array[float]"]]
"""The finite values of a measurement in each earlier run that has any, oldest run first."""


def read_past(files: Iterable[PastFile], keys: Iterable[Key], reader: Reader) -> tuple[Past, list[str]]:
    """Return the earlier values of these measurements, and the reason for each file that can't be read.

    The newest files are read first, until MAX_PAST_BYTES.
    """
    known = frozenset(keys)
    runs: dict[int, RunMeasurements] = defaultdict(RunMeasurements)
    budget, problems = Budget(MAX_PAST_BYTES), []
    for file in sorted(files, key=lambda f: -f.order):
        try:
            with open_table(reader, file.url, is_gzip=False, budget=budget) as table:
                rows = (row for row in read_rows(table) if Key(file.card, row.test, row.name) in known)
                runs[file.order].add(rows, file.card)
        except UnreadableError as error:
            problems.append(str(error))
    past: dict[Key, list[array[float]]] = defaultdict(list)
    for _, measured in sorted(runs.items()):
        for key, series in measured.valid({}).items():
            if series.values:
                past[key].append(series.values)
    return dict(past), problems


@dataclass(frozen=True, slots=True)
class MeasurementHistory:
    """A measurement of this run and of earlier runs. Each run counts with the median of its values."""

    key: Key
    name: tuple[str, ...]  # its parts: card, test, name
    series: Series
    now: float | None  # None if this run has no finite value
    runs: int  # number of earlier runs with a finite value
    usual: float | None  # median of the earlier runs
    drift: Drift | None
    family: Family | None
    capability: Capability | None
    pooled: int  # number of runs whose values are used for the capability

    @property
    def worst(self) -> Worst:
        """The value of this run with the smallest margin."""
        assert self.series.worst, "a series has at least one row"
        return self.series.worst

    @property
    def runs_left(self) -> float | None:
        """The number of runs until the trend reaches a limit; None without a trend towards one."""
        return self.drift.runs_until(self.series.low, self.series.high) if self.drift else None


def histories(measured: Mapping[Key, Series], past: Past) -> list[MeasurementHistory]:
    """Return the history of each measurement of a run, the most urgent one first."""
    names = short_names(measured)
    found = (history(key, series, past.get(key, ()), names[key]) for key, series in measured.items())
    return sorted(found, key=lambda one: one.worst.urgency)


def history(key: Key, series: Series, past: Sequence["array[float]"], name: tuple[str, ...] = ()) -> MeasurementHistory:
    """Compare one measurement with its earlier values."""
    now = median(series.values) if series.values else None
    earlier = [median(values) for values in past]
    pooled_capability, pooled = _capability(series, past)
    return MeasurementHistory(
        key=key,
        name=name,
        series=series,
        now=now,
        runs=len(earlier),
        usual=median(earlier) if earlier else None,
        drift=drift([*earlier, now]) if now is not None else None,
        family=family(now, earlier) if now is not None else None,
        capability=pooled_capability,
        pooled=pooled,
    )


def _capability(series: Series, past: Sequence["array[float]"]) -> tuple[Capability | None, int]:
    """Return the capability of this run's values, or of those of all runs if it has too few. The limits are this run's."""
    if not series.has_same_limits:
        return None, 0
    alone = capability(series.values, series.low, series.high)
    if alone or not series.values:
        return alone, 1
    values = [value for values in (*past, series.values) for value in values]
    return capability(values, series.low, series.high), len(past) + 1
