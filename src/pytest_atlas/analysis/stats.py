"""Statistics of plain numbers that several findings use. Pure.

Numbers are finite. The median and the MAD (median absolute deviation, not scaled) are robust: outliers of a bench hardly
change them.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean, median, stdev

MIN_HISTORY = 8
"""Fewest earlier values for a comparison with them, and fewest values for a trend."""


def interpolate(table: Mapping[int, float], n: int) -> float:
    """Return the value of a table for n, interpolated in 1/n; beyond its last row, that of the last row."""
    for (a, first), (b, last) in pairwise(table.items()):
        if n <= b:
            return last + (first - last) * (1 / n - 1 / b) / (1 / a - 1 / b)
    return table[max(table)]


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
    """Return z of the Mann-Kendall test for a monotonic trend; 0 if all values are equal.

    S is the number of rising pairs minus the number of falling pairs. Its variance for independent values is
    (n(n - 1)(2n + 5) - Σ t(t - 1)(2t + 5)) / 18 over the groups of t equal values; z = (S - sgn S) / √variance.
    Source: M. G. Kendall, Rank Correlation Methods, 4th edition, 1970, chapter 4.
    """
    n, s = len(values), _kendall_s(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return (s - math.copysign(1, s)) / math.sqrt(variance) if s and variance > 0 else 0.0


def _kendall_s(values: Sequence[float]) -> int:
    s, before = 0, list[float]()
    for value in values:
        s += bisect_left(before, value) - (len(before) - bisect_right(before, value))
        insort(before, value)
    return s


def ranks(values: Sequence[float]) -> list[float]:
    """Return the rank of each value, from 1; equal values have their mean rank."""
    in_order = sorted(values)
    rank = {value: (bisect_left(in_order, value) + bisect_right(in_order, value) + 1) / 2 for value in in_order}
    return [rank[value] for value in values]


def autocorrelation(values: Sequence[float]) -> float:
    """Return the correlation r₁ of each value with the next one; 0 if all are equal.

    r₁ = Σ dᵢ dᵢ₊₁ / Σ dᵢ², where d is the distance from the mean.
    Source: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.5.12.
    """
    mean = _mean(values)
    distances = [value - mean for value in values]
    squares = math.fsum(d * d for d in distances)
    return math.fsum(a * b for a, b in pairwise(distances)) / squares if squares > 0 else 0.0


def normality(values: Sequence[float]) -> float:
    """Return p of the K² test of D'Agostino and Pearson for normal values; there must be 20 values, not all equal.

    K² = Z₁² + Z₂² (skewness and kurtosis, both transformed to normal) has a χ² distribution with 2 degrees of freedom,
    therefore p = exp(-K² / 2).
    Sources: R. B. D'Agostino, A. Belanger, R. B. D'Agostino Jr., The American Statistician 44(4), 1990, 316-321;
    F. J. Anscombe, W. J. Glynn, Biometrika 70(1), 1983, 227-234, for the kurtosis.
    """
    n, mean, sigma = len(values), fmean(values), stdev(values)
    distances = [(value - mean) / sigma for value in values]  # scaled, because powers of tiny distances are 0
    m2, m3, m4 = (math.fsum(d**power for d in distances) / n for power in (2, 3, 4))
    return math.exp(-(_skewness_z(m3 / m2**1.5, n) ** 2 + _kurtosis_z(m4 / m2**2, n) ** 2) / 2)


def _skewness_z(skewness: float, n: int) -> float:
    y = skewness * math.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    beta = 3 * (n * n + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    w2 = math.sqrt(2 * (beta - 1)) - 1
    return math.asinh(y / math.sqrt(2 / (w2 - 1))) / math.sqrt(math.log(w2) / 2)


def _kurtosis_z(kurtosis: float, n: int) -> float:
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (kurtosis - 3 * (n - 1) / (n + 1)) / math.sqrt(variance)
    beta = 6 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) * math.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    a = 6 + 8 / beta * (2 / beta + math.sqrt(1 + 4 / beta**2))
    denominator = 1 + x * math.sqrt(2 / (a - 4))
    cube_root = math.copysign(abs((1 - 2 / a) / denominator) ** (1 / 3), denominator)
    return (1 - 2 / (9 * a) - cube_root) / math.sqrt(2 / (9 * a))


def chi2_quantile(p: float, degrees: int) -> float:
    """Return the quantile of the χ² distribution, approximated: the error is below 0.5 % for 19 degrees of freedom or more.

    Source: E. B. Wilson, M. M. Hilferty, Proceedings of the National Academy of Sciences 17(12), 1931, 684-688.
    """
    share = 2 / (9 * degrees)
    return degrees * (1 - share + NormalDist().inv_cdf(p) * math.sqrt(share)) ** 3
