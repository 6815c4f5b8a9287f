"""The distribution of the values of a measurement, as the geometry of a histogram; round values for the axes of plots. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot with its label."""

    at: float  # percent, or pixels
    text: str


def ticks(low: float, high: float, number: int) -> list[tuple[float, str]]:
    """Return about so many round values between two values, with their text: steps of 1, 2 or 5 · 10ⁿ."""
    raw = (high - low) / number
    if not math.isfinite(raw) or raw <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step), math.floor(high / step)
    values = (n * step for n in range(first, last + 1))
    return [(value, f"{value:.{decimals}f}" if abs(value) < 1e9 and decimals < 10 else f"{value:.3g}") for value in values]


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of the histogram: percent and pixels."""

    x: float
    width: float
    y: float
    height: float
    n: int
    is_out: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """The distribution of values."""

    n: int
    bins: tuple[Bin, ...]
    limits: tuple[Line, ...]  # percent
    ticks: tuple[Line, ...]  # percent


def histogram(values: Sequence[float], low: float | None, high: float | None, *, height: int = 100) -> Histogram | None:
    """Return the distribution; None with fewer than two different values. Limits near the values are shown.

    The width of the bins is that of Freedman and Diaconis: 2 · interquartile range / ∛n (Zeitschrift für
    Wahrscheinlichkeitstheorie 57, 1981, 453-476), with 5 to 30 bins.
    """
    least, most = min(values, default=0.0), max(values, default=0.0)
    if not 0 < most - least < math.inf:
        return None
    near = [limit for limit in (low, high) if limit is not None and least - (most - least) <= limit <= most + (most - least)]
    start, end = min([least, *near]), max([most, *near])
    room = 0.03 * (end - start)
    start, end = start - room, end + room
    number = _number_of_bins(values)
    width = (most - least) / number
    counts = [0] * number
    for value in values:
        counts[min(int((value - least) / width), number - 1)] += 1
    scale = 100 / (end - start)

    def x(value: float) -> float:
        return _rounded((value - start) * scale)

    across, upwards = max(_rounded(width * scale - 0.4), 0.4), 0.86 * height / max(counts)
    bins = tuple(
        Bin(
            x(least + i * width),
            across,
            _rounded(height - n * upwards),
            _rounded(n * upwards),
            n,
            _is_out(least + (i + 0.5) * width, low, high),
        )
        for i, n in enumerate(counts)
        if n
    )
    signs = {low: "≥", high: "≤"}
    return Histogram(
        len(values),
        bins,
        tuple(Line(x(limit), signs[limit]) for limit in near),
        tuple(Line(x(value), text) for value, text in ticks(start, end, 3)),
    )


def _number_of_bins(values: Sequence[float]) -> int:
    in_order = sorted(values)
    n = len(in_order)
    quartiles = in_order[(3 * n) // 4] - in_order[n // 4]
    width = 2 * quartiles / n ** (1 / 3)
    spread = in_order[-1] - in_order[0]
    return min(max(math.ceil(spread / width), 5), 30) if width > 0 and spread / width < 1e6 else 12


def _is_out(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _rounded(value: float) -> float:
    return round(value, 1)
