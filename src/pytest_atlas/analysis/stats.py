"""Statistics of plain numbers that several findings use. Pure.

Numbers are finite. The median and the MAD (median absolute deviation, not scaled) are robust: outliers of a bench hardly
change them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median

MIN_HISTORY = 8
"""Fewest earlier values for a comparison with them, and fewest values for a trend."""


def mad(values: Sequence[float]) -> float:
    """Return the median distance of the values from their median. There must be at least one value."""
    middle = median(values)
    return median(abs(value - middle) for value in values)


@dataclass(slots=True)
class Moments:
    """Number, mean, extremes and spread of values that are added in batches and not kept (Chan, Golub, LeVeque 1979)."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0  # sum of squared distances from the mean
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Sequence[float]) -> None:
        """Add finite values."""
        n = len(values)
        if not n:
            return
        mean = _mean(values)
        distance = math.dist(values, [mean] * n)  # one pass in C
        delta, total = mean - self.mean, self.n + n
        self.m2 += distance * distance + delta * delta * (self.n / total) * n
        self.mean += delta * (n / total)
        self.n = total
        low, high = min(values), max(values)
        self.low, self.high = min(self.low, low), max(self.high, high)

    @property
    def rms(self) -> float:
        """The root of the mean square; NaN without values."""
        return math.sqrt(self.mean * self.mean + self.m2 / self.n) if self.n else math.nan


def _mean(values: Sequence[float]) -> float:
    try:
        return fmean(values)
    except OverflowError:  # the sum exceeds the largest float, the mean does not
        return fmean(value / len(values) for value in values) * len(values)


def mann_kendall(values: Sequence[float]) -> float:
    """Return z of the Mann-Kendall test for a monotonic trend, corrected for ties and continuity; 0 if all values are equal."""
    n = len(values)
    s = sum((b > a) - (b < a) for a, b in combinations(values, 2))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return (s - math.copysign(1, s)) / math.sqrt(variance) if s and variance > 0 else 0.0
