"""The complete drive: start, speed, load and coast-down of the motor on the dynamometer."""

import pytest
from bench import Bench

from pytest_atlas import Atlas


class TestDrive:
    """A running motor within its data sheet."""

    @pytest.mark.parametrize("duty", [0.5, 0.75, 1.0], ids=["50%", "75%", "100%"])
    @pytest.mark.atlas_step("Run at a duty of {duty}")
    def test_speed_follows_the_duty(self, bench: Bench, atlas: Atlas, duty: float) -> None:
        """Without a brake, the speed is the output voltage over the motor's constant of 35 mV·s, within 3 %."""
        bench.power_up()
        bench.controller.drive(duty)
        bench.run(0.5)
        speed, nominal = round(bench.dmm.read("speed"), 1), round(duty * 12.0 / 0.035, 1)
        atlas.measure("speed", speed, unit="rad/s", nominal=nominal, tolerance=round(0.03 * nominal, 1))

    @pytest.mark.atlas_step("Start softly from standstill")
    def test_inrush_of_a_start(self, bench: Bench, atlas: Atlas) -> None:
        """The start ramp keeps the inrush current at or below 12 A."""
        bench.power_up()
        scope = bench.scope
        scope.arm("current", "speed")
        bench.controller.drive(1.0)
        bench.run(0.3)
        units = {"t": "s", "current": "A", "speed": "rad/s"}
        atlas.trace("start", t=scope.t, current=scope["current"], speed=scope["speed"], units=units)
        atlas.measure("inrush current", round(max(scope["current"]), 2), unit="A", high=12)

    @pytest.mark.atlas_step("Coast down with the bridge open")
    def test_a_coasting_motor_feeds_no_current_back(self, running: Bench, atlas: Atlas) -> None:
        """With the bridge open the motor coasts: no current flows, and the rail does not rise by more than 50 mV."""
        running.controller.disable()
        running.run(0.02)
        running.scope.arm("rail", "current")
        running.run(0.1)
        rail, amps = max(running.scope["rail"]), max(map(abs, running.scope["current"]))
        atlas.measure("highest rail", round(rail, 3), unit="V", high=12.05)
        atlas.measure("highest current", round(amps, 3), unit="A", high=0.05)

    @pytest.mark.skipif(pytest.version_tuple < (9,), reason="subtests need pytest 9")
    @pytest.mark.atlas_step("Efficiency over the load map")
    def test_efficiency_map(self, running: Bench, atlas: Atlas, subtests: "pytest.Subtests") -> None:
        """Efficiency of at least 75 % at 0.1, 0.2 and 0.3 N·m, each a subtest.

        Deliberate failure of one subtest: at 0.3 N·m copper losses reduce it to 74.5 %. The other points are still measured.
        """
        points: dict[str, list[float]] = {"torque": [], "shaft": [], "supplied": []}
        for torque in (0.1, 0.2, 0.3):
            with subtests.test(f"{torque} N·m"):
                running.motor.brake = torque
                running.run(0.4)
                shaft = torque * running.dmm.read("speed")
                supplied = running.dmm.read("output") * running.dmm.read("current")
                for column, value in zip(points.values(), (torque, shaft, supplied), strict=True):
                    column.append(value)
                percent = round(100 * shaft / supplied, 1)
                atlas.measure(f"efficiency at {torque} N·m", percent, unit="%", low=75, required=True)
        atlas.trace("efficiency_map", points, units={"torque": "N·m", "shaft": "W", "supplied": "W"})
