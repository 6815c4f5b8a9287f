"""The samples of a trace on the disk, with the lowest and the highest value of each 64 samples.

A window of any width needs few values of it, and a spike of one sample is visible at each zoom: the window contains the lowest
and the highest value of each pixel, never every nth sample.
"""

import json
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pytest_atlas.base import private_files as pf

SAMPLES = 64
"""Number of samples of one entry of the pyramid."""
MAX_WIDTH = 4096
"""Largest width of a window in pixels."""
DETAILS = 4 * SAMPLES
"""Up to so many samples per pixel, the window is computed from the samples, otherwise from the pyramid."""
DESCRIPTION = "trace.json"
VERSION = 1

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a trace."""

    name: str
    unit: str
    low: float | None = None  # of the finite values; None without any
    high: float | None = None
    is_steps: bool = False  # it has few different values, so it is drawn as steps

    @property
    def label(self) -> str:
        """The name with the unit: `rail [V]`."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Description:
    """The columns of a trace, and the problems of its file."""

    rows: int
    columns: tuple[Column, ...]
    time: Column | None  # None: samples are numbered
    remarks: tuple[str, ...] = ()

    @property
    def start(self) -> float:
        """The time of the first sample."""
        return self.time.low or 0.0 if self.time else 0.0

    @property
    def end(self) -> float:
        """The time of the last sample."""
        return self.time.high or 0.0 if self.time else float(max(self.rows - 1, 0))

    @property
    def rate(self) -> float | None:
        """The mean number of samples per unit of the time column."""
        return (self.rows - 1) / (self.end - self.start) if self.time and self.rows > 1 and self.end > self.start else None


@dataclass(frozen=True, slots=True)
class Window:
    """The values of columns in a period. Both lists of a column are equal if `is_exact`: each point is a sample."""

    start: float
    end: float
    at: Array
    low: tuple[Array, ...]
    high: tuple[Array, ...]
    samples: int  # number of samples in the period
    is_exact: bool


class Pyramid:
    """The arrays of a trace in a directory, mapped into memory. Safe for threads."""

    def __init__(self, directory: Path) -> None:
        """Raises OSError or ValueError if the files are missing or damaged."""
        with pf.open_to_read(directory / DESCRIPTION) as file:
            content = json.loads(file.read(1 << 20))
        if content.pop("version") != VERSION:
            raise ValueError(f"{directory}: another version")
        self.description = Description(
            rows=int(content["rows"]),
            columns=tuple(Column(**column) for column in content["columns"]),
            time=Column(**content["time"]) if content["time"] else None,
            remarks=tuple(map(str, content["remarks"])),
        )
        rows, entries = self.description.rows, -(-self.description.rows // SAMPLES)
        self._time = _mapped(directory / "time.npy", rows) if self.description.time else None
        numbers = range(len(self.description.columns))
        self._samples = [_mapped(directory / f"{n}.npy", rows) for n in numbers]
        self._low = [_mapped(directory / f"{n}.low.npy", entries) for n in numbers]
        self._high = [_mapped(directory / f"{n}.high.npy", entries) for n in numbers]

    def __repr__(self) -> str:
        return f"<Pyramid {self.description.rows} rows, {len(self._samples)} columns>"

    def window(self, columns: Sequence[int], start: float | None = None, end: float | None = None, width: int = 1000) -> Window:
        """Return the lowest and the highest value for each of `width` pixels from `start` to `end`, by default the whole trace.

        If the period has at most two samples per pixel, return its samples, and one more on each side.
        """
        known = self.description
        start = known.start if start is None else start
        end = known.end if end is None else end
        if end <= start:
            end = start + (abs(start) * 1e-9 or 1e-9)
        width = max(1, min(width, MAX_WIDTH))
        period, samples = (start, end), (self._place(start, "left"), self._place(end, "right"))
        if samples[1] - samples[0] <= 2 * width:
            return self._exact(columns, period, samples)
        return self._reduced(columns, period, samples, width)

    def _place(self, time: float, side: Any) -> int:
        """Return the number of the first sample after a time; with the side "left", also at this time."""
        if self._time is not None:
            return int(np.searchsorted(self._time, time, side))
        place = np.ceil(time) if side == "left" else np.floor(time) + 1
        return int(min(max(place, 0), self.description.rows))

    def _exact(self, columns: Sequence[int], period: tuple[float, float], samples: tuple[int, int]) -> Window:
        first, last = max(0, samples[0] - 1), min(self.description.rows, samples[1] + 1)
        at = np.arange(first, last, dtype="f8") if self._time is None else np.array(self._time[first:last])
        found = tuple(np.array(self._samples[column][first:last]) for column in columns)
        return Window(*period, at, found, found, samples[1] - samples[0], is_exact=True)

    def _reduced(self, columns: Sequence[int], period: tuple[float, float], samples: tuple[int, int], width: int) -> Window:
        limits, (first, last) = np.linspace(*period, width + 1), samples
        if self._time is None:
            edges = np.clip(np.ceil(limits), first, last).astype("i8")
        else:
            edges = np.searchsorted(self._time, limits, "left")
        edges[0], edges[-1] = first, last
        size = 1
        if last - first > DETAILS * width:  # a pixel then has an error of less than a quarter
            size, edges = SAMPLES, edges // SAMPLES
            edges[-1] = -(-last // SAMPLES)
        is_full = edges[1:] > edges[:-1]  # a gap in the times leaves pixels without samples
        starts, stop = edges[:-1][is_full], int(edges[-1])
        low, high = (self._samples, self._samples) if size == 1 else (self._low, self._high)
        with np.errstate(invalid="ignore"):
            return Window(
                *period,
                at=((limits[:-1] + limits[1:]) / 2)[is_full],
                low=tuple(np.fmin.reduceat(low[column][:stop], starts) for column in columns),
                high=tuple(np.fmax.reduceat(high[column][:stop], starts) for column in columns),
                samples=last - first,
                is_exact=False,
            )  # fmt: skip


def _mapped(path: Path, count: int) -> Array:
    """Map the values of an .npy file with `count` float64 values. Raises OSError or ValueError."""
    with pf.open_to_read(path) as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"{path}: another version")
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        if shape != (count,) or kind != np.dtype("<f8"):
            raise ValueError(f"{path}: another shape")
        offset = file.tell()
        if not count:
            return np.zeros(0)
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapped, "<f8", count, offset)
