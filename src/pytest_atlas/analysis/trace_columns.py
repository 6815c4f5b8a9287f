"""Accumulate the values of a column and of the time column of a trace, batch by batch, in constant memory. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import eq, sub
from statistics import median

from .layout import ReadNumber
from .stats import Moments

GAP = 1.5
"""A gap is longer than so many sample intervals (the median of the first batch)."""
MIN_FLAT = 5
"""Fewest equal samples in a row at the extreme of a column that are reported as possibly clipped."""
MAX_LEVELS = 16
"""A column with at most so many different values contains states; its extremes are not clipped."""


@dataclass(slots=True)
class Extreme:
    """The highest value of a column, and how long the column stays at it. For the lowest value, negate the values."""

    value: float = -math.inf
    longest: int = 0  # samples in a row
    _trailing: int = 0

    def add(self, values: Sequence[float], highest: float) -> None:
        """Add finite values. `highest`: the highest of them."""
        if highest < self.value:
            self._trailing = 0
            return
        if highest > self.value:
            self.value, self.longest, self._trailing = highest, 0, 0
        runs = [(at_top, sum(1 for _ in run)) for at_top, run in groupby(map(partial(eq, highest), values))]
        first_at_top, first = runs[0]
        runs[0] = (first_at_top, first + self._trailing if first_at_top else first)
        self.longest = max(self.longest, *(length for at_top, length in runs if at_top))
        last_at_top, last = runs[-1]
        self._trailing = last if last_at_top else 0


@dataclass(slots=True)
class Column:
    """A column of numbers."""

    name: str
    unit: str
    moments: Moments = field(default_factory=Moments)
    not_finite: int = 0  # number of NaN and infinities
    texts: int = 0  # number of cells that contain text
    missing: int = 0  # number of empty cells
    _top: Extreme = field(default_factory=Extreme)
    _bottom: Extreme = field(default_factory=Extreme)
    _levels: set[float] = field(default_factory=set)

    def add(self, cells: Sequence[str], number: ReadNumber) -> None:
        """Add a batch of cells."""
        try:
            values = list(map(number, cells))
        except ValueError:
            values = self._read(cells, number)
        if not math.isfinite(sum(values)):
            finite = [value for value in values if math.isfinite(value)]
            self.not_finite += len(values) - len(finite)
            values = finite
        if values:
            self._add_finite(values)

    def _read(self, cells: Sequence[str], number: ReadNumber) -> list[float]:
        values = []
        for cell in cells:
            try:
                values.append(number(cell))
            except ValueError:
                self.texts += bool(cell.strip())
                self.missing += not cell.strip()
        return values

    def _add_finite(self, values: list[float]) -> None:
        self.moments.add(values)
        if len(self._levels) <= MAX_LEVELS:
            self._levels.update(values)
        self._top.add(values, max(values))
        negated = [-value for value in values]
        self._bottom.add(negated, max(negated))

    @property
    def is_numeric(self) -> bool:
        """Whether most cells that are not empty are numbers."""
        return self.moments.n + self.not_finite > self.texts

    @property
    def flat(self) -> tuple[str, int] | None:
        """`maximum` or `minimum` if the column may be clipped there, and the longest number of samples in a row."""
        if len(self._levels) <= MAX_LEVELS:
            return None
        length, where = max((self._top.longest, "maximum"), (self._bottom.longest, "minimum"))
        return (where, length) if length >= MIN_FLAT else None

    @property
    def has_problem(self) -> bool:
        """Whether the column may be clipped or has cells without a finite number."""
        return bool(self.flat or self.not_finite or self.missing or self.texts)


@dataclass(slots=True)
class TimeColumn:
    """The time column of a trace, in seconds."""

    n: int = 0
    first: float = math.nan
    last: float = math.nan
    interval: float = math.nan  # the median sample interval
    gaps: int = 0
    longest: float = 0.0  # the longest gap
    longest_at: float = math.nan  # time at which it begins
    backwards: int = 0  # number of samples that are not later than the one before

    def add(self, times: Sequence[float]) -> None:
        """Add a batch of finite times."""
        if not times:
            return
        known = [self.last, *times] if self.n else list(times)
        if not self.n:
            self.first = times[0]
        steps = list(map(sub, known[1:], known))
        forward = [step for step in steps if step > 0]
        self.backwards += len(steps) - len(forward)
        self.n += len(times)
        self.last = times[-1]
        if math.isnan(self.interval) and forward:
            self.interval = median(forward)
        if forward and max(forward) > GAP * self.interval:
            self._add_gaps(known, steps)

    def _add_gaps(self, known: Sequence[float], steps: Sequence[float]) -> None:
        for start, step in zip(known, steps, strict=False):
            if step > GAP * self.interval:
                self.gaps += 1
                if step > self.longest:
                    self.longest, self.longest_at = step, start

    @property
    def rate(self) -> float | None:
        """Samples per second; None without an interval."""
        return 1 / self.interval if self.interval > 0 else None
