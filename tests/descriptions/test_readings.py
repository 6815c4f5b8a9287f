"""The numbers in the lines of measurements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.quantities import limits_text, quantity
from pytest_atlas.descriptions import measurement
from pytest_atlas.descriptions.readings import parse_reading
from pytest_atlas.descriptions.results import Measurement

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: float(f"{value:.6g}"))


@pytest.mark.parametrize(
    ("text", "values", "low", "high", "unit"),
    [
        ("trip time: 111.6 ms (≤ 100 ms)", (111.6,), None, 100.0, "ms"),
        ("slew rate: 976 V/s (980 … 1020 V/s)", (976.0,), 980.0, 1020.0, "V/s"),
        ("efficiency: 74.5 % (≥ 75 %)", (74.5,), 75.0, None, "%"),
        ("rail: 1, 2.5, -3e-05 V (≤ 2 V)", (1.0, 2.5, -3e-05), None, 2.0, "V"),
        ("rail: 1, 2, … (300 values) V (≤ 2 V)", (1.0, 2.0), None, 2.0, "V"),
        ("gain: at 1 kHz: 3 (≥ -1)", (3.0,), -1.0, None, ""),
    ],
)
def test_numbers_of_a_line(text: str, values: tuple[float, ...], low: float | None, high: float | None, unit: str) -> None:
    found = parse_reading(Measurement(text, "pass"))
    assert found is not None
    assert (found.values, found.low, found.high, found.unit) == (values, low, high, unit)


@pytest.mark.parametrize(
    "text", ["state: 'on' (= 'on')", "state: 'on' (one of 'on', 'off')", "rail: 5 V", "", ": (≤ 1)", "x: nan (≤ 1)"]
)
def test_lines_without_numeric_limits_have_none(text: str) -> None:
    assert parse_reading(Measurement(text, "pass")) is None


@given(
    st.sampled_from(["trip time", "gain (open loop)", "a: b"]),
    NUMBERS,
    st.none() | NUMBERS,
    st.none() | NUMBERS,
    st.sampled_from(["", "ms", "V/s", "%"]),
)
def test_a_rendered_line_is_read_back(name: str, value: float, low: float | None, high: float | None, unit: str) -> None:
    limits = limits_text(low, high, None, unit)
    found = parse_reading(measurement(name, quantity(value, unit), limits, "pass"))
    if limits:
        assert found is not None
        assert (found.name, found.values, found.low, found.high, found.unit) == (name, (value,), low, high, unit)
    else:
        assert found is None
