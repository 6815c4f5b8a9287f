"""The margin of a value, its text, and the order of measurements."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import events as f

from pytest_atlas.analysis.margins import Margin, Measurement, by_urgency, margin, urgency
from pytest_atlas.analysis.sources import measurement as measurement_of
from pytest_atlas.fixture import measurement_events
from pytest_atlas.fixture.measurement import measurement
from pytest_atlas.journal import events as ev


def measured(value: object, **limits: object) -> Measurement:
    """Return the measurement that the fixture records for this call."""
    made = measurement("rail", value, **limits)  # type: ignore[arg-type]
    recorded = measurement_events.measured(made, ev.AttemptIdentity(f.nodeid("test_a")), 0)
    return measurement_of(recorded)


CASES = {
    "above": (measured(111.6, unit="ms", high=100), "11.6 ms above"),
    "below": (measured(74.5, unit="%", low=75), "0.5 % below"),
    "beyond the acceptance limit": (
        measured(12.46, unit="V", low=12.45, high=12.55, uncertainty=0.02, rule="guard"),
        "0.01 V below (16.7 % of the range)",
    ),
    "limits for each value": (measured([5, 5], unit="V", high=[4, 3]), "5 V: 2 V above"),
    "a point": (measured([0, -4], unit="dB", low=-3, axes={"f": [1, 2]}), "1 dB below"),
    "exact": (measured(12.56, unit="V", high=12.55), "0.01 V above"),
    "within": (measured(97.5, unit="ms", high=100), "2.5 ms left"),
    "at the limit": (measured(100, unit="ms", high=100), "0 ms left"),
    "of a range": (measured(12.56, unit="V", low=12.45, high=12.55), "0.01 V above (10 % of the range)"),
    "nearest limit": (measured(12.47, unit="V", low=12.45, high=12.55), "0.02 V left (20 % of the range)"),
    "equal limits": (measured(5.5, unit="V", low=5, high=5), "0.5 V above"),
    "worst of several": (measured([1.0, 5.25, 3.0], unit="V", high=5), "5.25 V: 0.25 V above"),
    "several within": (measured([1.0, 4.0, 3.0], unit="V", high=5), "4 V: 1 V left"),
    "waived": (measured(112, unit="ms", high=100, waive="ECR-1"), "12 ms above"),
    "nan": (measured(float("nan"), unit="V", high=5), "out of limits"),
    "nan among others": (measured([1, float("nan")], unit="V", high=5), "out of limits"),
    "infinity": (measured(float("inf"), unit="V", low=5), "out of limits"),
    "no limits": (measured(3, unit="V"), ""),
    "equal": (measured("armed", equal="armed"), ""),
    "not equal": (measured("open", equal="armed"), "out of limits"),
    "a limit of infinity": (measured(3, unit="V", low=0, high=float("inf")), "3 V left"),
    "a boolean": (measured(True, equal=False), "out of limits"),
    "tiny": (measured(1.5e-9, unit="A", high=1e-9), "5e-10 A above"),
    "large": (measured(10**30, high=10**29), "9e+29 above"),
}


@pytest.mark.parametrize(("m", "text"), CASES.values(), ids=CASES)
def test_the_text_of_a_margin(m: Measurement, text: str) -> None:
    assert m.margin_text == text


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=4), NUMBERS, NUMBERS)
def test_a_margin_is_negative_if_and_only_if_a_limit_is_violated(values: list[float], one: float, two: float) -> None:
    m = measured(values, low=min(one, two), high=max(one, two))
    assert m.worst is not None
    value, found = m.worst
    assert (found.distance < 0) == (m.verdict == "fail")
    assert value in [Decimal(repr(value)) for value in values]


def test_violations_are_sorted_before_measurements_near_a_limit() -> None:
    ordered = [
        measured(15, low=0, high=10),  # by half of the range
        measured(11, low=0, high=10),
        measured(11, high=10, waive="ECR-1"),
        measured(9, low=0, high=10),
        measured(5, low=0, high=10),
        measured("armed", equal="armed"),
        measured(5),
    ]
    assert by_urgency(reversed(ordered)) == ordered


MARGINS = [
    (95.0, 90, 110, 5, 0.25, 90),
    (109.0, 90, 110, 1, 0.05, 110),
    (112.0, 90, 110, -2, -0.1, 110),
    (85.0, 90, 110, -5, -0.25, 90),
    (90.0, 90, 110, 0, 0, 90),
    (80.0, None, 100, 20, 0.2, 100),
    (-80.0, -100, None, 20, 0.2, -100),
    (3.0, 0, None, 3, None, 0),
    (5.0, 5, 5, 0, None, 5),
    (math.nan, 90, 110, -math.inf, -math.inf, 90),
    (math.inf, None, 110, -math.inf, -math.inf, 110),
    (-math.inf, 0, None, -math.inf, None, 0),
]


@pytest.mark.parametrize(("value", "low", "high", "distance", "share", "limit"), MARGINS)
def test_the_margin_is_the_distance_to_the_nearest_limit(
    value: float, low: float | None, high: float | None, distance: float, share: float | None, limit: float
) -> None:
    found = margin(value, low, high)
    assert found is not None
    assert (found.distance, found.share, found.limit, found.is_high) == (distance, share, limit, found.limit != low)


def test_a_value_without_limits_has_no_margin() -> None:
    assert margin(5.0, None, None) is None


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_the_margin_of_a_float_is_negative_outside_of_the_limits(value: float, low: float, span: float) -> None:
    found = margin(value, low, low + span)
    assert found is not None
    assert (found.distance >= 0) == (low <= value <= low + span)


def test_the_verdict_is_more_urgent_than_the_margin_and_the_smallest_share_is_first() -> None:
    ordered: list[tuple[str, Margin[float] | None]] = [
        ("fail", Margin(-10, 1, is_high=True, range=20)),
        ("fail", Margin(-100, 1, is_high=True, range=1000)),
        ("fail", None),
        ("waived", Margin(-9, 1, is_high=True, range=10)),
        ("pass", Margin(-1, 0, is_high=True)),
        ("pass", Margin(9, 1, is_high=True, range=90)),
        ("pass", Margin(1, 5, is_high=True)),
        ("none", None),
    ]
    mixed = ordered[::-1]
    assert sorted(mixed, key=lambda pair: urgency(*pair)) == ordered
