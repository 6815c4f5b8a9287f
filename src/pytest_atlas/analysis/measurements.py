"""Measurements, from the rows of `measurements.csv`: what each measurement of a test was, how near to its limits. Pure."""

import math
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_atlas.base.quantities import from_cell

from .reading import Table, UnreadableError
from .stats import Margin, Moments, margin

COLUMNS = ("test", "name", "value", "unit", "low", "high", "verdict", "time", "session", "valid")
"""The columns that are read."""
_NEEDED = ("test", "name", "value")


class Key(NamedTuple):
    """One measurement: the same in each run. `test` is the test's id with its parameters."""

    card: str
    test: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """One value. `number` is None where the value is a text (a state, say)."""

    test: str
    name: str
    value: str
    number: float | None
    unit: str
    low: float | None
    high: float | None
    verdict: str
    equal: str = ""  # the allowed text or values, as a cell
    at: str = ""  # ISO 8601, UTC
    session: str = ""  # empty if the file has no such column
    is_valid: bool = True  # within its session: False if a later attempt superseded it


@dataclass(frozen=True, slots=True)
class Worst:
    """The value that is nearest to its limits, or farthest beyond them, as it was written."""

    value: str
    number: float | None
    low: float | None
    high: float | None
    margin: Margin | None
    verdict: str
    equal: str = ""


@dataclass(slots=True)
class Series:
    """All values of one measurement in one run."""

    unit: str = ""
    values: "array[float]" = field(default_factory=lambda: array("d"))  # the finite ones
    rows: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    worst: Worst | None = None
    low: float | None = None  # of the last value
    high: float | None = None
    same_limits: bool = True

    def add(self, row: Row) -> None:
        """Take one value in."""
        self.same_limits = self.same_limits and (not self.rows or (self.low, self.high) == (row.low, row.high))
        self.rows += 1
        self.unit = row.unit or self.unit
        self.low, self.high = row.low, row.high
        self.verdicts[row.verdict] += 1
        if row.number is not None and math.isfinite(row.number):
            self.values.append(row.number)
        distance = None if row.number is None else margin(row.number, row.low, row.high)
        worst = Worst(row.value, row.number, row.low, row.high, distance, row.verdict, row.equal)
        if self.worst is None or rank(worst) < rank(self.worst):
            self.worst = worst

    def join(self, other: "Series") -> None:
        """Take all values of `other` in."""
        self.same_limits &= other.same_limits and (self.low, self.high) == (other.low, other.high)
        self.rows += other.rows
        self.unit = other.unit or self.unit
        self.low, self.high = other.low, other.high
        self.verdicts += other.verdicts
        self.values.extend(other.values)
        if self.worst is None or (other.worst is not None and rank(other.worst) < rank(self.worst)):
            self.worst = other.worst

    def moments(self) -> Moments:
        """Of the finite values."""
        found = Moments()
        found.add(self.values)
        return found


_TIERS = {"fail": 0, "waived": 1}


def rank(worst: Worst) -> tuple[int, float]:
    """What comes first in a table of worst cases: violations, waived ones, then the smallest margin of what has limits."""
    tier = _TIERS.get(worst.verdict, 2)
    if worst.margin is None:
        return (tier, math.inf)
    share, units = worst.margin.share, worst.margin.units
    return (tier, share if share is not None else math.copysign(math.inf, units))


def read_rows(table: Table) -> Iterator[Row]:
    """The rows of a file of measurements.

    In a file without the column `valid`, of an older version, all are. Raises UnreadableError if a needed column is missing.
    """
    header = [name.strip().lower() for name in table.header]
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise UnreadableError(f"unreadable: no column {missing[0]}")
    places = [header.index(name) if name in header else len(header) for name in COLUMNS]
    for row in table.rows:
        if not row:
            continue
        padded = [*row, *[""] * (len(header) + 1 - len(row))]
        test, name, value, unit, low, high, verdict, at, session, valid = (padded[place] for place in places)
        equal = low if low == high and _number(low) is None else ""  # a state that has to be another one has no distance
        yield Row(
            test,
            name,
            value,
            _number(value),
            unit,
            _limit(low),
            _limit(high),
            verdict.strip().lower(),
            equal,
            at,
            session,
            valid.strip().lower() != "false",
        )


def _number(cell: str) -> float | None:
    value = from_cell(cell)
    if isinstance(value, bool | str):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _limit(value: str) -> float | None:
    number = _number(value)
    return number if number is not None and math.isfinite(number) else None  # an infinite limit is none
