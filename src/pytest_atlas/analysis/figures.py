"""The geometry of the small figures of the pages: bars, strips, curves and stacks. Pure; the templates draw the results.

Positions on a bar are percent of its width. The range between two limits has 60 % of the width (20 to 80 %); with one limit,
the window is from 0 to the limit. Therefore bars in a column can be compared.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .margins import margin

NEAR = 0.05
"""A value is near to its limit if the margin is a smaller share of the window."""
LOW_AT, HIGH_AT, WINDOW = 20.0, 80.0, 60.0
EDGE = 1.0
"""A value beyond the figure is drawn at this distance from its end, in percent."""

BarKind = Literal["ok", "near", "out", "waived"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A value and its limits, in percent of the width of the figure."""

    kind: BarKind
    value: float
    limits: tuple[float, ...]
    room: tuple[float, float]  # start and width of the allowed range
    over: tuple[float, float] | None = None  # start and width of the part beyond the limit
    was: float | None = None  # the previous value


def bar(
    value: float | None, low: float | None, high: float | None, *, was: float | None = None, is_waived: bool = False
) -> Bar | None:
    """Return the bar of a value; None without a finite limit or a value."""
    low, high = _finite(low), _finite(high)
    found = None if value is None or math.isnan(value) else margin(value, low, high)
    if found is None or value is None:
        return None
    scale = abs(found.limit) if found.range is None else found.range

    def at(number: float) -> float:
        if low is not None and high is not None and scale <= 0:
            offset = number - low
            return 50.0 + (math.copysign(WINDOW / 2, offset) if offset else 0.0)
        start, origin = (LOW_AT, low) if low is not None else (HIGH_AT, high)
        assert origin is not None
        return start + WINDOW * (number - origin) / (scale or abs(value) or 1.0)

    limits = tuple(_clamped(at(limit)) for limit in (low, high) if limit is not None)
    left = limits[0] if low is not None else 0.0
    right = limits[-1] if high is not None else 100.0
    place = _clamped(at(value))
    is_out = found.distance < 0
    edge = right if found.is_high else left
    share = found.share
    return Bar(
        kind="waived" if is_waived else "out" if is_out else "near" if share is not None and share < NEAR else "ok",
        value=place,
        limits=limits,
        room=(left, _rounded(right - left)),
        over=(min(edge, place), _rounded(abs(place - edge))) if is_out else None,
        was=None if was is None or not math.isfinite(was) else _clamped(at(was)),
    )


def _finite(limit: float | None) -> float | None:
    return None if limit is None or not math.isfinite(limit) else limit


def _clamped(place: float) -> float:
    return _rounded(min(max(place, EDGE), 100.0 - EDGE))


def _rounded(place: float) -> float:
    return round(place, 1)


STRIP_RUNS = 24
"""Most runs in a strip, a block or a curve."""
_HEIGHTS = {"failed": 16, "passed_with_exception": 12, "running": 8, "passed": 6, "done": 6}
_TODO_HEIGHT = 2


@dataclass(frozen=True, slots=True)
class Strip:
    """The statuses of a test in the last runs, oldest first."""

    paths: tuple[tuple[str, str], ...]  # status and the path of all its columns
    counts: tuple[tuple[str, int], ...]  # status and number, in the order of the paths
    runs: int


def strip(statuses: Sequence[str]) -> Strip:
    """Return the strip of the newest statuses: columns of 4 pixels, 5 pixels apart, aligned at the right."""
    shown = list(statuses)[-STRIP_RUNS:]
    first = STRIP_RUNS - len(shown)
    columns: dict[str, list[str]] = {}
    for n, status in enumerate(shown, first):
        height = _HEIGHTS.get(status, _TODO_HEIGHT)
        columns.setdefault(status, []).append(f"M{5 * n} {16 - height}h4v{height}h-4z")
    return Strip(
        tuple((status, "".join(parts)) for status, parts in columns.items()),
        tuple((status, len(parts)) for status, parts in columns.items()),
        len(shown),
    )


@dataclass(frozen=True, slots=True)
class Spark:
    """The values of a measurement in the last runs, in a box of 96 × 20."""

    path: str
    limits: tuple[float, ...]  # y of the limits that are near to the values
    out: tuple[tuple[float, float], ...]  # left upper corners of the squares at values out of limits
    last: tuple[float, float] | None  # the newest value, if it is within the limits


def spark(values: Sequence[float | None], low: float | None = None, high: float | None = None) -> Spark | None:
    """Return the curve of the newest values, oldest first; None without two values. A missing value is a gap in time."""
    shown = list(values)[-STRIP_RUNS:]
    points = [(n, v) for n, v in enumerate(shown, STRIP_RUNS - len(shown)) if v is not None and math.isfinite(v)]
    if len(points) < 2:
        return None
    least, most = min(v for _, v in points), max(v for _, v in points)
    reach = most - least or abs(most) * 0.1 or 1.0
    near = [limit for limit in (_finite(low), _finite(high)) if limit is not None and least - reach <= limit <= most + reach]
    bottom, top = min([least, *near]), max([most, *near])

    def y(value: float) -> float:
        return _rounded(18 - 16 * (value - bottom) / (top - bottom)) if top > bottom else 10.0

    places = [(2 + 4 * n, y(value), _is_out(value, low, high)) for n, value in points]
    x, height, is_out = places[-1]
    return Spark(
        path="M" + "L".join(f"{x} {height:g}" for x, height, _ in places),
        limits=tuple(y(limit) for limit in near),
        out=tuple((x - 1.5, _rounded(height - 1.5)) for x, height, out in places if out),
        last=None if is_out else (x, height),
    )


def _is_out(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def stack(counts: Mapping[str, int], order: Iterable[str]) -> tuple[tuple[str, float, float], ...]:
    """Return status, start and width of each status that occurs, in percent of all."""
    total = sum(counts.values())
    known = list(dict.fromkeys([*order, *counts]))
    found, start = [], 0
    for status in known:
        number = counts.get(status, 0)
        if number > 0:
            found.append((status, _rounded(100 * start / total), _rounded(100 * number / total)))
            start += number
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Column:
    """A run in the block of a system: completion upwards from 26, failures downwards from 27."""

    x: float  # in percent
    width: float
    top: float
    height: float
    failed: float  # height; 0 without failures


def block(runs: Sequence[tuple[float, int]]) -> tuple[Column, ...]:
    """Return the columns of the newest runs: pairs of completion (0 to 1) and number of failures, oldest first."""
    shown = list(runs)[-STRIP_RUNS:]
    most = max([1, *(failed for _, failed in shown)])
    step = 100 / STRIP_RUNS
    return tuple(
        Column(
            x=round(n * step, 2),
            width=3.37,
            top=_rounded(26 * (1 - complete)),
            height=_rounded(26 * complete),
            failed=_rounded(max(14 * failed / most, 2.0)) if failed else 0.0,
        )
        for n, (complete, failed) in enumerate(shown, STRIP_RUNS - len(shown))
    )
