"""Convert the raw columns of a trace into a CSV: a header with units, then a row for each sample.

The raw file is untrusted input: it must have exactly the size of its columns, it is read and written in blocks, and the CSV is
limited, because text needs more space than numbers (25 bytes for one byte of a raw file).
"""

import array
import csv
import io
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pytest_atlas.base import disk_space
from pytest_atlas.base.private_files import Replacement, open_to_read
from pytest_atlas.journal.events import TraceColumn

MAX_CSV_BYTES = 1 << 30
"""Largest CSV of a trace."""
BLOCK_VALUES = 1 << 18
"""Number of values in memory."""

_CODES = {array.array(code).itemsize * 8: code for code in "bhilq"}
_UNSIGNED = {array.array(code).itemsize * 8: code for code in "BHILQ"}
_FLOATS = {32: "f", 64: "d"}
_BY_KIND = {"i": _CODES, "u": _UNSIGNED, "f": _FLOATS}


class TraceUnreadableError(ValueError):
    """The raw file does not match its event, or its CSV would be too large."""


class _Stored(NamedTuple):
    """The position of the values of a column in the raw file."""

    code: str  # of `array`
    offset: int
    item_bytes: int
    swap: bool


def write_csv(
    raw: Path,
    columns: Sequence[TraceColumn],
    rate: float,
    target: Path,
    *,
    check: Callable[[], None] = lambda: None,
    count_bytes: Callable[[int], None] = lambda _: None,
) -> None:
    """Write the columns in `raw` to the CSV `target`. `rate` is in samples per second; 0: no time column is added.

    `check` is called for each block, `count_bytes` with the size of each, and both may raise. Raises TraceUnreadableError,
    DiskSpaceError or OSError; nothing is at `target` then.
    """
    with open_to_read(raw) as file:
        stored = _stored(columns, os.fstat(file.fileno()).st_size)
        count = columns[0].count if columns else 0
        _check_size(count, len(columns) + bool(rate), rate)
        header = [f"{c.name} [{c.unit}]" if c.unit else c.name for c in columns]
        if rate:
            header.insert(0, "t [s]")
        with Replacement(target) as made:
            size = 0
            for text in _blocks(file, stored, count, rate, header):
                check()
                size += len(text)
                if size > MAX_CSV_BYTES:
                    raise _too_large(count)
                count_bytes(len(text))
                disk_space.require(target.parent, len(text))
                made.write(text)


def _check_size(count: int, width: int, rate: float) -> None:
    """Raise TraceUnreadableError for an invalid rate or a CSV that would be too large, before a value is read."""
    if rate and not (math.isfinite(rate) and rate > 0):
        raise TraceUnreadableError(f"the rate is {rate} samples per second")
    if count * width * 2 > MAX_CSV_BYTES:  # a digit and a separator for each value
        raise _too_large(count)


def _too_large(count: int) -> TraceUnreadableError:
    return TraceUnreadableError(
        f"the CSV of {count:,} samples is larger than {MAX_CSV_BYTES >> 20} MiB; record fewer samples, or attach a file"
    )


def _stored(columns: Sequence[TraceColumn], size: int) -> list[_Stored]:
    """Return where each column is. Raises TraceUnreadableError unless they are a raw file of `size` bytes."""
    found: list[_Stored] = []
    offset = 0
    for column in columns:
        code = _BY_KIND.get(column.kind[:1], {}).get(8 * int(column.kind[1:]) if column.kind[1:].isdigit() else 0)
        if code is None or column.count < 0:
            raise TraceUnreadableError(f"column {column.name!r} has the unknown kind {column.kind!r}")
        if column.count != columns[0].count:
            raise TraceUnreadableError(f"column {column.name!r} has {column.count} values, the first has {columns[0].count}")
        item_bytes = array.array(code).itemsize
        found.append(_Stored(code, offset, item_bytes, (column.little != column.swapped) != (sys.byteorder == "little")))
        offset += column.count * item_bytes
        if offset > size:
            raise TraceUnreadableError(f"column {column.name!r} is shorter than it was recorded")
    if offset != size:
        raise TraceUnreadableError(f"the raw file is longer than its columns: {size} bytes instead of {offset}")
    return found


def _blocks(file: BinaryIO, stored: Sequence[_Stored], count: int, rate: float, header: list[str]) -> Iterator[str]:
    """Yield the CSV, some rows at a time."""
    yield _as_csv([header])
    step = max(1, BLOCK_VALUES // max(1, len(stored)))
    for start in range(0, count, step):
        end = min(start + step, count)
        times = [[index / rate for index in range(start, end)]] if rate else []
        yield _as_csv(zip(*times, *(_values(file, column, start, end) for column in stored), strict=True))


def _as_csv(rows: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _values(file: BinaryIO, column: _Stored, start: int, end: int) -> "array.array[Any]":
    values: array.array[Any] = array.array(column.code)
    file.seek(column.offset + start * column.item_bytes)
    values.frombytes(file.read((end - start) * column.item_bytes))
    if column.swap:
        values.byteswap()
    return values
