"""Statistics of a trace: range, mean, RMS, sampling, gaps, clipping. One pass in constant memory.

Rows are read in batches, and functions written in C process their columns: a million rows take seconds. Pure.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from pytest_atlas.base.quantities import quantity as exact
from pytest_atlas.descriptions import ColumnLimits, TraceLimits

from .inputs import File
from .layout import MAX_COLUMNS, find_layout
from .markdown import MAX_ROWS, Highlight, Section, capped, count, path, prose, quantity, table
from .reading import Table, UnreadableError
from .trace_columns import GAP, MAX_LEVELS, MIN_FLAT, Column, TimeColumn

MAX_COLUMN_ROWS = 30
"""Most columns in the table of a report."""
HEAD_LINES = 200
HEAD_CHARACTERS = 1 << 20
"""Lines and characters at the start of a file from which the layout is determined."""
BATCH_CELLS = 1 << 14


@dataclass(frozen=True, slots=True)
class Trace:
    """The statistics of a trace."""

    rows: int
    ragged: int  # number of rows with another number of cells, which are left out
    columns: tuple[Column, ...]
    time: TimeColumn | None
    ignored: int  # number of columns beyond MAX_COLUMNS
    remark: str = ""  # why the times could not be read

    @property
    def has_file_problem(self) -> bool:
        """Whether rows, columns or times are missing."""
        return bool((self.time and (self.time.gaps or self.time.backwards)) or self.remark or self.ragged or self.ignored)

    @property
    def has_problem(self) -> bool:
        """Whether the trace or one of its columns has a problem."""
        return self.has_file_problem or any(column.has_problem for column in self.columns)


NO_LIMITS = TraceLimits()


@dataclass(frozen=True, slots=True)
class TraceFile:
    """A data file and its statistics."""

    file: File
    trace: Trace
    limits: TraceLimits = NO_LIMITS

    @property
    def has_problem(self) -> bool:
        """Whether the file or one of its columns has a problem, or exceeds a limit."""
        return self.trace.has_problem or any(self.violations(column) for column in self.trace.columns)

    def has_column_problem(self, column: Column) -> bool:
        """Return whether a column has a problem or exceeds a limit."""
        return column.has_problem or bool(self.violations(column))

    def violations(self, column: Column) -> list[str]:
        """Return the violated limits of a column: `maximum 13.1 V above the limit of 12.6 V`."""
        return violations(column, self.limits.of(column.name))

    @property
    def name(self) -> str:
        """The step or card of the file, and the file name, as Markdown."""
        return path((self.file.step or self.file.card, self.file.name))


def summarize(source: Table) -> Trace:
    """Return the statistics of a table. Raises UnreadableError if its layout is not understood or reading it fails."""
    head = _head(source.lines)
    layout = find_layout(head)
    width, names = len(layout.names), layout.names[:MAX_COLUMNS]
    columns = [Column(name, unit) for name, unit in zip(names, layout.units, strict=False)]
    rows = csv.reader(chain(head[layout.start :], source.lines), delimiter=layout.delimiter)
    time, size, ragged, read = TimeColumn(), max(64, BATCH_CELLS // width), 0, 0
    while batch := list(islice(rows, size)):
        complete = batch
        if set(map(len, batch)) != {width}:
            complete = [row for row in batch if len(row) == width]
            ragged += sum(1 for row in batch if row) - len(complete)
        read += len(complete)
        for number, (column, cells) in enumerate(zip(columns, zip(*complete, strict=True), strict=False)):
            if number == layout.time:
                time.add(layout.times(cells))
            else:
                column.add(cells, layout.number)
    hidden = {layout.time, *layout.skipped}
    numeric = tuple(column for number, column in enumerate(columns) if number not in hidden and column.is_numeric)
    if not numeric:
        raise UnreadableError("no columns of numbers")
    return Trace(read, ragged, numeric, time if time.n else None, max(0, width - MAX_COLUMNS), layout.remark)


def violations(column: Column, limits: ColumnLimits) -> list[str]:
    """Return the violated limits of a column. Finite values count."""
    found, unit = column.moments, limits.unit or column.unit
    if not found.n:
        return []
    sides = [("maximum", found.high, "above", limits.high)] if limits.high is not None and found.high > limits.high else []
    sides += [("minimum", found.low, "below", limits.low)] if limits.low is not None and found.low < limits.low else []
    return [
        f"{which} {exact(value, unit, [limit])} {side} the limit of {exact(limit, unit)}" for which, value, side, limit in sides
    ]


def _head(lines: Iterator[str]) -> list[str]:
    head: list[str] = []
    size = 0
    for line in islice(lines, HEAD_LINES):
        head.append(line)
        size += len(line)
        if size > HEAD_CHARACTERS:
            break
    return head


def traces_section(files: Sequence[TraceFile]) -> Section | None:
    """Return the report section about traces, those with problems first; None without any."""
    if not files:
        return None
    ordered = sorted(files, key=lambda file: not file.trace.has_file_problem)
    columns = sorted(
        ((file, c) for file in files for c in file.trace.columns), key=lambda pair: not pair[0].has_column_problem(pair[1])
    )
    file_table = table(("trace", "rows", "duration", "rate", "remarks"), [_file_row(file) for file in ordered[:MAX_ROWS]])
    more = f"\n\n… and {len(files) - MAX_ROWS:,} more files" if len(files) > MAX_ROWS else ""
    column_table = capped(
        columns,
        MAX_COLUMN_ROWS,
        lambda some: table(_COLUMNS, [_column_row(file, column) for file, column in some]),
        "columns" if any(file.has_column_problem(c) for file, c in columns[MAX_COLUMN_ROWS:]) else "columns without remarks",
    )
    problems = [file for file in files if file.has_problem]
    return Section(
        f"Traces ({len(files)})",
        f"{file_table}{more}\n\n{column_table}",
        highlights=tuple(Highlight(50, f"**Trace:** {file.name}: {'; '.join(_remarks(file))}.") for file in problems[:3]),
        summary=f"{count(len(problems), 'trace')} with gaps, flat tops, missing values or values beyond limits"
        if problems
        else "",
        method=f"Gap: longer than {GAP} median sample intervals. Flat: {MIN_FLAT} equal samples in a row or more at the "
        f"extreme of a column with more than {MAX_LEVELS} different values.",
    )


_COLUMNS = ("trace", "column", "min", "mean", "max", "RMS", "n", "remarks")


def _remarks(file: TraceFile) -> Iterator[str]:
    if file.trace.has_file_problem:
        yield _file_remarks(file.trace)
    columns = (column for column in file.trace.columns if file.has_column_problem(column))
    yield from (f"{prose(column.name, 40)} {_column_remarks(file, column)}" for column in columns)


def _file_row(file: TraceFile) -> list[str]:
    trace, time = file.trace, file.trace.time
    duration = quantity(time.last - time.first, "s", 4) if time else ""
    return [file.name, f"{trace.rows:,}", duration, _rate(time), _file_remarks(trace)]


def _rate(time: TimeColumn | None) -> str:
    if time is None or time.rate is None:
        return ""
    scale, unit = next((s, u) for s, u in ((1e6, "MHz"), (1e3, "kHz"), (1, "Hz")) if time.rate >= 0.9995 * s or s == 1)
    return quantity(time.rate / scale, unit, 4)


def _file_remarks(trace: Trace) -> str:
    remarks = []
    if trace.time and trace.time.gaps:
        longest = f"{quantity(trace.time.longest, 's', 3)} at t = {quantity(trace.time.longest_at, 's')}"
        remarks.append(f"{count(trace.time.gaps, 'gap')}, the longest {longest}")
    if trace.time and trace.time.backwards:
        remarks.append(f"time does not advance {count(trace.time.backwards, 'time')}")
    if trace.remark:
        remarks.append(prose(trace.remark, 120))
    if trace.ragged:
        remarks.append(f"{count(trace.ragged, 'row')} of another length left out")
    if trace.ignored:
        remarks.append(f"{count(trace.ignored, 'column')} not analysed")
    return ", ".join(remarks)


def _column_remarks(file: TraceFile, column: Column) -> str:
    remarks = [prose(violation) for violation in file.violations(column)]
    if column.flat:
        where, samples = column.flat
        remarks.append(f"flat at its {where} for {samples:,} samples, perhaps clipped")
    remarks += [f"{column.not_finite:,} × NaN or infinite"] * bool(column.not_finite)
    remarks += [f"{column.missing:,} × empty"] * bool(column.missing)
    remarks += [f"{column.texts:,} × text"] * bool(column.texts)
    return ", ".join(remarks)


def _column_row(file: TraceFile, column: Column) -> list[str]:
    found = column.moments
    values = (found.low, found.mean, found.high, found.rms) if found.n else ()
    shown = [quantity(value, column.unit, 4) for value in values] or [""] * 4
    return [file.name, prose(column.name, 40), *shown, f"{found.n:,}", _column_remarks(file, column)]
