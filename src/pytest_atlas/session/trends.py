"""The trend of values within one test: start, end, extremes and slope. Pure.

The slope is that of the least-squares line (NIST/SEMATECH e-Handbook of Statistical Methods, 4.1.4.1):
`sum((t - mean(t)) * (v - mean(v))) / sum((t - mean(t))**2)`.
"""

from collections.abc import Sequence
from math import fsum, isfinite

from pytest_atlas.base.records import dataclass


@dataclass(frozen=True, slots=True)
class Trend:
    """The trend of several values, in the order in which they were measured."""

    count: int
    seconds: float  # between the first and the last value; 0 if they have the same time, as the values of one call
    first: float
    last: float
    low: float
    high: float
    low_at: float  # seconds after the first value, or number of values after it if they have the same time
    high_at: float
    slope: float  # per second; per value if they have the same time

    @property
    def is_timed(self) -> bool:
        """Whether the values have different times."""
        return self.seconds > 0


def trend(times: Sequence[float], values: Sequence[float]) -> Trend | None:
    """Return the trend of the finite values; None for less than two. `times`: in seconds."""
    pairs = [(at, value) for at, value in zip(times, values, strict=True) if isfinite(value)]
    if len(pairs) < 2:
        return None
    numbers = [value for _, value in pairs]
    seconds = max(at for at, _ in pairs) - min(at for at, _ in pairs)
    places = [at - pairs[0][0] for at, _ in pairs] if seconds > 0 else [float(n) for n in range(len(pairs))]
    low, high = min(numbers), max(numbers)
    low_at, high_at = places[numbers.index(low)], places[numbers.index(high)]
    return Trend(len(pairs), seconds, numbers[0], numbers[-1], low, high, low_at, high_at, slope=_slope(places, numbers))


def _slope(places: Sequence[float], values: Sequence[float]) -> float:
    middle, mean = fsum(places) / len(places), fsum(values) / len(values)
    spread = fsum((place - middle) ** 2 for place in places)
    return fsum((place - middle) * (value - mean) for place, value in zip(places, values, strict=True)) / spread
