"""How far a measurement is from its limits. Pure; differences are exact, as the digits were written: 12.56 - 12.55 is 0.01."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from pytest_atlas.base.quantities import quantity
from pytest_atlas.journal import events as ev

Order = tuple[int, Decimal]


class Margin(NamedTuple):
    """The distance of the worst value to its nearest limit; below zero it is beyond."""

    value: str  # as recorded
    amount: Decimal  # in the unit of the measurement
    side: str  # "above" or "below": where that limit is left
    range: Decimal | None  # between the two limits, where both are given

    @property
    def percent(self) -> float | None:
        """Of the range between the limits."""
        return float(abs(self.amount) / self.range * 100) if self.range else None


def margin(m: ev.Measured) -> Margin | None:
    """The margin of `m`; None where nothing can be subtracted: no limits, equality, a value that is no number."""
    low, high = _number(m.low), _number(m.high)
    found = [margin for text in m.values if (value := _number(text)) is not None for margin in _sides(text, value, low, high)]
    return min(found, key=lambda margin: margin.amount, default=None)


def _sides(text: str, value: Decimal, low: Decimal | None, high: Decimal | None) -> Iterable[Margin]:
    width = high - low if low is not None and high is not None else None
    if low is not None:
        yield Margin(text, value - low, "below", width)
    if high is not None:
        yield Margin(text, high - value, "above", width)


def words(m: ev.Measured) -> str:
    """`11.6 ms above`, `0.01 V below (10 % of the range)`, `2.5 ms left`; empty where nothing can be said."""
    found = margin(m)
    if found is None or any(_number(text) is None for text in m.values):
        return {"fail": "out of limits", "waived": "out of limits", "pass": "", "none": ""}[m.verdict]
    amount = quantity(float(abs(found.amount)), m.unit)
    percent = f" ({found.percent:.3g} % of the range)" if found.percent is not None else ""
    worst = f"{quantity(float(found.value), m.unit)}: " if len(m.values) > 1 else ""
    return f"{worst}{amount} {found.side if found.amount < 0 else 'left'}{percent}"


def by_urgency(measured: Iterable[ev.Measured]) -> list[ev.Measured]:
    """Violated limits first, by how much; then what is nearest to a limit; what has no limits last."""
    return sorted(measured, key=_urgency)


def _urgency(m: ev.Measured) -> Order:
    rank = ("fail", "waived", "pass", "none").index(m.verdict)
    found = margin(m)
    if found is None:
        return rank, Decimal(0)
    limit = _number(m.low if found.side == "below" else m.high)
    scale = found.range or (abs(limit) if limit else Decimal(1))
    return rank, found.amount / scale


def _number(text: str) -> Decimal | None:
    """A finite number; True counts as none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
