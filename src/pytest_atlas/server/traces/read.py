"""Read the columns of a trace from a text file as arrays, in blocks of rows and in constant memory.

The layout is detected by `analysis.layout`. numpy parses blocks of plain numbers; Python parses a block with other cells. A
cell without a number is NaN, and a row with another number of cells is left out.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np

from pytest_atlas.analysis import reading
from pytest_atlas.analysis.layout import MAX_COLUMNS, Layout, find_layout
from pytest_atlas.analysis.reading import UnreadableError

MAX_BYTES = 1 << 30
"""Largest file that is read, decompressed: that of the largest CSV of a trace."""
HEAD_LINES = 200
"""Number of lines from which the layout is detected."""
BLOCK_ROWS = 1 << 15
"""numpy parses a block without releasing the interpreter lock, so a larger one would delay other requests."""
READ_CHARACTERS = 1 << 20
MAX_LINE = 1 << 18
"""Longest line in characters. A file can be one endless line."""

Block = list["np.ndarray[Any, np.dtype[np.float64]]"]


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file."""

    layout: Layout
    columns: tuple[int, ...]  # places of the columns of numbers in a row
    time: int | None  # place of the time column
    is_date: bool = False  # the time column has dates, which become seconds
    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[int, ...]:
        """The places of the arrays of a block: the time column first, if there is one."""
        return (*(() if self.time is None else (self.time,)), *self.columns)


class TraceReader:
    """The header and the blocks of one open file. `ragged` is complete when all blocks were read."""

    def __init__(self, file: BinaryIO, *, is_gzip: bool) -> None:
        """Raises UnreadableError if the layout is not understood."""
        content = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if is_gzip else file
        self._lines = _lines(io.TextIOWrapper(content, "utf-8-sig", errors=reading.AS_LATIN_1, newline=None))
        self._head = next(self._lines, [])
        if not self._head:
            raise UnreadableError("empty")
        self.header = _header(self._head)
        self.ragged = 0

    def blocks(self) -> Iterator[Block]:
        """Yield arrays of at most BLOCK_ROWS rows, one for each of `header.places`. Raises UnreadableError."""
        waiting, start = self._head[self.header.layout.start :], 0
        while True:
            while len(waiting) - start < BLOCK_ROWS and (more := next(self._lines, None)) is not None:
                waiting, start = waiting[start:] + more, 0
            if start >= len(waiting):
                return
            lines, start = waiting[start : start + BLOCK_ROWS], start + BLOCK_ROWS
            block = self._parsed(lines)
            if len(block[0]):
                yield block

    def _parsed(self, lines: list[str]) -> Block:
        layout, places = self.header.layout, self.header.places
        if not self.header.is_date:
            text = [line.replace(",", ".") for line in lines] if layout.decimal_comma else lines
            try:
                found = np.loadtxt(text, delimiter=layout.delimiter, comments=None, ndmin=2, quotechar='"', usecols=places)
            except ValueError:  # a cell without a number, or a row with too few cells
                pass
            else:
                if sum(line.count(layout.delimiter) for line in lines) == (len(layout.names) - 1) * len(lines):
                    return list(np.ascontiguousarray(found.T))  # otherwise, rows have too many cells
        return self._parsed_by_cell(lines)

    def _parsed_by_cell(self, lines: list[str]) -> Block:
        header, width = self.header, len(self.header.layout.names)
        rows = []
        for row in csv.reader(lines, delimiter=header.layout.delimiter):
            if len(row) == width:
                rows.append(row)
            elif row:
                self.ragged += 1
        columns = list(zip(*rows, strict=True)) or [()] * width
        return [np.array([self._number(cell, place) for cell in columns[place]], "f8") for place in header.places]

    def _number(self, cell: str, place: int) -> float:
        if self.header.is_date and place == self.header.time:
            return next(iter(self.header.layout.times([cell])), math.nan)
        try:
            return self.header.layout.number(cell)
        except ValueError:
            return math.nan


def _lines(text: io.TextIOWrapper) -> Iterator[list[str]]:
    """Yield lists of lines; the first one has the head of the file. Raises UnreadableError."""
    size, rest, limit = 0, "", 1 << 16
    try:
        while chunk := text.read(limit):
            size, limit = size + len(chunk), READ_CHARACTERS
            if size > MAX_BYTES:
                raise UnreadableError(f"a trace of more than {MAX_BYTES >> 20} MiB is not plotted")
            *lines, rest = (rest + chunk).split("\n")
            if len(rest) > MAX_LINE or "\0" in chunk:
                raise UnreadableError("no text table: a line of over 256 KiB" if len(rest) > MAX_LINE else "no text table")
            if lines:
                yield lines
        if rest:
            yield [rest]
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"unreadable: {error}") from error
    finally:
        with suppress(ValueError):  # the caller has closed the file
            text.detach()  # otherwise the wrapper closes it


def _header(lines: Sequence[str]) -> Header:
    head = lines[:HEAD_LINES]
    try:
        layout = find_layout(head)
    except csv.Error as error:
        raise UnreadableError(f"unreadable: {error}") from error
    width = len(layout.names)
    rows = [row for row in csv.reader(head[layout.start :], delimiter=layout.delimiter) if len(row) == width]
    hidden = {layout.time, *layout.skipped}
    columns = tuple(
        place
        for place in range(min(width, MAX_COLUMNS))
        if place not in hidden and _is_numeric([row[place] for row in rows], layout)
    )
    if not columns:
        raise UnreadableError("no columns of numbers")
    is_date = layout.time is not None and not _is_numeric([row[layout.time] for row in rows], layout)
    places = (*columns,) if layout.time is None else (layout.time, *columns)
    return Header(
        layout, columns, layout.time, is_date, tuple(layout.names[p] for p in places), tuple(layout.units[p] for p in places)
    )


def _is_numeric(cells: Sequence[str], layout: Layout) -> bool:
    def is_number(cell: str) -> bool:
        try:
            layout.number(cell)
        except ValueError:
            return False
        return True

    full = [cell for cell in cells if cell.strip()]
    return 2 * sum(map(is_number, full)) > len(full)
