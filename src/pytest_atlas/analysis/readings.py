"""Choose the measurement that decides a step, from the lines of its description. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pytest_atlas.base.quantities import quantity
from pytest_atlas.descriptions import parse_measurements
from pytest_atlas.descriptions.readings import Reading, parse_reading

from .margins import Margin, margin, urgency

CACHED_DESCRIPTIONS = 4096


@dataclass(frozen=True, slots=True)
class Judged:
    """A measurement with its value of the smallest margin."""

    reading: Reading
    value: float
    margin: Margin[float]

    @property
    def value_text(self) -> str:
        """`110.8 ms`: the value with the smallest margin."""
        return quantity(self.value, self.reading.unit) if len(self.reading.values) > 1 else self.reading.value_text

    @property
    def distance_text(self) -> str:
        """`10.8 ms beyond` or `0.047 V left`."""
        distance = self.margin.distance
        return f"{quantity(abs(distance), self.reading.unit)} {'beyond' if distance < 0 else 'left'}"


def judge(reading: Reading) -> Judged | None:
    """Return the value with the smallest margin; None without limits."""
    found = [(value, margin(value, reading.low, reading.high)) for value in reading.values]
    judged = [Judged(reading, value, one) for value, one in found if one is not None]
    return min(judged, key=lambda one: one.margin.distance, default=None)


@lru_cache(CACHED_DESCRIPTIONS)
def judged_in(description: str) -> tuple[Judged, ...]:
    """Return the measurements with numeric limits of a step description, the most urgent first."""
    readings = (parse_reading(measured) for measured in parse_measurements(description))
    return tuple(by_urgency(one for reading in readings if reading and (one := judge(reading))))


def by_urgency(judged: Iterable[Judged]) -> list[Judged]:
    """Return violations first, then waived ones, then the others by their share of the window."""
    return sorted(judged, key=lambda one: urgency(one.reading.verdict, one.margin))
