"""What is in the columns of a trace: range, mean, RMS, sampling, gaps, clipping. One pass in constant memory.

Rows are taken in batches whose columns go through functions written in C: a million rows take seconds. No file is opened.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby, islice
from operator import eq, sub
from statistics import median

from .layout import MOST_COLUMNS, Number, find
from .reading import Table, UnreadableError
from .stats import Moments

GAP = 1.5
"""A gap is longer than so many median sample intervals (the median of the first batch's)."""
FLAT = 5
"""Equal samples in a row, at the extreme of a column, from which it may be clipped."""
LEVELS = 16
"""A column of so few different values is a state; its extremes mean nothing."""
HEAD_LINES = 200
HEAD_CHARACTERS = 1 << 20
"""How much of a file shows its layout."""
BATCH_CELLS = 1 << 14


@dataclass(slots=True)
class Extreme:
    """How long a column stays at its highest value (of values with the sign turned: its lowest)."""

    value: float = -math.inf
    longest: int = 0  # samples in a row
    _trailing: int = 0

    def add(self, values: Sequence[float], highest: float) -> None:
        """Take finite values in, the highest of which is given."""
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
    """What was seen of a column of numbers."""

    name: str
    unit: str
    moments: Moments = field(default_factory=Moments)
    not_finite: int = 0  # NaN and infinities
    texts: int = 0  # cells that are no numbers
    missing: int = 0  # empty cells
    _top: Extreme = field(default_factory=Extreme)
    _bottom: Extreme = field(default_factory=Extreme)
    _levels: set[float] = field(default_factory=set)

    def add(self, cells: Sequence[str], number: Number) -> None:
        """Take a batch of cells in."""
        try:
            values = list(map(number, cells))
        except ValueError:
            values = self._read(cells, number)
        if not math.isfinite(sum(values)):
            finite = [value for value in values if math.isfinite(value)]
            self.not_finite += len(values) - len(finite)
            values = finite
        if values:
            self._take(values)

    def _read(self, cells: Sequence[str], number: Number) -> list[float]:
        values = []
        for cell in cells:
            try:
                values.append(number(cell))
            except ValueError:
                self.texts += bool(cell.strip())
                self.missing += not cell.strip()
        return values

    def _take(self, values: list[float]) -> None:
        self.moments.add(values)
        if len(self._levels) <= LEVELS:
            self._levels.update(values)
        self._top.add(values, max(values))
        turned = [-value for value in values]
        self._bottom.add(turned, max(turned))

    @property
    def is_numeric(self) -> bool:
        """Whether most of its cells that say something are numbers."""
        return self.moments.n + self.not_finite > self.texts

    @property
    def flat(self) -> tuple[str, int] | None:
        """Where the column may be clipped (`maximum`, `minimum`), and for how many samples in a row at most."""
        if len(self._levels) <= LEVELS:
            return None
        length, where = max((self._top.longest, "maximum"), (self._bottom.longest, "minimum"))
        return (where, length) if length >= FLAT else None


@dataclass(slots=True)
class Clock:
    """What was seen of the time column, in seconds."""

    n: int = 0
    first: float = math.nan
    last: float = math.nan
    interval: float = math.nan  # the median
    gaps: int = 0
    longest: float = 0.0
    longest_at: float = math.nan  # when it begins
    backwards: int = 0  # steps that are not forward

    def add(self, times: Sequence[float]) -> None:
        """Take a batch of finite times in."""
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
            self._look_for_gaps(known, steps)

    def _look_for_gaps(self, known: Sequence[float], steps: Sequence[float]) -> None:
        for start, step in zip(known, steps, strict=False):
            if step > GAP * self.interval:
                self.gaps += 1
                if step > self.longest:
                    self.longest, self.longest_at = step, start

    @property
    def rate(self) -> float | None:
        """Samples per second, where they have an interval."""
        return 1 / self.interval if self.interval > 0 else None


@dataclass(frozen=True, slots=True)
class Trace:
    """What is in a trace. `ragged` counts rows with another number of cells, which are left out."""

    rows: int
    ragged: int
    columns: tuple[Column, ...]
    clock: Clock | None
    ignored: int  # columns beyond MOST_COLUMNS
    remark: str = ""  # why the times could not be read


def summarize(table: Table) -> Trace:
    """Look through a table. Raises UnreadableError if its layout is not understood, or if reading it fails."""
    head = _head(table.lines)
    layout = find(head)
    width, names = len(layout.names), layout.names[:MOST_COLUMNS]
    columns = [Column(name, unit) for name, unit in zip(names, layout.units, strict=False)]
    rows = csv.reader(chain(head[layout.start :], table.lines), delimiter=layout.delimiter)
    clock, size, ragged, read = Clock(), max(64, BATCH_CELLS // width), 0, 0
    while batch := list(islice(rows, size)):
        whole = batch
        if set(map(len, batch)) != {width}:
            whole = [row for row in batch if len(row) == width]
            ragged += sum(1 for row in batch if row) - len(whole)
        read += len(whole)
        cells = list(zip(*whole, strict=True))
        for place, (column, values) in enumerate(zip(columns, cells, strict=False)):
            if place == layout.time:
                clock.add(layout.times(values))
            else:
                column.add(values, layout.number)
    hidden = {layout.time, *layout.skipped}
    numeric = tuple(column for place, column in enumerate(columns) if place not in hidden and column.is_numeric)
    if not numeric:
        raise UnreadableError("no columns of numbers")
    return Trace(read, ragged, numeric, clock if clock.n else None, max(0, width - MOST_COLUMNS), layout.remark)


def _head(lines: Iterator[str]) -> list[str]:
    """The first lines, which show the layout."""
    head: list[str] = []
    size = 0
    for line in islice(lines, HEAD_LINES):
        head.append(line)
        size += len(line)
        if size > HEAD_CHARACTERS:
            break
    return head
