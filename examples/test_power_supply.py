"""Bench readiness: the programmable supply meets its data sheet, so later findings are faults of the controller."""

import pytest
from bench import Bench

from pytest_atlas import Atlas


class TestOutput:
    """Set point, slew rate and current limit of the rail supply."""

    @pytest.mark.parametrize("volts", [3.3, 5.0, 12.0, 24.0])
    @pytest.mark.atlas_step("Settle at {volts} V")
    def test_settles(self, bench: Bench, atlas: Atlas, volts: float) -> None:
        """20 ms after programming, the unloaded rail is within 0.1 % of the set point, read with the multimeter."""
        bench.psu.set(volts)
        bench.psu.on()
        bench.run(0.02 + volts / bench.psu.slew)
        atlas.measure("rail", round(bench.dmm.read("rail"), 4), unit="V", nominal=volts, tolerance=1e-3 * volts)

    @pytest.mark.parametrize("slew", [200.0, 1000.0], ids=["slow", "fast"])
    @pytest.mark.atlas_step("Rise at {slew} V/s")
    def test_slew_rate(self, bench: Bench, atlas: Atlas, slew: float) -> None:
        """From 10 % to 90 % of a 10 V step, the rail rises at the programmed rate, within 2 %.

        Deliberate waiver at 1000 V/s, where it is 2.4 % slower: the test passes, and the exception has the reason.
        """
        bench.psu.slew = slew
        bench.psu.set(10.0)
        bench.scope.arm("rail")
        bench.psu.on()
        bench.run(10.0 / slew + 20e-3)
        atlas.trace("rise", t=bench.scope.t, rail=bench.scope["rail"], units={"t": "s", "rail": "V"})
        rise = bench.scope.first("rail", above=9.0) - bench.scope.first("rail", above=1.0)
        accepted = "ECR-88: its voltage loop slows fast steps; trip times count from the rail, not from the set point"
        atlas.measure("slew rate", round(8.0 / rise), unit="V/s", nominal=slew, tolerance=0.02 * slew, waive=accepted)

    def test_rise_stays_within_its_mask(self, bench: Bench, atlas: Atlas) -> None:
        """A rise at 200 V/s is at most 0.25 V below and 0.1 V above the programmed voltage: one measurement of 700 points."""
        bench.psu.slew = 200.0
        bench.psu.set(10.0)
        bench.scope.arm("rail")
        bench.psu.on()
        bench.run(70e-3)
        programmed = [min(10.0, 200.0 * t) for t in bench.scope.t]
        low, high = [volts - 0.25 for volts in programmed], [volts + 0.1 for volts in programmed]
        atlas.measure("rise", bench.scope["rail"], unit="V", low=low, high=high, axes={"t": (bench.scope.t, "s")})

    def test_reference_voltage(self, bench: Bench, atlas: Atlas) -> None:
        """The rail proves to be 5 V within 0.2 %: the uncertainty of the multimeter tightens the limits by 2 mV."""
        bench.psu.set(5.0)
        bench.psu.on()
        bench.run(0.05)
        volts = round(bench.dmm.read("rail"), 4)
        atlas.measure("reference", volts, unit="V", nominal=5.0, tolerance="0.2 %", uncertainty=0.002, rule="guard")

    def test_current_limit_pulls_the_rail_down(self, loaded: Bench, atlas: Atlas) -> None:
        """An 8 A load on a supply limited to 5 A: constant current, at most 1 % over the limit, and the rail falls."""
        loaded.psu.limit(5.0)
        loaded.load.set(8.0)
        loaded.run(5e-3)
        atlas.measure("mode of the supply", loaded.psu.mode, equal="CC")
        atlas.measure("current of the supply", round(loaded.psu.amps, 2), unit="A", high=5.05)
        atlas.measure("rail", round(loaded.psu.volts, 2), unit="V", high=11)


class TestDischarge:
    """Safety of the rail after switching off."""

    def test_bleeder_discharges_the_rail(self, safe_rail: Bench, atlas: Atlas) -> None:
        """From 12 V, the bleeder brings the rail below 2 V within 150 ms."""
        safe_rail.psu.set(12.0)
        safe_rail.psu.on()
        safe_rail.run(0.02)
        safe_rail.psu.off()
        took = safe_rail.run_until(lambda: safe_rail.psu.volts < 2.0, timeout=1.0, what="a rail below 2 V")
        atlas.measure("discharge to 2 V", round(1e3 * took, 1), unit="ms", high=150)

    def test_output_holds_without_bleeder(self, safe_rail: Bench, atlas: Atlas) -> None:
        """Deliberate teardown error: the bleeder is removed for this test, which passes, but the rail then stays charged.

        The check of the fixture detects it, as on a real bench.
        """
        safe_rail.psu.bleeder_fitted = False
        safe_rail.psu.set(12.0)
        safe_rail.psu.on()
        safe_rail.run(0.02)
        atlas.measure("rail", round(safe_rail.dmm.read("rail"), 3), unit="V", nominal=12, tolerance=0.05)
