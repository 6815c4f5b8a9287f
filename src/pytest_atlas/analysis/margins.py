"""The margin of a value: its distance to the nearest limit. Pure.

`Decimal` numbers give exact distances: 12.56 - 12.55 is 0.01. `float` numbers are faster, for the rows of large files.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar

from pytest_atlas.base.quantities import quantity

Number = TypeVar("Number", float, Decimal)


@dataclass(frozen=True, slots=True)
class Margin(Generic[Number]):
    """The distance of a value to its nearest limit."""

    distance: Number  # in the unit of the value; negative if the value violates the limit
    limit: Number
    is_high: bool  # whether it is the high limit
    range: Number | None = None  # between both limits; None if there is one only

    @property
    def share(self) -> float | None:
        """The distance as a share of the range, or of the only limit; None if that is 0."""
        scale = abs(self.limit) if self.range is None else self.range
        return float(self.distance / scale) if scale else None


def margin(value: Number, low: Number | None, high: Number | None) -> Margin[Number] | None:
    """Return the margin of a value; None without limits.

    NaN and infinite floats violate a limit by an infinite distance. A Decimal must be finite.
    """
    range_ = high - low if low is not None and high is not None else None
    sides = [Margin(value - low, low, False, range_)] if low is not None else []
    sides += [Margin(high - value, high, True, range_)] if high is not None else []
    nearest = min(sides, key=lambda side: side.distance, default=None)
    if nearest is not None and isinstance(value, float) and not math.isfinite(value):
        return Margin(-math.inf, nearest.limit, nearest.is_high, range_)
    return nearest


_TIERS = {"fail": 0, "waived": 1}


def urgency(verdict: str, found: "Margin[float] | Margin[Decimal] | None") -> tuple[int, float]:
    """Return the sort key of a measurement: violations first, then waived ones, then the others by their smallest share."""
    tier = _TIERS.get(verdict, 2)
    if found is None:
        return tier, math.inf
    share = found.share
    return tier, math.copysign(math.inf, found.distance) if share is None else share


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measurement of a failed test, from the session model."""

    name: str
    verdict: str  # "pass", "fail", "waived", "none"
    values: tuple[str, ...]  # as recorded, with all digits
    unit: str = ""
    low: str = ""
    high: str = ""
    each: tuple[tuple[str, str], ...] = ()  # low and high for each value if they differ
    waived: str = ""  # reason
    step: str = ""  # title of the inner step; empty outside of a step
    value_text: str = ""  # "111.6 ms"
    limits_text: str = ""  # "≤ 100 ms"; empty without limits

    @property
    def worst(self) -> tuple[Decimal, Margin[Decimal]] | None:
        """The value with the smallest margin; None without limits, or if no value is a finite number."""
        limits = self.each or ((self.low, self.high),) * len(self.values)
        values = zip(map(_decimal, self.values), limits, strict=True)
        found = (
            (value, margin_)
            for value, (low, high) in values
            if value is not None and (margin_ := margin(value, _decimal(low), _decimal(high))) is not None
        )
        return min(found, key=lambda pair: pair[1].distance, default=None)

    @property
    def is_numeric(self) -> bool:
        """Whether all values are finite numbers."""
        return all(_decimal(value) is not None for value in self.values)

    @property
    def margin_text(self) -> str:
        """`11.6 ms above`, `0.01 V below (10 % of the range)`, `2.5 ms left`; empty without limits or distance."""
        if self.worst is None or not self.is_numeric:
            return "out of limits" if self.verdict in ("fail", "waived") else ""
        value, found = self.worst
        distance = quantity(float(abs(found.distance)), self.unit)
        side = "left" if found.distance >= 0 else "above" if found.is_high else "below"
        share = f" ({float(abs(found.distance) / found.range * 100):.3g} % of the range)" if found.range else ""
        prefix = f"{quantity(float(value), self.unit)}: " if len(self.values) > 1 else ""
        return f"{prefix}{distance} {side}{share}"


def by_urgency(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Return the most urgent measurements first; those without limits are last."""
    return sorted(measurements, key=lambda m: (*urgency(m.verdict, m.worst[1] if m.worst else None), m.verdict == "none"))


def _decimal(text: str) -> Decimal | None:
    """The number in a recorded value; None for text, NaN, infinities and booleans."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
