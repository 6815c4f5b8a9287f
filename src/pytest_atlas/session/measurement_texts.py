"""Measurements as text: values and limits with their unit, and the line in a step description. Pure."""

from pytest_atlas.base.quantities import from_exact, limits_text, number_text
from pytest_atlas.descriptions import measurement, render_measurement
from pytest_atlas.journal import events as ev

MAX_VALUES = 12
"""Maximum number of values of one measurement in a description. The file of the card has all values."""


def measurement_line(m: ev.Measured) -> str:
    """Return `trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS`."""
    return render_measurement(measurement(m.name, values_of(m), limits_of(m), m.verdict))


def values_of(m: ev.Measured) -> str:
    """Return `111.6 ms`, or the first values of several."""
    limits = [from_exact(text) for text in (m.low, m.high, m.equal, *m.one_of)]
    values = [number_text(value, limits) for text in m.values[:MAX_VALUES] if (value := from_exact(text)) is not None]
    shown = ", ".join(values) + (f", … ({len(m.values)} values)" if len(m.values) > MAX_VALUES else "")
    return f"{shown} {m.unit}".rstrip()


def limits_of(m: ev.Measured) -> str:
    """Return `≤ 100 ms`; empty if the measurement has no limits."""
    one_of = [value for text in m.one_of if (value := from_exact(text)) is not None]
    return limits_text(from_exact(m.low), from_exact(m.high), from_exact(m.equal), m.unit, one_of)
