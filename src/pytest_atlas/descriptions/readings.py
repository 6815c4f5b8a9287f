"""The numbers in the line of a measurement: its values, unit and limits. Pure.

In `trip time: 111.6 ms (≤ 100 ms)` these are 111.6, ms and the high limit 100. While a session runs, an Atlas has only these
lines; afterwards `measurements.csv` has all digits.
"""

import math
import re

from pytest_atlas.base.records import dataclass

from .results import Measurement, Verdict

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_TEXT = re.compile(rf"(?P<name>.+): (?P<values>.+?) \((?P<limits>(?:≤|≥|{_NUMBER} …) {_NUMBER}.*)\)")
_LIMITS = re.compile(
    rf"(?:(?P<low>{_NUMBER}) … (?P<high>{_NUMBER})|≤ (?P<at_most>{_NUMBER})|≥ (?P<at_least>{_NUMBER}))(?P<unit>.*)"
)
_VALUE = re.compile(rf"({_NUMBER})(?:, (?={_NUMBER}|…)|(?= |$))")


@dataclass(frozen=True, slots=True)
class Reading:
    """A measurement with numeric limits."""

    name: str
    value_text: str  # "111.6 ms"; the first values of several
    limits_text: str  # "≤ 100 ms"
    values: tuple[float, ...]  # those in the text
    unit: str
    low: float | None
    high: float | None
    verdict: Verdict


def parse_reading(measured: Measurement) -> Reading | None:
    """Return the numbers of a measurement; None if its values or its limits are not numbers."""
    found = _TEXT.fullmatch(measured.text)
    limits = _LIMITS.fullmatch(found["limits"]) if found else None
    if found is None or limits is None:
        return None
    values = tuple(float(number) for number in _numbers(found["values"]))
    low, high = limits["low"] or limits["at_least"], limits["high"] or limits["at_most"]
    if not values or not all(map(math.isfinite, values)):
        return None
    return Reading(
        name=found["name"],
        value_text=found["values"],
        limits_text=found["limits"],
        values=values,
        unit=limits["unit"].strip(),
        low=float(low) if low else None,
        high=float(high) if high else None,
        verdict=measured.verdict,
    )


def _numbers(text: str) -> list[str]:
    """Return the numbers at the start of a list of values, without its unit."""
    numbers, place = [], 0
    while found := _VALUE.match(text, place):
        numbers.append(found[1])
        place = found.end()
    return numbers
