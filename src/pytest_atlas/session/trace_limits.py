"""The limits and marks of a recorded trace as a data file of their own. Pure."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace

from pytest_atlas.base.quantities import from_exact
from pytest_atlas.descriptions import ColumnLimits, Mark, TraceLimits, render_trace_limits, trace_limits_name, trace_of_limits
from pytest_atlas.journal import events as ev


def limits_file(trace: ev.FileKept) -> ev.FileKept:
    """Return the file with the limits and marks of a trace. Its content is made when it is published."""
    path = f"files/limits-{hashlib.sha256(f'{trace.path}/{trace.name}'.encode()).hexdigest()[:16]}.json"
    return replace(trace, name=trace_limits_name(trace.name), path=path, size=0, sha256="", content_type="")


def text(file: ev.FileKept) -> str:
    """Return the content of a file from `limits_file`."""
    units = {column.name: column.unit for column in file.columns}
    marks = ((mark.name, _number(mark.at)) for mark in file.marks)
    return render_trace_limits(
        TraceLimits(
            trace_of_limits(file.name),
            tuple(_limits(file, units)),
            tuple(Mark(name, at) for name, at in marks if at is not None),
        )
    )


def _limits(file: ev.FileKept, units: dict[str, str]) -> Iterator[ColumnLimits]:
    for limit in file.limits:
        low, high = _number(limit.low), _number(limit.high)
        if not (low is None and high is None):
            yield ColumnLimits(limit.column, units.get(limit.column, ""), low, high)


def _number(text: str) -> float | None:
    """Return a recorded number; None for other text, which only a journal from elsewhere contains."""
    value = from_exact(text)
    if isinstance(value, bool | str) or value is None:
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None
