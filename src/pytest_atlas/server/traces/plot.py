"""The geometry of the plot of a trace: one panel for each column, drawn by `templates/_trace.html`. Pure.

Positions along the time axis are percent of the width, or thousandths in a path; heights are pixels. So the plot fits any
width, without a script and without a `style` attribute.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_atlas.base.quantities import quantity
from pytest_atlas.descriptions import ColumnLimits, TraceLimits

from .pyramid import Array, Column, Description, Window

WIDTH = 400
"""Width of the window of a plot in pixels. A path has at most two points for each."""
MAX_PANELS = 6
TOP, BOTTOM, AXIS = 6.0, 4.0, 20.0
"""Space in pixels above and below a curve, and for the numbers of the time axis."""
HEIGHT, STEPS_HEIGHT = 150, 44
"""Height of the panel of a column, and of one that is drawn as steps."""
FAR = 1e5
"""Times larger than so many times the shown period are shown relative to the first sample."""

_SCALES = ((1.0, 1.0, "s"), (1e-3, 1e3, "ms"), (1e-6, 1e6, "µs"), (0.0, 1e9, "ns"))
"""Least period, factor and unit of the time axis of a time in seconds."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on an axis."""

    at: float  # pixels from the top, or percent of the width
    text: str
    value: float


@dataclass(frozen=True, slots=True)
class Panel:
    """The curve of one column."""

    number: int  # of the column
    column: Column
    height: int
    bottom: float  # y of the lower end of the curve's area
    path: str  # in a box of 1000 × height
    ticks: tuple[Tick, ...]
    limits: tuple[Tick, ...]  # the limits that are in view
    beyond: tuple[tuple[float, float], ...]  # y and height of the areas beyond the limits
    sentence: str  # for screen readers
    range: tuple[float, float]  # the values at the lower and the upper end
    all_limits: tuple[tuple[float, str], ...] = ()  # also those out of view


@dataclass(frozen=True, slots=True)
class Plot:
    """The plot of a period of a trace."""

    panels: tuple[Panel, ...]
    ticks: tuple[Tick, ...]  # of the time axis
    marks: tuple[Tick, ...]
    start: float
    end: float
    unit: str  # of the time axis; empty for numbers of samples
    samples: int
    first: float  # time of the first sample of the trace
    last: float
    origin: float = 0.0  # time at the 0 of the axis
    scale: float = 1.0  # of the time axis
    all_marks: tuple[tuple[float, str], ...] = ()


def plot(
    description: Description, columns: Sequence[int], window: Window, limits: TraceLimits, *, has_paths: bool = True
) -> Plot:
    """Return the plot of the columns with these numbers, whose values are in `window`. Without paths, it has axes only."""
    origin, scale, unit = _axis(description, window)
    first = (window.start - origin) * scale
    last = (window.end - origin) * scale
    ticks = tuple(
        Tick(_percent(value / scale + origin, window), text, value / scale + origin)
        for value, text in _nice(first, last, 6)
        if first < value < last
    )
    marks = tuple(
        Tick(_percent(mark.at, window), mark.name, mark.at) for mark in limits.marks if window.start <= mark.at <= window.end
    )
    panels = tuple(
        _panel(number, description.columns[number], window, index, limits, has_paths=has_paths)
        for index, number in enumerate(columns)
    )
    return Plot(
        panels, ticks, marks, window.start, window.end, unit, window.samples,
        first=description.start, last=description.end, origin=origin, scale=scale,
        all_marks=tuple((mark.at, mark.name) for mark in limits.marks),
    )  # fmt: skip


def _axis(description: Description, window: Window) -> tuple[float, float, str]:
    """Return the time at the 0 of the axis, its scale and its unit."""
    if description.time is None:
        return 0.0, 1.0, ""
    period = window.end - window.start
    origin = description.start if abs(window.start) > FAR * period else 0.0
    unit = description.time.unit
    if unit in ("", "s"):
        _, scale, unit = next(row for row in _SCALES if period >= row[0])
        return origin, scale, unit
    return origin, 1.0, unit


def _panel(number: int, column: Column, window: Window, index: int, limits: TraceLimits, *, has_paths: bool) -> Panel:
    """Return the panel of a column. `index`: its place in the window."""
    low, high, found = window.low[index], window.high[index], limits.of(column.name)
    least, most = _range(low, high)
    seen = tuple(limit for limit in (found.low, found.high) if limit is not None and _is_near(limit, least, most))
    bottom_value, top_value = _padded(min([least, *seen]), max([most, *seen]))
    height = STEPS_HEIGHT if column.is_steps and not seen else HEIGHT
    bottom = height - BOTTOM

    def y(value: float) -> float:
        return round(bottom - (bottom - TOP) * (value - bottom_value) / (top_value - bottom_value), 1)

    points = _points(window, low, high, is_steps=column.is_steps) if has_paths else []
    ticks = _levels(least, most) if column.is_steps else list(_nice(bottom_value, top_value, 5))
    return Panel(
        number=number,
        column=column,
        height=height,
        bottom=bottom,
        path=_path([(x, y(value) if math.isfinite(value) else None) for x, value in points], is_steps=column.is_steps),
        ticks=tuple(Tick(y(value), text, value) for value, text in ticks if bottom_value <= value <= top_value),
        limits=tuple(Tick(y(limit), _limit_text(limit, found, column), limit) for limit in seen),
        beyond=tuple(_beyond(found, y, bottom, bottom_value, top_value)),
        sentence=_sentence(column, found, least, most),
        range=(bottom_value, top_value),
        all_limits=tuple((limit, _limit_text(limit, found, column)) for limit in (found.low, found.high) if limit is not None),
    )


def _range(low: Array, high: Array) -> tuple[float, float]:
    """Return the lowest and the highest finite value of a window; 0 and 1 if there is none."""
    lows, highs = low[np.isfinite(low)], high[np.isfinite(high)]
    if not len(lows) or not len(highs):
        return 0.0, 1.0
    return float(lows.min()), float(highs.max())


def _is_near(limit: float, least: float, most: float) -> bool:
    """Return whether a limit is drawn: otherwise the curve would be too flat."""
    reach = 2 * (most - least) or abs(most) * 0.1 or 1.0
    return least - reach <= limit <= most + reach


def _padded(least: float, most: float) -> tuple[float, float]:
    pad = (most - least) * 0.06 or abs(most) * 0.05 or 1.0
    return least - pad, most + pad


def _limit_text(limit: float, found: ColumnLimits, column: Column) -> str:
    sign = "≥" if limit == found.low else "≤"
    return f"{sign} {quantity(limit, found.unit or column.unit)}".replace("-", "\N{MINUS SIGN}", 1)


def _beyond(
    found: ColumnLimits, y: Callable[[float], float], bottom: float, least: float, most: float
) -> Iterator[tuple[float, float]]:
    """Yield y and height of the areas beyond the limits that are in view."""
    if found.high is not None and least < found.high < most:
        yield TOP, round(y(found.high) - TOP, 1)
    if found.low is not None and least < found.low < most:
        yield y(found.low), round(bottom - y(found.low), 1)


def _sentence(column: Column, found: ColumnLimits, least: float, most: float) -> str:
    text = f"{column.name}: {quantity(_short(least), column.unit)} to {quantity(_short(most), column.unit)}"
    limits = [_limit_text(limit, found, column) for limit in (found.low, found.high) if limit is not None]
    return f"{text}; limits {', '.join(limits)}" if limits else text


def _short(value: float) -> float:
    return float(f"{value:.4g}")


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _points(window: Window, low: Array, high: Array, *, is_steps: bool) -> list[tuple[float, float]]:
    """Return the points of a curve in thousandths of the width: one per sample, or the two extremes of each pixel.

    Of the two extremes, the one that is closer to the last point comes first.
    """
    places = (window.at - window.start) / (window.end - window.start) * 1000
    if window.is_exact:
        return _clipped(places, low, is_steps=is_steps)
    found: list[tuple[float, float]] = []
    last = -math.inf
    for x, least, most in zip(np.round(places, 1).tolist(), low.tolist(), high.tolist(), strict=True):
        if least == most:
            found.append((x, least))
        else:
            pair = (least, most) if abs(last - least) <= abs(last - most) else (most, least)
            found += [(x, value) for value in pair]
        last = found[-1][1]
    return found


def _clipped(places: Array, values: Array, *, is_steps: bool) -> list[tuple[float, float]]:
    """Return the points between 0 and 1000, with the values of the curve at both ends."""
    inside = (places >= 0) & (places <= 1000)
    found = list(zip(np.round(places[inside], 1).tolist(), values[inside].tolist(), strict=True))
    before, after = np.flatnonzero(places < 0), np.flatnonzero(places > 1000)
    if len(before):
        value = float(values[before[-1]]) if is_steps else float(np.interp(0, places, values))
        found.insert(0, (0.0, value))
    if len(after) and found:
        found.append((1000.0, found[-1][1] if is_steps else float(np.interp(1000, places, values))))
    return found


def _path(points: Sequence[tuple[float, float | None]], *, is_steps: bool) -> str:
    """Return the path of a curve. A point without a value is a gap. Points within a horizontal line are left out."""
    parts: list[str] = []
    previous: float | None = None
    for n, (x, y) in enumerate(points):
        if y is None:
            previous = None
            continue
        following = points[n + 1][1] if n + 1 < len(points) else None
        if previous is None:
            parts.append(f"M{x:g} {y:g}")
        elif y == previous == following:
            continue
        elif is_steps:
            parts.append(f"H{x:g}V{y:g}")
        else:
            parts.append(f"L{x:g} {y:g}")
        previous = y
    return "".join(parts)


# ── axes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _percent(time: float, window: Window) -> float:
    return round((time - window.start) / (window.end - window.start) * 100, 2)


def _nice(least: float, most: float, count: int) -> Iterator[tuple[float, str]]:
    """Yield round numbers in a range with their text, at most about `count`."""
    if not (math.isfinite(least) and math.isfinite(most) and most > least):
        return
    raw = (most - least) / count
    exponent = math.floor(math.log10(raw))
    step = next(factor for factor in (1, 2, 5, 10) if factor * 10.0**exponent >= raw * 0.999) * 10.0**exponent
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    is_long = max(abs(least), abs(most)) >= 1e6 or step < 1e-6
    first = math.ceil(least / step - 1e-9)
    for n in range(first, first + 2 * count):
        value = n * step
        if value > most + step * 1e-9:
            return
        text = f"{value:.4g}" if is_long else f"{value:.{digits}f}"
        yield value, text.replace("-", "\N{MINUS SIGN}", 1)


def _levels(least: float, most: float) -> list[tuple[float, str]]:
    """Return the lowest and the highest level of a curve of steps."""
    return [(value, f"{value:.4g}".replace("-", "\N{MINUS SIGN}", 1)) for value in dict.fromkeys((least, most))]
