"""Overcurrent protection: a fast comparator against short circuits, and I²t against lasting overload."""

import pytest
from bench import Bench, Fault, i2t_trip_time

from pytest_atlas import Atlas

pytestmark = pytest.mark.atlas_card("Overcurrent protection")


class TestFastTrip:
    """Above 35 A the bridge opens within 1 ms, before its parts can heat up."""

    @pytest.mark.parametrize(
        "celsius",
        [
            pytest.param(-40, id="cold"),
            pytest.param(25, id="room"),
            pytest.param(
                85, id="hot", marks=pytest.mark.xfail(strict=False, reason="ECR-97: comparator drifts when hot; fix unverified")
            ),
        ],
    )
    @pytest.mark.atlas_step("Short the output at {celsius} °C")
    def test_short_circuit(self, loaded: Bench, atlas: Atlas, celsius: int) -> None:
        """A load step to 50 A. Deliberate xpass when hot: revision C cured the drift, but ECR-97 is still open."""
        loaded.soak(celsius)
        scope = loaded.scope
        scope.arm("current", "gate")
        loaded.load.set(50.0)
        loaded.run(5e-3)
        atlas.trace("short_circuit", t=scope.t, current=scope["current"], gate=scope["gate"], units={"t": "s", "current": "A"})
        assert loaded.controller.fault is Fault.OVERCURRENT
        trip_ms = round(1e3 * (scope.first("gate", below=0.5) - scope.first("current", above=35.0)), 1)
        atlas.measure("trip time", trip_ms, unit="ms", high=1)

    @pytest.mark.usefixtures("can_log")
    @pytest.mark.atlas_step("Start with a locked rotor")
    def test_locked_rotor(self, bench: Bench, atlas: Atlas) -> None:
        """A motor that can't turn draws its stall current of 40 A: the fast trip must come during the start ramp.

        The diagnostic data of the controller are attached next to the CAN log.
        """
        bench.motor.locked = True
        bench.power_up()
        bench.controller.drive(1.0)
        bench.run_until(lambda: bench.controller.tripped, timeout=0.3, what="the trip with a locked rotor")
        atlas.attach(bench.controller.diagnostics(), "diagnostics.json")
        assert bench.controller.fault is Fault.OVERCURRENT, f"fault is {bench.controller.fault}, expected overcurrent"


class TestI2t:
    """The thermal image of the winding: rated 10 A, time constant 2 s, trip time by IEC 60255-149 within 3 %."""

    @pytest.mark.parametrize("overload", [1.5, 2.0, 3.0], ids=["150%", "200%", "300%"])
    @pytest.mark.atlas_step("Overload with {overload} times the rated current")
    def test_trip_time(self, loaded: Bench, atlas: Atlas, overload: float) -> None:
        """Constant overload from cold. The chamber is at −40 °C, so the thermal protection of the bridge does not trip."""
        loaded.soak(-40)
        loaded.load.set(overload * 10.0)
        measured = loaded.run_until(lambda: loaded.controller.tripped, timeout=2.0, what=f"the I²t trip at {overload} × 10 A")
        expected = i2t_trip_time(overload * 10.0, rated=10.0, tau=2.0)
        assert loaded.controller.fault is Fault.OVERLOAD, f"fault is {loaded.controller.fault}, expected overload"
        trip_ms, nominal_ms = round(1e3 * measured, 1), round(1e3 * expected)
        atlas.measure("trip time", trip_ms, unit="ms", nominal=nominal_ms, tolerance=round(0.03 * nominal_ms, 1))

    @pytest.mark.atlas_step("Carry the rated current")
    def test_rated_current_is_carried(self, loaded: Bench, atlas: Atlas) -> None:
        """10 A must not trip anything; the bridge stays 50 K below derating.

        Deliberate exception: the specification requires 60 s, the example takes 1 s. The test passes with an exception.
        """
        loaded.load.set(10.0)
        loaded.run(1.0)
        atlas.measure("bridge", round(loaded.dmm.read("temperature"), 1), unit="°C", high=50)
        atlas.exception("carried for 1 s, specified are 60 s; accepted for the short campaign")
        assert not loaded.controller.tripped, f"tripped on {loaded.controller.fault} at the rated current of 10 A"

    @pytest.mark.atlas_step("Measure the current with the precision shunt")
    def test_current_reading(self, loaded: Bench, atlas: Atlas, precision_shunt: float) -> None:
        """Reading of 10 A against shunt S2, ± 0.2 %. Deliberate set-up error: the shunt's calibration has expired."""
        loaded.load.set(10.0)
        reading = loaded.dmm.read("current")
        nominal_mv = 1e3 * 10.0 * precision_shunt
        atlas.measure("shunt S2", 1e3 * reading * precision_shunt, unit="mV", nominal=nominal_mv, tolerance=2e-3 * nominal_mv)
