"""Drift and step changes of a measurement over runs. Pure.

A step change is a level that changed from one run to the next and stayed for MIN_SEGMENT runs or more, for example with a new
firmware. Drift is a trend of the runs since the last step change, extrapolated to the limits. Both tests allow for values that
are correlated with those of the run before.
"""

import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import fmean, median

from .stats import MIN_HISTORY, autocorrelation, interpolate, mann_kendall, ranks

MAX_RUNS_OF_DRIFT = 100
"""The trend is that of so many newest runs."""
MIN_SEGMENT = 3
"""Fewest runs on each side of a step change."""
TREND_Z = 3.29
"""Smallest corrected z of the Mann-Kendall test that counts as a trend (two-sided p = 0.001 for independent values)."""
STEP_GAINS = {8: 16.9, 10: 14.9, 12: 13.9, 15: 12.0, 20: 11.7, 30: 10.6, 50: 10.0, 100: 9.4}
"""Smallest gain that counts as a step change, in standard deviations, by the number of values; see `step_change`."""
MAX_CORRELATION = 0.9
"""Largest correlation that the tests correct."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend over runs: its slope for each run (Theil-Sen), its value at the last run, and z of the Mann-Kendall test."""

    n: int
    slope: float
    current: float
    z: float  # corrected for autocorrelation
    correlation: float = 0.0  # of successive runs, apart from the trend

    def runs_until(self, low: float | None, high: float | None) -> float | None:
        """Return the number of runs until the trend reaches a limit: 0 if it has, None if there is no limit on that side."""
        limit = high if self.slope > 0 else low
        return None if limit is None else max(0.0, (limit - self.current) / self.slope)


@dataclass(frozen=True, slots=True)
class StepChange:
    """A level that changed from one run to the next."""

    at: int  # index of the first value after the change
    before: float  # median of the values since the step change before
    after: float  # median of the values until the next step change


@dataclass(frozen=True, slots=True)
class Changes:
    """The step changes of a series, oldest first, and the drift since the last one."""

    steps: tuple[StepChange, ...] = ()
    drift: Drift | None = None

    @property
    def start(self) -> int:
        """The index of the first value since the last step change."""
        return self.steps[-1].at if self.steps else 0


def changes(values: Sequence[float]) -> Changes:
    """Return the step changes and the drift of values in the order of measuring."""
    places = sorted(_places(values, 0))
    levels = [median(values[a:b]) for a, b in pairwise([0, *places, len(values)])] if values else []
    steps = tuple(StepChange(at, *pair) for at, pair in zip(places, pairwise(levels), strict=True))
    start = places[-1] if places else 0
    return Changes(steps, drift(values[max(start, len(values) - MAX_RUNS_OF_DRIFT) :]))


def drift(values: Sequence[float]) -> Drift | None:
    """Return the trend of values in their order; None if chance can explain it, or with fewer than MIN_HISTORY values.

    The test is that of Mann and Kendall (`stats.mann_kendall`) with the variance multiplied by
    1 + 2 / (n(n-1)(n-2)) Σ (n-i)(n-i-1)(n-i-2) ρᵢ for i = 1 … n-1 (K. H. Hamed, A. R. Rao, Journal of Hydrology 204, 1998,
    182-196). Here ρᵢ = rⁱ, a first-order autoregression; r is `correlation` of the distances from the trend, if positive.
    The trend is the median of the slopes of all pairs (P. K. Sen, JASA 63, 1968, 1379-1389).
    """
    z = mann_kendall(values) if len(values) >= MIN_HISTORY else 0.0
    if abs(z) < TREND_Z:
        return None
    slope, start = line(values)
    n = len(values)
    r = correlation([value - start - slope * i for i, value in enumerate(values)])
    z /= math.sqrt(_inflation(n, r))
    if abs(z) < TREND_Z or not slope:  # without a slope, most values are equal
        return None
    return Drift(n, slope, start + slope * (n - 1), z, r)


def line(values: Sequence[float]) -> tuple[float, float]:
    """Return the slope and the first value of the line by Theil and Sen.

    The slope is the median of the slopes of all pairs; of more than MAX_RUNS_OF_DRIFT values, of the pairs that are half of
    the series apart (the incomplete method of H. Theil, Indagationes Mathematicae 12, 1950).
    """
    n = len(values)
    if n > MAX_RUNS_OF_DRIFT:
        slope = median((b - a) / (n // 2) for a, b in zip(values, values[n // 2 :], strict=False))
    else:
        slope = median((b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(values), 2))
    return slope, median(value - slope * i for i, value in enumerate(values))


def correlation(residuals: Sequence[float]) -> float:
    """Return the lag-1 correlation of residuals from a line, from 0 to MAX_CORRELATION.

    It is that of the ranks, which outliers can't hide. The estimate r of a short series is too small by about (2 + 4r) / n,
    therefore (n r + 2) / (n - 4) (M. G. Kendall, Biometrika 41, 1954, 403-404).
    """
    n = len(residuals)
    r = autocorrelation(ranks(residuals))
    return min(max((n * r + 2) / (n - 4), 0.0), MAX_CORRELATION) if r > 0 else 0.0


def _inflation(n: int, r: float) -> float:
    total = sum((n - i) * (n - i - 1) * (n - i - 2) * r**i for i in range(1, n))
    return 1 + 2 * total / (n * (n - 1) * (n - 2))


# ── step changes ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _places(values: Sequence[float], start: int) -> Iterator[int]:
    """Yield the indices of step changes: the most significant one, and then those on both sides of it."""
    place = step_change(values)
    if place is not None:
        yield start + place
        yield from _places(values[:place], start)
        yield from _places(values[place:], start + place)


def step_change(values: Sequence[float]) -> int | None:
    """Return the index of the first value after the most significant step change; None if chance or a trend can explain it.

    The place minimizes the sum of the distances from the medians of both sides. The gain is the difference between the sum of
    the distances from one median and this sum, in standard deviations σ. One of 1,000 series of independent normal values has
    a larger gain than that in STEP_GAINS, from a simulation. If successive values have a correlation r,
    σ = σ₁ √(1 + r) / (1 - r), where σ₁ is estimated from their differences.
    If a line fits better than two levels, it is a trend and not a step change.
    """
    n = len(values)
    if n < MIN_HISTORY:
        return None
    middle = median(values)  # subtracted, so that sums are exact enough
    ahead, behind = _costs([v - middle for v in values]), _costs([v - middle for v in reversed(values)])[::-1]
    costs = [ahead[k - 1] + behind[k] for k in range(MIN_SEGMENT, n - MIN_SEGMENT + 1)]
    best = min(costs)
    place = costs.index(best) + MIN_SEGMENT
    gain, needed = ahead[-1] - best, interpolate(STEP_GAINS, n) * spread(values)
    if gain <= needed:
        return None
    levels = median(values[:place]), median(values[place:])
    r = correlation([value - levels[i >= place] for i, value in enumerate(values)])
    if gain <= needed * math.sqrt(1 + r) / (1 - r):
        return None
    slope, first = line(values)
    return place if best < math.fsum(abs(value - first - slope * i) for i, value in enumerate(values)) else None


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation from the differences of successive values, which step changes hardly affect.

    It is the median of |xᵢ₊₁ - xᵢ| divided by √2 · 0.6745. If most are 0, it is their mean divided by 2 / √π.
    Source: J. von Neumann et al., Annals of Mathematical Statistics 12, 1941, 153-162, for differences as a measure of spread.
    """
    moves = [abs(b - a) for a, b in pairwise(values)]
    return median(moves) / (math.sqrt(2) * 0.6745) or fmean(moves) * math.sqrt(math.pi) / 2


def _costs(values: Sequence[float]) -> list[float]:
    """Return the sum of the distances from the median for the first value, the first two values, and so on."""
    in_order, found = list[float](), []
    for value in values:
        insort(in_order, value)
        half = len(in_order) // 2
        found.append(sum(in_order[-half:]) - sum(in_order[:half]) if half else 0.0)
    return found
