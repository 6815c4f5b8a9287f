"""Overvoltage protection: the controller opens its bridge within 100 ms of a rail above 12.6 V, and not before."""

import pytest
from bench import Bench, Fault, waveform_svg

from pytest_atlas import Atlas

pytestmark = pytest.mark.atlas_card("Overvoltage protection")


@pytest.mark.parametrize("volts", [13.0, 13.5, 14.0])
@pytest.mark.atlas_step("Apply {volts} V to input rail")
def test_trip(running: Bench, atlas: Atlas, volts: float) -> None:
    """A step from 12 V to an overvoltage while the motor runs: shutdown within 100 ms of the rail crossing 12.6 V."""
    scope = running.scope
    with atlas.step("Arm the scope"):
        scope.arm("rail", "gate")
    with atlas.step(f"Step the rail from 12 V to {volts} V"):
        running.psu.set(volts)
        running.run(0.15)
        scope.stop()
        atlas.measure("rail", round(running.dmm.read("rail"), 3), unit="V", nominal=volts, tolerance=0.05)
    atlas.trace("trip", t=scope.t, rail=scope["rail"], gate=scope["gate"], units={"t": "s", "rail": "V"})
    assert running.controller.fault is Fault.OVERVOLTAGE, (
        f"fault is {running.controller.fault}, expected overvoltage at {volts} V"
    )
    trip_ms = round(1e3 * (scope.first("gate", below=0.5) - scope.first("rail", above=12.6)), 1)
    atlas.measure("trip time", trip_ms, unit="ms", high=100)


@pytest.mark.parametrize("volts", [11.0, 12.0, 12.4])
@pytest.mark.atlas_step("Hold {volts} V on input rail")
def test_no_trip_in_the_operating_range(running: Bench, volts: float) -> None:
    """A rail inside 10.5 V … 12.4 V must not trip anything for 200 ms."""
    running.psu.set(volts)
    running.run(0.2)
    assert not running.controller.tripped, f"tripped on {running.controller.fault} at {volts} V, inside the operating range"


@pytest.mark.atlas_step("Ride through a 10 ms transient of 14 V")
def test_short_transient_does_not_trip(running: Bench, atlas: Atlas) -> None:
    """A load dump of 10 ms is shorter than the debounce time of 20 ms and must not stop the motor."""
    running.scope.arm("rail")
    running.psu.set(14.0)
    running.run(0.01)
    running.psu.set(12.0)
    running.run(0.1)
    # With a lower peak, this test would be meaningless.
    atlas.measure("peak of the transient", round(max(running.scope["rail"]), 2), unit="V", low=13.5)
    assert not running.controller.tripped, f"tripped on {running.controller.fault} after a 10 ms transient of 14 V"


@pytest.mark.usefixtures("can_log")
@pytest.mark.atlas_step("Refuse a reset at 13 V")
def test_reset_is_refused_while_the_rail_is_high(running: Bench, atlas: Atlas) -> None:
    """A latched overvoltage can't be cleared while the rail is high; it can once the rail is back at 12 V."""
    with atlas.step("Trip at 13 V"):
        running.psu.set(13.0)
        running.run_until(lambda: running.controller.tripped, timeout=0.15, what="the overvoltage trip at 13 V")
    with atlas.step("Request a reset at 13 V"):
        assert not running.controller.reset(), "reset was accepted at 13 V"
    with atlas.step("Request a reset at 12 V"):
        running.psu.set(12.0)
        running.run(0.2)
        assert running.controller.reset(), f"reset was refused at {running.psu.volts:.2f} V"


@pytest.mark.xfail(raises=AssertionError, reason="ECR-104: releases at 12.4 V, specified are 12.3 V; accepted until revision D")
@pytest.mark.atlas_step("Refuse a reset at 12.35 V")
def test_hysteresis_is_300_mv(running: Bench) -> None:
    """Deliberate xfail, a known deviation: the release level shall be 0.30 V below the trip level of 12.6 V."""
    running.psu.set(13.0)
    running.run_until(lambda: running.controller.tripped, timeout=0.15, what="the overvoltage trip at 13 V")
    running.psu.set(12.35)
    running.run(0.2)
    assert not running.controller.reset(), "reset was accepted at 12.35 V, limit 12.30 V (trip level 12.6 V, hysteresis 0.30 V)"


@pytest.mark.atlas_step("Stop hard from full speed")
def test_regeneration_of_a_hard_stop_trips(running: Bench, atlas: Atlas) -> None:
    """A motor braked in 200 ms feeds back more than the supply can sink: the protection must catch the rail below 16 V."""
    scope = running.scope
    scope.arm("rail", "current", "speed")
    running.controller.drive(0.0)
    running.run(0.3)
    channels = {"rail [V]": scope["rail"], "current [A]": scope["current"], "speed [rad/s]": scope["speed"]}
    atlas.attach(waveform_svg("Hard stop from full speed", scope.t, channels), "hard_stop.svg")
    assert running.controller.fault is Fault.OVERVOLTAGE, f"fault is {running.controller.fault}, expected overvoltage"
    atlas.measure("peak of the rail", round(max(scope["rail"]), 2), unit="V", high=16)


@pytest.mark.atlas_step("Stop hard into a regenerative supply")
def test_hard_stop_into_a_regenerative_supply(running: Bench) -> None:
    """With a supply that sinks 20 A, a hard stop must not trip. Deliberate skip: this bench's supply can't do that."""
    sink = running.psu.data.sink_amps
    if sink < 20:
        pytest.skip(f"needs a supply that sinks 20 A; this bench's sinks {sink:g} A")
    running.controller.drive(0.0)
    running.run(0.3)
    assert not running.controller.tripped, f"tripped on {running.controller.fault} although the supply can sink the energy"
