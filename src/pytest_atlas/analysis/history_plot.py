"""The geometry of the plot of a measurement over runs. Pure.

Horizontal positions are percent of the width, and columns of COLUMN units in paths, which the template stretches to the width.
Vertical positions are pixels. The templates draw the results.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from .distribution import Line, ticks

COLUMN = 10
"""Width of a run in paths."""
TOP, BOTTOM = 8, 22
"""Pixels above the plot, and below it for its labels."""
MAX_REACH = 3.0
"""A limit is in the plot if its distance from the values is at most so many times their range."""
MAX_LABELS, MAX_EVENTS = 8, 12
MAX_ORIGINS = 4
"""Number of origins with a shape of their own; the others share the last one."""


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a run."""

    run: str
    value: float
    low: float | None
    high: float | None
    is_out: bool
    origin: str = ""  # device and bench
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the plot."""

    index: int  # of the run
    x: float  # percent
    y: float
    shape: int  # number of its origin
    is_out: bool


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line from one run to another: the median between step changes."""

    x: float  # percent
    end: float
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """The course of a measurement."""

    height: int
    width: int  # of the paths
    bottom: float  # y of the axis
    ticks: tuple[Line, ...]
    labels: tuple[Line, ...]  # runs
    events: tuple[Line, ...]  # changes of the firmware
    limits: tuple[str, ...]  # paths
    limit_labels: tuple[Line, ...]
    beyond: tuple[tuple[float, float, float, float], ...]  # x, y, width, height of the areas beyond the limits
    band: tuple[float, float, float] | None  # y, height and middle of the usual values
    band_start: int  # x in paths
    levels: tuple[Level, ...]
    line: str  # a path through all points; empty for several origins, whose levels can differ
    marks: tuple[Mark, ...]
    origins: tuple[str, ...]  # in the order of the shapes
    is_high_shown: bool = True
    is_low_shown: bool = True

    def dots(self, *, is_out: bool) -> str:
        """Return the points as a path of zero-length lines, for plots with many points."""
        return "".join(f"M{mark.index * COLUMN + COLUMN // 2} {mark.y:g}h0" for mark in self.marks if mark.is_out is is_out)


def plot(
    points: Sequence[Point],
    *,
    height: int,
    levels: Sequence[tuple[int, float]] = (),
    band: tuple[float, float] | None = None,
    band_start: int = 0,
) -> Plot | None:
    """Return the plot of at least one point.

    Args:
        points: in the order of measuring.
        height: in pixels.
        levels: the index at which each level starts, and its median; empty without step changes.
        band: the usual values, lowest and highest.
        band_start: the index from which they hold.

    """
    if not points:
        return None
    scale = _Scale(points, height, band)
    marks, origins = _marks(points, scale)
    highs, lows = [p.high for p in points], [p.low for p in points]
    return Plot(
        height=height,
        width=COLUMN * len(points),
        bottom=height - BOTTOM,
        ticks=tuple(Line(scale.y(value), text) for value, text in ticks(scale.low, scale.high, 5 if height > 200 else 3)),
        labels=_labels(points),
        events=_events(points),
        limits=tuple(path for limits in (lows, highs) if (path := _limit_path(limits, scale))),
        limit_labels=tuple(
            Line(scale.y(limits[-1]), sign) for limits, sign in ((lows, "≥"), (highs, "≤")) if scale.shows(limits[-1])
        ),
        beyond=(*_beyond(lows, scale, is_high=False), *_beyond(highs, scale, is_high=True)),
        band=None if band is None else (scale.y(band[1]), _r(scale.y(band[0]) - scale.y(band[1])), scale.y(sum(band) / 2)),
        band_start=COLUMN * band_start,
        levels=_levels(levels, len(points), scale),
        line=_line(marks) if len(origins) == 1 else "",
        marks=marks,
        origins=origins,
        is_high_shown=highs[-1] is None or scale.shows(highs[-1]),
        is_low_shown=lows[-1] is None or scale.shows(lows[-1]),
    )


@dataclass(slots=True)
class _Scale:
    """Converts values to pixels."""

    points: Sequence[Point]
    height: int
    band: tuple[float, float] | None
    low: float = field(init=False)
    high: float = field(init=False)

    def __post_init__(self) -> None:
        values = [p.value for p in self.points]
        least, most = min(values), max(values)
        reach = MAX_REACH * (most - least) or abs(most) or 1.0
        limits = [limit for p in self.points for limit in (p.low, p.high) if limit is not None and math.isfinite(limit)]
        near = [limit for limit in set(limits) if least - reach <= limit <= most + reach]
        band = self.band or ()
        near += [edge for edge in band if least - reach <= edge <= most + reach]
        least, most = min([least, *near]), max([most, *near])
        room = 0.08 * (most - least) or abs(most) * 0.05 or 1.0
        self.low, self.high = least - room, most + room

    def y(self, value: float | None) -> float:
        assert value is not None
        share = (value - self.low) / (self.high - self.low)
        return _r(self.height - BOTTOM - min(max(share, 0.0), 1.0) * (self.height - BOTTOM - TOP))

    def shows(self, value: float | None) -> bool:
        return value is not None and self.low <= value <= self.high


def _r(value: float) -> float:
    return round(value, 1)


def _x(index: float, n: int) -> float:
    return round(100 * index / n, 2)


def _marks(points: Sequence[Point], scale: _Scale) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
    origins = list(dict.fromkeys(p.origin for p in points))
    shape = {origin: min(number, MAX_ORIGINS - 1) for number, origin in enumerate(origins)}
    marks = (Mark(i, _x(i + 0.5, len(points)), scale.y(p.value), shape[p.origin], p.is_out) for i, p in enumerate(points))
    return tuple(marks), tuple(origins)


def _line(marks: Sequence[Mark]) -> str:
    places = [f"{mark.index * COLUMN + COLUMN // 2} {mark.y:g}" for mark in marks]
    return f"M{'L'.join(places)}" if len(places) > 1 else ""


def _runs_of_equal(limits: Sequence[float | None]) -> list[tuple[int, int, float | None]]:
    """Return start, end and value of each part with one value."""
    parts: list[tuple[int, int, float | None]] = []
    for i, limit in enumerate(limits):
        if parts and parts[-1][2] == limit:
            parts[-1] = (parts[-1][0], i + 1, limit)
        else:
            parts.append((i, i + 1, limit))
    return parts


def _limit_path(limits: Sequence[float | None], scale: _Scale) -> str:
    """Return the path of a limit as the runs recorded it, without the parts that are outside of the plot."""
    path, is_open = [], False
    for start, end, limit in _runs_of_equal(limits):
        if scale.shows(limit):
            path.append(f"{'L' if is_open else 'M'}{start * COLUMN} {scale.y(limit):g}H{end * COLUMN}")
        is_open = scale.shows(limit)
    return "".join(path)


def _beyond(limits: Sequence[float | None], scale: _Scale, *, is_high: bool) -> list[tuple[float, float, float, float]]:
    found = list[tuple[float, float, float, float]]()
    for start, end, limit in _runs_of_equal(limits):
        if scale.shows(limit):
            y = scale.y(limit)
            top, bottom = (TOP, y) if is_high else (y, scale.height - BOTTOM)
            found.append((start * COLUMN, top, (end - start) * COLUMN, _r(bottom - top)))
    return found


def _labels(points: Sequence[Point]) -> tuple[Line, ...]:
    step = math.ceil(len(points) / MAX_LABELS)
    return tuple(Line(_x(i + 0.5, len(points)), points[i].run) for i in range(0, len(points), step))


def _events(points: Sequence[Point]) -> tuple[Line, ...]:
    """Return the changes of the firmware; none if there are too many to read."""
    changed = [i for i in range(1, len(points)) if points[i].firmware != points[i - 1].firmware]
    if not changed or len(changed) >= MAX_EVENTS:
        return ()
    return tuple(Line(_x(i, len(points)), points[i].firmware or "?") for i in (0, *changed))


def _levels(levels: Sequence[tuple[int, float]], n: int, scale: _Scale) -> tuple[Level, ...]:
    ends = [*(start for start, _ in levels[1:]), *([n] if levels else [])]
    return tuple(Level(_x(start, n), _x(end, n), scale.y(value)) for (start, value), end in zip(levels, ends, strict=True))
