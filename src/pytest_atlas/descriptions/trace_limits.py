"""The limits and marks of a trace as a JSON file next to its CSV: `rail.csv.limits.json` for `rail.csv`. Pure.

    {"trace": "rail.csv",
     "limits": [{"column": "rail", "unit": "V", "low": 7.5, "high": 12.6}],
     "marks": [{"name": "trip", "at": 0.1024}]}

A separate file, because a line in the CSV would break readers, and a step description has a maximum length. A missing limit is
left out. `at` is in the unit of the time column.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pytest_atlas.base.records import dataclass

SUFFIX = ".limits.json"
MAX_LIMITS = 256
"""Maximum number of limits and of marks that are read from a file, which can come from elsewhere."""


@dataclass(frozen=True, slots=True)
class ColumnLimits:
    """The limits of one column."""

    column: str
    unit: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked time."""

    name: str
    at: float


@dataclass(frozen=True, slots=True)
class TraceLimits:
    """The limits and marks of a trace."""

    trace: str = ""  # name of the CSV
    limits: tuple[ColumnLimits, ...] = ()
    marks: tuple[Mark, ...] = ()

    def of(self, column: str) -> ColumnLimits:
        """Return the limits of a column, without values if it has none."""
        return next((found for found in self.limits if found.column == column), ColumnLimits(column))


def trace_limits_name(trace: str) -> str:
    """Return the name of the file with the limits of the CSV `trace`."""
    return trace + SUFFIX


def trace_of_limits(name: str) -> str:
    """Return the name of the CSV of a file with limits."""
    return name.removesuffix(SUFFIX)


def is_trace_limits(name: str) -> bool:
    """Return whether a data file with this name has the limits of a trace."""
    return name.endswith(SUFFIX)


def render_trace_limits(found: TraceLimits) -> str:
    """Return the content of the file."""
    limits = [
        {name: value for name, value in asdict(limit).items() if value is not None and (name, value) != ("unit", "")}
        for limit in found.limits
    ]
    content = {"trace": found.trace, "limits": limits, "marks": [asdict(mark) for mark in found.marks]}
    return json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"


def parse_trace_limits(text: str | bytes) -> TraceLimits | None:
    """Return the limits and marks of a file; None if it is not one. Invalid entries are left out."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not isinstance(content.get("trace"), str):
        return None
    return TraceLimits(content["trace"], tuple(_limits(content.get("limits"))), tuple(_marks(content.get("marks"))))


def _limits(entries: Any) -> Iterator[ColumnLimits]:
    for entry in _dicts(entries):
        column, unit, low, high = (
            entry.get("column"),
            entry.get("unit", ""),
            _number(entry.get("low")),
            _number(entry.get("high")),
        )
        if isinstance(column, str) and isinstance(unit, str) and not (low is None and high is None):
            yield ColumnLimits(column, unit, low, high)


def _marks(entries: Any) -> Iterator[Mark]:
    for entry in _dicts(entries):
        name, at = entry.get("name"), _number(entry.get("at"))
        if isinstance(name, str) and at is not None:
            yield Mark(name, at)


def _dicts(entries: Any) -> list[dict[str, Any]]:
    return [entry for entry in entries[:MAX_LIMITS] if isinstance(entry, dict)] if isinstance(entries, list) else []


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an integer that is larger than any float
        return None
