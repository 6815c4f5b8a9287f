"""Measurements as text: values and limits with their unit, and the line in a step description. Pure."""

from collections.abc import Iterator

from pytest_atlas.base.quantities import (
    Scalar,
    from_exact,
    limits_text,
    number_text,
    prefixed,
    quantity,
)
from pytest_atlas.descriptions import measurement, render_measurement
from pytest_atlas.journal import events as ev

from .measured import Repeated, limits_of_value, number, verdict_of
from .trends import Trend

MAX_VALUES = 12
"""Maximum number of values of one measurement in a description. The file of the card has all values."""


def measurement_line(m: ev.Measured) -> str:
    """Return `trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS`."""
    return render_measurement(measurement(name_of(m), values_of(m), limits_of(m), verdict_of(m)))


def name_of(m: ev.Measured) -> str:
    """Return the name, with the coordinates of the worst point: `gain at f = 1 kHz`."""
    return f"{m.name} at {point_of(m.points)}" if m.points else m.name


def point_of(points: ev.Points) -> str:
    """Return the coordinates of the worst point: `f = 1 kHz, T = 25 °C`."""
    return ", ".join(f"{one.axis} = {_coordinate(one)}" for one in points.worst)


def _coordinate(coordinate: ev.Coordinate) -> str:
    value = from_exact(coordinate.value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return prefixed(value, coordinate.unit) if is_number else f"{coordinate.value} {coordinate.unit}".rstrip()  # type: ignore[arg-type]  # mypy does not narrow by is_number


def values_of(m: ev.Measured) -> str:
    """Return `111.6 ms`, or the first values of several; of many numbers, the extremes, the first and the last."""
    if m.na:
        return "not applicable"
    numbers = [value for text in m.values if (value := number(text)) is not None] if len(m.values) > MAX_VALUES else []
    if numbers and len(numbers) == len(m.values):
        low, high, first, last = (number_text(one) for one in (min(numbers), max(numbers), numbers[0], numbers[-1]))
        return f"{low} … {high} {m.unit}".rstrip() + f", {len(m.values):,} values, first {first}, last {last}"
    limits = [from_exact(text) for text in (m.low, m.high, m.equal, *m.one_of)]
    values = [number_text(read, limits) for text in m.values[:MAX_VALUES] if (read := from_exact(text)) is not None]
    shown = ", ".join(values) + (f", … ({len(m.values)} values)" if len(m.values) > MAX_VALUES else "")
    return f"{shown} {m.unit}".rstrip()


def limits_of(m: ev.Measured) -> str:
    """Return `≤ 100 ms`, with acceptance limits, marginal limits and the number of points; empty without limits."""
    return m.na or "; ".join(filter(None, _limits(m)))


def _limits(m: ev.Measured) -> Iterator[str]:
    one_of = [value for text in m.one_of if (value := from_exact(text)) is not None]
    equal = from_exact(m.equal)
    yield limits_text(*_pair(m.low, m.high), equal, m.unit, one_of, matches=m.matches, exclusive=m.exclusive)
    if m.each and (m.each.low or m.each.high):
        yield "limits for each value"
    if m.acceptance:
        yield _acceptance(m, m.acceptance)
    if any(m.marginal):
        yield f"marginal unless {limits_text(*_pair(*m.marginal), None, m.unit)}"
    elif m.each and (m.each.marginal_low or m.each.marginal_high):
        yield "marginal limits for each value"
    if m.points:
        has_limits = m.verdict != "none"
        out = f", {m.points.out:,} out of limits" if m.points.out else ""
        yield f"{'worst' if has_limits else 'largest'} of {m.points.count:,} points{out}"


def _acceptance(m: ev.Measured, acceptance: ev.Acceptance) -> str:
    """Return `accepted 12.47 … 12.53 V, U = 0.02 V, k = 2`."""
    limits = limits_of_value(m, 0) if m.points else None
    uncertainty = limits.uncertainty if limits else acceptance.uncertainty
    shown = f"U = {_text(uncertainty, m.unit)}" if uncertainty else "U for each value"
    shown += f", k = {_text(acceptance.k, '')}"
    if acceptance.rule == "simple":
        return shown
    accepted = limits_text(*_pair(acceptance.low, acceptance.high), None, m.unit, exclusive=m.exclusive)
    return f"accepted {accepted or 'limits for each value'}, {shown}"


def repeated_line(repeated: Repeated) -> str:
    """Return the line of a measurement that a loop repeated: its extremes, its trend, and its limits if they don't change."""
    m, trend = repeated.calls[0], repeated.trend
    limits = limits_of(m) if len({limits_of(one) for one in repeated.calls}) == 1 else "different limits"
    out = f"{repeated.out:,} out of limits" if repeated.out else ""
    values = trend_text(trend, m.unit) if trend else f"{len(repeated.calls):,} values"
    return render_measurement(measurement(m.name, values, "; ".join(filter(None, [limits, out])), repeated.verdict))


def trend_text(trend: Trend, unit: str) -> str:
    """Return `21.3 … 25.3 °C, 300 values in 29.9 s, first 21.3, last 24.9, slope 7.2 °C/min`."""
    low, high, first, last = (number_text(_rounded(value)) for value in (trend.low, trend.high, trend.first, trend.last))
    return (
        f"{low} … {high} {unit}".rstrip()
        + f", {trend.count:,} values"
        + (f" in {quantity(_rounded(trend.seconds, 3), 's')}" if trend.is_timed else "")
        + f", first {first}, last {last}, slope {slope_text(trend, unit)}"
    )


def slope_text(trend: Trend, unit: str) -> str:
    """Return the slope per minute, or per value if the values have the same time."""
    slope, per = (trend.slope * 60, "min") if trend.is_timed else (trend.slope, "value")
    return f"{number_text(_rounded(slope, 3))} {unit}/{per}" if unit else f"{number_text(_rounded(slope, 3))} per {per}"


def _rounded(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")


def _pair(low: str, high: str) -> tuple[Scalar | None, Scalar | None]:
    return from_exact(low), from_exact(high)


def _text(recorded: str, unit: str) -> str:
    value = from_exact(recorded)
    return "" if value is None else quantity(value, unit)
