"""Thermal protection of the bridge: derating from 100 °C on, shutdown at 125 °C, restart below 110 °C."""

import pytest
from bench import Bench, Fault, heating_time

BRIDGE_OHMS = 20e-3
KELVIN_PER_WATT = 12.0
TAU = 0.504  # s: 12 K/W · 42 mJ/K

pytestmark = pytest.mark.atlas_card("Thermal protection")


@pytest.mark.parametrize("amps", [5.0, 10.0])
@pytest.mark.atlas_step("Warm up at {amps} A")
def test_time_constant(loaded: Bench, amps: float) -> None:
    """After one thermal time constant the bridge has done 63.2 % of its rise, within 2 % of it."""
    loaded.load.set(amps)
    loaded.run(TAU)
    rise = loaded.dmm.read("temperature") - 25.0
    expected = 0.632 * KELVIN_PER_WATT * BRIDGE_OHMS * amps**2
    assert rise == pytest.approx(expected, rel=0.02), (
        f"rise {rise:.2f} K after {TAU} s at {amps} A, nominal {expected:.2f} K ± 2 %"
    )


@pytest.mark.atlas_step("Derate at 90 °C ambient")
def test_derating_keeps_the_bridge_below_shutdown(loaded: Bench) -> None:
    """A 1.2 Ω load takes 10 A, too much at 90 °C: the controller must reduce the current, and go on running."""
    loaded.soak(90)
    loaded.load.set_ohms(1.2)
    loaded.run(2.5)
    amps, celsius = loaded.dmm.read("current"), loaded.dmm.read("temperature")
    assert not loaded.controller.tripped, f"tripped on {loaded.controller.fault} at {celsius:.1f} °C, expected derating"
    assert 5.0 <= amps <= 9.5, f"derated current {amps:.2f} A, limits 5 … 9.5 A (90 °C ambient, bridge {celsius:.1f} °C)"
    assert celsius <= 120.0, f"bridge at {celsius:.1f} °C, limit 120 °C (90 °C ambient, {amps:.2f} A)"


@pytest.mark.atlas_step("Overload with 15 A at 85 °C ambient")
def test_shutdown(loaded: Bench) -> None:
    """At 15 A derating comes too late: shutdown at 125 °C, at the time that the thermal model gives, within 3 %."""
    loaded.soak(85)
    loaded.load.set(15.0)
    measured = loaded.run_until(lambda: loaded.controller.tripped, timeout=2.0, what="the thermal shutdown at 15 A")
    expected = heating_time(125 - 85, final_rise=KELVIN_PER_WATT * BRIDGE_OHMS * 15.0**2, tau=TAU)
    assert loaded.controller.fault is Fault.OVERTEMPERATURE, f"fault is {loaded.controller.fault}, expected overtemperature"
    assert measured == pytest.approx(expected, rel=0.03), (
        f"thermal shutdown after {measured * 1e3:.0f} ms, nominal {expected * 1e3:.0f} ms ± 3 % (15 A, 85 °C ambient)"
    )


@pytest.mark.xfail(strict=True, reason="ECR-131: restarts at 120 °C already; to be fixed in firmware 2.4")
@pytest.mark.atlas_step("Refuse a restart above 110 °C")
def test_restart_waits_for_110_degrees(loaded: Bench) -> None:
    """A hot bridge must refuse the reset until it is below 110 °C.

    Deliberate strict xpass: firmware 2.4 is on the bench and does it right, so the marker has to go; until then this fails.
    """
    loaded.soak(85)
    loaded.load.set(15.0)
    loaded.run_until(lambda: loaded.controller.tripped, timeout=2.0, what="the thermal shutdown at 15 A")
    loaded.soak(112)
    loaded.run(1e-3)
    assert not loaded.controller.reset(), "restart was accepted at 112 °C, limit 110 °C"
    loaded.soak(85)
    loaded.run(1e-3)
    assert loaded.controller.reset(), "restart was refused at 85 °C, limit 110 °C"
