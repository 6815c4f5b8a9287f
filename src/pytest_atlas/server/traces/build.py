"""Write the arrays of a trace, which `pyramid.Pyramid` reads, while its file is read once and in constant memory."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.analysis.trace_columns import MAX_LEVELS
from pytest_atlas.base import disk_space
from pytest_atlas.base import private_files as pf

from .pyramid import DESCRIPTION, SAMPLES, VERSION, Array, Column
from .read import Block, TraceReader

NUMBERED = "the times don't increase; samples are numbered"


def build(file: BinaryIO, directory: Path, *, is_gzip: bool) -> None:
    """Write the arrays of the trace in `file` into an existing directory. Raises UnreadableError or OSError."""
    reader = TraceReader(file, is_gzip=is_gzip)
    header = reader.header
    names = ["time"] * (header.time is not None) + [str(n) for n in range(len(header.columns))]
    columns = [_Column(directory, name, is_time=name == "time") for name in names]
    rows = 0
    for block in _whole_entries(reader.blocks()):
        disk_space.require(directory, sum(values.nbytes for values in block))
        rows += len(block[0])
        for column, values in zip(columns, block, strict=True):
            column.add(values)
    for column in columns:
        column.close()
    if not rows:
        raise UnreadableError("no rows of numbers")
    described = [column.describe(*texts) for column, *texts in zip(columns, header.names, header.units, strict=True)]
    is_timed = columns[0].is_time and columns[0].is_sorted
    time = described.pop(0) if columns[0].is_time else None
    if time and not is_timed:
        pf.delete(directory / "time.npy")
    remarks = [header.layout.remark] * bool(header.layout.remark) + [NUMBERED] * (columns[0].is_time and not is_timed)
    remarks += [f"{reader.ragged:,} rows of another length left out"] * bool(reader.ragged)
    content = {"version": VERSION, "rows": rows, "remarks": remarks, "columns": [asdict(column) for column in described]}
    with pf.Replacement(directory / DESCRIPTION) as written:
        json.dump({**content, "time": asdict(time) if time and is_timed else None}, written)


def _whole_entries(blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield blocks whose numbers of rows are multiples of SAMPLES, except for the last one."""
    rest: Block = []
    for block in blocks:
        joined = [np.concatenate(pair) for pair in zip(rest, block, strict=True)] if rest else block
        whole = len(joined[0]) // SAMPLES * SAMPLES
        rest = [values[whole:] for values in joined]
        if whole:
            yield [values[:whole] for values in joined]
    if rest and len(rest[0]):
        yield rest


class _Column:
    """The files of a column, and what is known of its values."""

    def __init__(self, directory: Path, name: str, *, is_time: bool) -> None:
        self.is_time = is_time
        self.is_sorted = True
        self._samples = _ArrayFile(directory / f"{name}.npy")
        self._entries = [] if is_time else [_ArrayFile(directory / f"{name}.{kind}.npy") for kind in ("low", "high")]
        self._low, self._high, self._last = np.inf, -np.inf, -np.inf
        self._levels: set[float] = set()

    def add(self, values: Array) -> None:
        """Add the values of a block."""
        self._samples.append(values)
        finite = values[np.isfinite(values)]
        if len(finite):
            self._low, self._high = min(self._low, float(finite.min())), max(self._high, float(finite.max()))
        if self.is_time:
            is_sorted = len(finite) == len(values) and values[0] >= self._last and (np.diff(values) >= 0).all()
            self.is_sorted, self._last = self.is_sorted and bool(is_sorted), float(values[-1])
            return
        if len(self._levels) <= MAX_LEVELS:
            self._levels.update(np.unique(finite)[: MAX_LEVELS + 1].tolist())
        starts = np.arange(0, len(values), SAMPLES)
        with np.errstate(invalid="ignore"):
            for file, extreme in zip(self._entries, (np.fmin, np.fmax), strict=True):
                file.append(extreme.reduceat(values, starts))

    def close(self) -> None:
        """Complete the files."""
        for file in (self._samples, *self._entries):
            file.close()

    def describe(self, name: str, unit: str) -> Column:
        """Return the column."""
        if self._low > self._high:
            return Column(name, unit)
        return Column(name, unit, self._low, self._high, is_steps=len(self._levels) <= MAX_LEVELS)


class _ArrayFile:
    """An .npy file of float64 to which values are appended."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = open(pf.create(path), "wb")  # noqa: SIM115 - closed by `close`
        self._count = 0
        self._write_header()

    def append(self, values: Array) -> None:
        """Write values."""
        self._file.write(np.ascontiguousarray(values, "<f8").data)
        self._count += len(values)

    def close(self) -> None:
        """Write the number of values."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        # numpy reserves space for the largest number in the header, so that its size does not change.
        header = {"descr": "<f8", "fortran_order": False, "shape": (self._count,)}
        np.lib.format.write_array_header_1_0(self._file, header)
