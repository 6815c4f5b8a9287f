"""The limits of events and receipts: the reader accepts every line that the writer writes. Standard library only.

The reader checks lines with pydantic, which is not imported inside pytest; the writer checks events with `misfit`, which uses
the same annotations. tests/journal/test_schema.py compares both.
"""

from builtins import all, any, bool, dict, float, getattr, int, isinstance, map, str, tuple, type
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

LAST_S = 253_000_000_000.0
"""The latest valid time, in Unix seconds: in the year 9987."""
MOST = 2**53
"""Largest integer that all JSON readers represent exactly."""
MAX_ATTEMPTS = 100_000
MAX_LINE_BYTES = 16 << 20
"""Longer lines are skipped."""
RATES = ("rate",)
"""Fields of type float that are not times."""

Check = Callable[[Any], bool]


@cache
def limits(kind: Any) -> tuple[tuple[str, float, float], ...]:
    """Return the smallest and the largest value of each number of an event class."""
    floats = [(f.name, 0.0, LAST_S) for f in fields(kind) if f.type in (float, float | None) and f.name not in RATES]
    counts = [(f.name, -MOST, MOST) for f in fields(kind) if f.type in (int, int | None) and f.name != "attempt"]
    return (*floats, *counts, *(("attempt", 1, MAX_ATTEMPTS) for f in fields(kind) if f.name == "attempt"))


def is_sane(event: Any) -> bool:
    """Return whether the numbers of an event are in their ranges."""
    kind: Any = type(event)  # mypy: a type[Any] is unhashable
    return all((value := getattr(event, name)) is None or least <= value <= most for name, least, most in limits(kind))


def misfit(event: Any) -> str:
    """Return why the reader would reject an event, with the field and its type; empty if it accepts it."""
    kind: Any = type(event)  # mypy: a type[Any] is unhashable
    for name, default, accepted, check in _checks(kind):
        value = getattr(event, name)
        if value is not default and type(value) is not accepted and not check(value):
            return f"{kind.__name__}.{name} is of type {type(value).__name__}, or has a value that is not allowed"
    return ""


@cache
def _checks(kind: Any) -> tuple[tuple[str, Any, Any, Check], ...]:
    """Return name, default, a type with only valid values, and check of each field. A default is not checked."""
    within = {name: (least, most) for name, least, most in limits(kind)}
    return tuple(
        (f.name, f.default, f.type if f.type in (str, bool) else None, _within(_check(f.type), within.get(f.name)))
        for f in fields(kind)
        if f.name != "e"
    )


def _within(check: Check, limit: tuple[float, float] | None) -> Check:
    if limit is None:
        return check
    least, most = limit
    return lambda value: check(value) and (value is None or least <= value <= most)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) is float or type(value) is int


SIMPLE: dict[Any, Check] = {str: _is_text, bool: _is_flag, int: _is_count, float: _is_number, NoneType: lambda v: v is None}


def _check(kind: Any) -> Check:
    if kind in SIMPLE:
        return SIMPLE[kind]
    parts = get_args(kind)
    if get_origin(kind) is Literal:
        return lambda value: isinstance(value, str | int) and value in parts
    if get_origin(kind) in (Union, UnionType):
        either = [_check(part) for part in parts]
        return lambda value: any(check(value) for check in either)
    if get_origin(kind) is tuple:
        each = _check(parts[0])
        return lambda value: isinstance(value, tuple) and all(map(each, value))
    if get_origin(kind) is dict:
        return lambda value: isinstance(value, dict) and all(map(_is_text, (*value, *value.values())))
    assert is_dataclass(kind), kind
    return lambda value: isinstance(value, kind) and not misfit(value)  # type: ignore[arg-type]
