"""From the raw columns that a test spooled to the CSV that Atlas gets: a header with units, then a row for each sample."""

import array
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from pytest_atlas.base.private_files import open_to_read, replacing
from pytest_atlas.journal.events import TraceColumn

_CODES = {array.array(code).itemsize * 8: code for code in "bhilq"}
_UNSIGNED = {array.array(code).itemsize * 8: code for code in "BHILQ"}
_FLOATS = {32: "f", 64: "d"}
_BY_KIND = {"i": _CODES, "u": _UNSIGNED, "f": _FLOATS}


class TraceUnreadableError(ValueError):
    """The raw file does not hold what its event says."""


def write_csv(raw: Path, columns: Sequence[TraceColumn], rate: float, target: Path) -> None:
    """Make `target` of the columns in `raw`. Raises TraceUnreadableError or OSError; nothing is at `target` then."""
    loaded = list(_load(raw, columns))
    header = [f"{c.name} [{c.unit}]" if c.unit else c.name for c in columns]
    rows: Iterator[tuple[object, ...]] = zip(*loaded, strict=True)
    if rate:
        header.insert(0, "t [s]")
        rows = ((index / rate, *row) for index, row in zip(count(), rows, strict=False))
    with replacing(target) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _load(raw: Path, columns: Sequence[TraceColumn]) -> Iterator["array.array[Any]"]:
    with open_to_read(raw) as file:
        left = os.fstat(file.fileno()).st_size
        for column in columns:
            code = _BY_KIND.get(column.kind[:1], {}).get(8 * int(column.kind[1:]) if column.kind[1:].isdigit() else 0)
            if code is None or column.count < 0:
                raise TraceUnreadableError(f"column {column.name!r} is of a kind that is not known: {column.kind}")
            values: array.array[Any] = array.array(code)
            left -= column.count * values.itemsize
            if left < 0:  # before it is read: a count may claim more than any memory has
                raise TraceUnreadableError(f"column {column.name!r} is shorter than it was recorded")
            values.fromfile(file, column.count)
            if (column.little != column.swapped) != (sys.byteorder == "little"):
                values.byteswap()
            yield values
