"""The drive as a whole: start, speed, load and coast-down of the motor on the dynamometer."""

import pytest
from bench import Bench


class TestDrive:
    """A running motor within its data sheet."""

    @pytest.mark.parametrize("duty", [0.5, 0.75, 1.0], ids=["50%", "75%", "100%"])
    @pytest.mark.atlas_step("Run at a duty of {duty}")
    def test_speed_follows_the_duty(self, bench: Bench, duty: float) -> None:
        """Without a brake, the speed is the output voltage over the motor's constant of 35 mV·s, within 3 %."""
        bench.power_up()
        bench.controller.drive(duty)
        bench.run(0.5)
        speed, expected = bench.dmm.read("speed"), duty * 12.0 / 0.035
        assert speed == pytest.approx(expected, rel=0.03), (
            f"speed {speed:.1f} rad/s, nominal {expected:.1f} rad/s ± 3 % (duty {duty})"
        )

    @pytest.mark.atlas_step("Start softly from standstill")
    def test_inrush_of_a_start(self, bench: Bench) -> None:
        """The start ramp keeps the inrush current at or below 12 A."""
        bench.power_up()
        bench.scope.arm("current")
        bench.controller.drive(1.0)
        bench.run(0.3)
        peak = max(bench.scope["current"])
        assert peak <= 12.0, f"inrush current {peak:.2f} A, limit 12 A (start from standstill, 12 V, no brake)"

    @pytest.mark.atlas_step("Coast down with the bridge open")
    def test_coasting_feeds_nothing_back(self, running: Bench) -> None:
        """With the bridge open the motor coasts: no current flows, and the rail does not rise by more than 50 mV."""
        running.controller.disable()
        running.run(0.02)
        running.scope.arm("rail", "current")
        running.run(0.1)
        rail, amps = max(running.scope["rail"]), max(map(abs, running.scope["current"]))
        assert rail <= 12.05, f"rail rises to {rail:.3f} V while coasting, limit 12.05 V"
        assert amps <= 0.05, f"{amps:.3f} A flow while coasting, limit 0.05 A"

    @pytest.mark.skipif(pytest.version_tuple < (9,), reason="subtests need pytest 9")
    @pytest.mark.atlas_step("Efficiency over the load map")
    def test_efficiency_map(self, running: Bench, subtests: "pytest.Subtests") -> None:
        """Efficiency of at least 75 % at 0.1, 0.2 and 0.3 N·m, each a subtest.

        Deliberate failure of one subtest: at 0.3 N·m copper losses leave 74.5 %. The other points are still measured.
        """
        for torque in (0.1, 0.2, 0.3):
            with subtests.test(f"{torque} N·m"):
                running.motor.brake = torque
                running.run(0.4)
                shaft = torque * running.dmm.read("speed")
                supplied = running.dmm.read("output") * running.dmm.read("current")
                percent = round(100 * shaft / supplied, 1)
                assert percent >= 75, (
                    f"efficiency {percent} %, limit 75 % ({torque} N·m: {shaft:.1f} W out of {supplied:.1f} W)"
                )
