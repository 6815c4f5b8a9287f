"""The statistics that reports are made of, over plain numbers. Pure; every threshold has its name here.

Numbers are finite unless a function says otherwise. Robust where a bench's outliers would spoil a mean: medians, MAD
(median absolute deviation, unscaled), Theil-Sen slopes, Mann-Kendall's test.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median, stdev

LEAST_HISTORY = 8
"""Fewest earlier values that a value is compared with, and fewest values that can show a trend."""
FAMILY_K = 8.0
"""How many MADs from the median a value is out of family; of normally distributed values one in 10 million is (5.4 σ)."""
TREND_Z = 3.29
"""Mann-Kendall's z from which a trend is hardly one by chance: a report looks at hundreds of series."""
TREND_P = 0.001
"""The two-sided probability of such a z."""
LEAST_CAPABILITY = 20
"""Fewest values that Cp and Cpk are computed of."""
LEAST_DURATIONS = 5
"""Fewest earlier durations that one is compared with."""
SLOWER_K, SLOWER_SHARE, SLOWER_S = 5.0, 0.2, 0.1
"""A duration is slower by more than so many MADs, more than this share of the median, and more than so many seconds."""


def mad(values: Sequence[float]) -> float:
    """The median distance from the median; at least one value."""
    middle = median(values)
    return median(abs(value - middle) for value in values)


@dataclass(slots=True)
class Moments:
    """Number, mean, extremes and spread of values that come in batches; nothing of them is kept (Chan, Golub, LeVeque 1979)."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0  # sum of squared distances from the mean
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Sequence[float]) -> None:
        """Take finite values in."""
        n = len(values)
        if not n:
            return
        mean = _mean(values)
        distance = math.dist(values, [mean] * n)  # one pass in C
        delta, total = mean - self.mean, self.n + n
        self.m2 += distance * distance + delta * delta * (self.n / total) * n
        self.mean += delta * (n / total)
        self.n = total
        self.low, self.high = min(self.low, *_ends(values)), max(self.high, *_ends(values))

    @property
    def rms(self) -> float:
        """The root of the mean square; NaN of no values."""
        return math.sqrt(self.mean * self.mean + self.m2 / self.n) if self.n else math.nan


def _mean(values: Sequence[float]) -> float:
    try:
        return fmean(values)
    except OverflowError:  # the sum is beyond the largest float, the mean is not
        return fmean(value / len(values) for value in values) * len(values)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


@dataclass(frozen=True, slots=True)
class Margin:
    """How far a value is inside its nearest limit (negative: outside), in its unit, and as a share of the limits' span.

    With one limit only there is no span: the share is that of the limit itself, None where that is 0.
    """

    units: float
    share: float | None
    limit: float


def margin(value: float, low: float | None, high: float | None) -> Margin | None:
    """The margin to the nearest limit; None without limits. A value that is not finite misses by infinity."""
    to_limits = [(value - low, low)] if low is not None else []
    to_limits += [(high - value, high)] if high is not None else []
    if not to_limits:
        return None
    units, limit = min(to_limits)
    if not math.isfinite(value):
        return Margin(-math.inf, -math.inf, limit)
    span = high - low if low is not None and high is not None else abs(limit)
    return Margin(units, units / span if span else None, limit)


@dataclass(frozen=True, slots=True)
class Capability:
    """Process capability: Cp of two limits, Cpk to the nearest; σ is the sample standard deviation of all `n` values."""

    n: int
    cp: float | None
    cpk: float


def capability(values: Sequence[float], low: float | None, high: float | None) -> Capability | None:
    """None without limits or room between them, with fewer than LEAST_CAPABILITY values, or where they do not differ."""
    if len(values) < LEAST_CAPABILITY or low == high:
        return None
    mean, sigma = fmean(values), stdev(values)
    if not 0 < sigma < math.inf:
        return None
    sides = [*([mean - low] if low is not None else []), *([high - mean] if high is not None else [])]
    cp = (high - low) / (6 * sigma) if low is not None and high is not None else None
    return Capability(len(values), cp, min(sides) / (3 * sigma))


@dataclass(frozen=True, slots=True)
class Family:
    """What a value's predecessors were like."""

    n: int
    median: float
    mad: float
    out: bool  # whether the value is none of them


def family(value: float, history: Sequence[float]) -> Family | None:
    """Compare a value with its predecessors; None with fewer than LEAST_HISTORY of them.

    Out of family is beyond median ± FAMILY_K · MAD and beyond all of them too: of values that hardly differ (a few steps of
    a converter) the MAD is 0.
    """
    if len(history) < LEAST_HISTORY:
        return None
    middle, spread = median(history), mad(history)
    out = abs(value - middle) > FAMILY_K * spread and not min(history) <= value <= max(history)
    return Family(len(history), middle, spread, out)


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend over runs: change for each run (Theil-Sen), the trend's value at the last one, and Mann-Kendall's z."""

    n: int
    slope: float
    current: float
    z: float

    def runs_until(self, low: float | None, high: float | None) -> float | None:
        """After how many more runs the trend is at the limit that it moves to; 0 if it is there, None if there is none."""
        limit = high if self.slope > 0 else low
        return None if limit is None else max(0.0, (limit - self.current) / self.slope)


def drift(values: Sequence[float]) -> Drift | None:
    """The trend of values in their order; None where chance explains it, or with fewer than LEAST_HISTORY."""
    z = mann_kendall(values) if len(values) >= LEAST_HISTORY else 0.0
    if abs(z) < TREND_Z:
        return None
    slope = median((b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(values), 2))
    if not slope:  # most values are equal, whatever the rest does
        return None
    start = median(value - slope * place for place, value in enumerate(values))
    return Drift(len(values), slope, start + slope * (len(values) - 1), z)


def mann_kendall(values: Sequence[float]) -> float:
    """Mann-Kendall's z of a monotonic trend, corrected for ties and continuity; 0 where nothing differs."""
    n = len(values)
    s = sum((b > a) - (b < a) for a, b in combinations(values, 2))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    return (s - math.copysign(1, s)) / math.sqrt(variance) if s and variance > 0 else 0.0


def slower(duration_s: float, earlier_s: Sequence[float]) -> float | None:
    """The median of the earlier durations, where this one is clearly longer; else None."""
    if len(earlier_s) < LEAST_DURATIONS:
        return None
    usual = median(earlier_s)
    allowance = max(SLOWER_K * mad(earlier_s), SLOWER_SHARE * usual, SLOWER_S)
    return usual if duration_s > usual + allowance else None
