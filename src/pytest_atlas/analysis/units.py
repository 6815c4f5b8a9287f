"""Factors between multiples of one unit, such as mV and V. Values in other pairs of units are never compared. Pure.

pint (the extra `units`) knows the units; without it, only equal texts are the same unit. Units with another zero (°C and K)
or a logarithm (dBm and mW) have no factor.
"""

import re
from functools import cache
from typing import Any

_POWER = r"[^\W\d_]+(?:(?:\^|\*\*)?-?[1-9])?"
_READABLE = re.compile(rf"{_POWER}(?:[*/·]{_POWER})*|%|°[A-Za-z]")
"""A unit that is passed to pint. Files can come from elsewhere, and pint computes powers of any size."""
MAX_LENGTH = 30


def factor(unit: str, other: str) -> float | None:
    """Return the number by which a value in `unit` is multiplied to get the value in `other`; None if there is none."""
    if unit == other:
        return 1.0
    return _factor(unit, other) if _is_readable(unit) and _is_readable(other) else None


def converted(value: float, unit: str, other: str) -> float | None:
    """Return a value in another unit; None if the units are not multiples of each other."""
    found = factor(unit, other)
    return None if found is None else value * found


def groups(units: "tuple[str, ...]") -> dict[str, str]:
    """Return the unit to which each of these units is converted: the first one of which it is a multiple, or itself."""
    found: dict[str, str] = {}
    for unit in units:
        found[unit] = next((known for known in dict.fromkeys(found.values()) if factor(unit, known) is not None), unit)
    return found


def _is_readable(unit: str) -> bool:
    return len(unit) <= MAX_LENGTH and _READABLE.fullmatch(unit) is not None


@cache
def _registry() -> Any:
    """Return pint's units; None if pint is not installed. Loading them takes half a second."""
    try:
        import pint
    except ImportError:
        return None
    return pint.UnitRegistry()


@cache
def _factor(unit: str, other: str) -> float | None:
    registry = _registry()
    if registry is None:
        return None
    try:
        one, two = (registry.Quantity(number, unit).to(other).magnitude for number in (1.0, 2.0))
    except Exception:  # an unknown unit, another dimension, a parser's error: pint has no common base class for them
        return None
    is_proportional = abs(two - 2 * one) <= 1e-12 * abs(two)
    return float(one) if is_proportional else None
