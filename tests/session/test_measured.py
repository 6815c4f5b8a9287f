"""The limits of each recorded value, their texts, and repeated measurements."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support import events as f

from pytest_atlas.fixture import measurement_events
from pytest_atlas.fixture.measurement import measurement
from pytest_atlas.journal import events as ev
from pytest_atlas.session.measured import Repeated, without_repetitions
from pytest_atlas.session.measurement_texts import measurement_line, repeated_line
from pytest_atlas.session.trends import trend

TEST = ev.AttemptIdentity(f.nodeid("test_a"))


def recorded(name: str, *value: Any, at: float = f.BEGIN, **arguments: Any) -> ev.Measured:
    return replace(measurement_events.measured(measurement(name, *value, **arguments), TEST, 0), at=at)


LINES: dict[str, tuple[ev.Measured, str]] = {
    "percentage": (recorded("rail", 12.4, unit="V", nominal=12.5, tolerance="1 %"), "rail: 12.4 V (12.375 … 12.625 V) ok"),
    "exclusive": (recorded("rail", 5, unit="V", low=5, high=6, exclusive=True), "rail: 5 V (> 5 … < 6 V) OUT OF LIMITS"),
    "exclusive high": (recorded("t", 1, unit="s", high=2, exclusive="high"), "t: 1 s (< 2 s) ok"),
    "matches": (recorded("sn", "SN-07", matches=r"SN-\d+"), r"sn: 'SN-07' (matches SN-\d+) ok"),
    "marginal": (
        recorded("trip", 98, unit="ms", high=100, marginal=(None, 95)),
        "trip: 98 ms (≤ 100 ms; marginal unless ≤ 95 ms) ok, marginal",
    ),
    "not marginal": (
        recorded("trip", 90, unit="ms", high=100, marginal=(None, 95)),
        "trip: 90 ms (≤ 100 ms; marginal unless ≤ 95 ms) ok",
    ),
    "guard": (
        recorded("rail", 12.46, unit="V", nominal=12.5, tolerance=0.05, uncertainty=0.02, rule="guard"),
        "rail: 12.46 V (12.45 … 12.55 V; accepted 12.47 … 12.53 V, U = 0.02 V, k = 2) OUT OF LIMITS",
    ),
    "simple": (
        recorded("rail", 12.46, unit="V", low=12, uncertainty=0.02, k=3),
        "rail: 12.46 V (≥ 12 V; U = 0.02 V, k = 3) ok",
    ),
    "uncertainty without limits": (recorded("rail", 5, unit="V", uncertainty=0.1), "rail: 5 V (U = 0.1 V, k = 2)"),
    "limits for each value": (
        recorded("cells", [3.3, 3.4], unit="V", low=[3.2, 3.5], high=3.6),
        "cells: 3.3, 3.4 V (≤ 3.6 V; limits for each value) OUT OF LIMITS",
    ),
    "axes": (
        recorded("gain", [0, -3.2, -1], unit="dB", low=-3, axes={"f": ([100, 1000, 2000], "Hz")}),
        "gain at f = 1 kHz: -3.2 dB (≥ -3 dB; worst of 3 points, 1 out of limits) OUT OF LIMITS",
    ),
    "axes without limits": (
        recorded("gain", [0, -3.2, -1], unit="dB", axes={"f": ([100, 1000, 2000], "Hz")}),
        "gain at f = 100 Hz: 0 dB (largest of 3 points)",
    ),
    "not applicable": (recorded("dc/dc current", na="no DC/DC fitted"), "dc/dc current: not applicable (no DC/DC fitted)"),
    "many values": (
        recorded("temp", [20 + n / 100 for n in range(300)], unit="°C", high=30),
        "temp: 20 … 22.99 °C, 300 values, first 20, last 22.99 (≤ 30 °C) ok",
    ),
    "many texts": (recorded("mode", ["CC"] * 20, equal="CC"), "mode: " + "'CC', " * 12 + "… (20 values) (= 'CC') ok"),
}


@pytest.mark.parametrize(("event", "line"), LINES.values(), ids=LINES)
def test_the_line_of_a_measurement(event: ev.Measured, line: str) -> None:
    assert measurement_line(event) == line


def test_a_measurement_that_a_loop_repeats_is_one_line_with_its_trend() -> None:
    soak = [recorded("temp", 20 + n / 100, unit="°C", high=30, at=f.BEGIN + n / 10) for n in range(300)]
    supply = [recorded("supply", 12, unit="V") for _ in range(3)]
    (found, *others) = without_repetitions([*soak[:2], *supply, *soak[2:]])
    assert others == supply
    assert isinstance(found, Repeated)
    line = "temp: 20 … 22.99 °C, 300 values in 29.9 s, first 20, last 22.99, slope 6 °C/min (≤ 30 °C) ok"
    assert repeated_line(found) == line


def test_a_repeated_measurement_has_the_worst_verdict_and_the_number_of_violations() -> None:
    soak = [recorded("temp", n, unit="°C", high=17 + n % 2) for n in range(20)]
    (found,) = without_repetitions(soak)
    assert isinstance(found, Repeated)
    assert repeated_line(found).endswith("slope 1 °C/value (different limits; 2 out of limits) OUT OF LIMITS")


def test_texts_and_few_numbers_are_listed() -> None:
    states = [recorded("mode", "CC", equal="CC") for _ in range(20)]
    few = [recorded("temp", 20) for _ in range(12)]
    assert list(without_repetitions([*states, *few])) == [*states, *few]


def test_numbers_larger_than_any_float_are_listed() -> None:
    """A journal can come from elsewhere."""
    huge = [replace(recorded("x", n), values=("1" + "0" * 400,), points=None) for n in range(20)]
    assert list(without_repetitions(huge)) == huge
    many = replace(huge[0], values=huge[0].values * 20)
    assert measurement_line(many).endswith("… (20 values)")
    point = ev.Points(worst=(ev.Coordinate("f", "1" + "0" * 400, "Hz"), ev.Coordinate("c", "hot")), count=2)
    assert " Hz, c = hot: " in measurement_line(replace(huge[0], points=point))


def test_the_slope_of_a_trend_is_that_of_numpy() -> None:
    np = pytest.importorskip("numpy")
    times, values = [0.0, 0.5, 1.5, 4.0, 4.5], [1.0, 3.0, 2.0, 7.5, 6.0]
    found = trend(times, values)
    assert found is not None
    assert found.slope == pytest.approx(np.polyfit(times, values, 1)[0], rel=1e-12)


def test_a_trend_has_only_finite_values() -> None:
    found = trend([0, 1, 2, 3], [1, float("nan"), 3, 4])
    assert found is not None
    assert (found.count, found.first, found.last, found.low, found.high, found.slope) == (3, 1, 4, 1, 4, 1.0)
    assert trend([0, 1], [1, float("inf")]) is None
