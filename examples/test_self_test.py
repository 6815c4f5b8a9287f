"""Power-on self-test of the bench, written with unittest as many existing suites are."""

# ruff: noqa: PT009, PT027 - this module is an example of unittest's assertions

import unittest

import pytest
from bench import Bench, InstrumentError


class SelfTest(unittest.TestCase):
    """The instruments respond, agree with each other, and refuse values that would damage the device."""

    def setUp(self) -> None:
        """A bench with everything off."""
        self.bench = Bench(seed=7)

    def test_everything_is_off_at_power_on(self) -> None:
        """No voltage on the rail, no current, bridge open."""
        self.assertEqual(self.bench.psu.mode, "OFF")
        self.assertAlmostEqual(self.bench.dmm.read("rail"), 0.0, places=2)
        self.assertFalse(self.bench.controller.bridge_closed)

    def test_scope_and_multimeter_agree(self) -> None:
        """Both read the same rail within 10 mV, at each of three set points."""
        self.bench.psu.on()
        for volts in (5.0, 12.0, 24.0):
            with self.subTest(volts=volts):
                self.bench.psu.set(volts)
                self.bench.run(0.03)
                self.bench.scope.arm("rail")
                by_meter = self.bench.dmm.read("rail")
                self.assertAlmostEqual(by_meter, self.bench.scope["rail"][-1], delta=10e-3)

    @pytest.mark.atlas_step("Refuse a set point out of range")
    def test_set_point_out_of_range_is_refused(self) -> None:
        """31 V on a 30 V supply is refused with a message that names the range."""
        with self.assertRaisesRegex(InstrumentError, r"31 V is outside 0 … 30 V"):
            self.bench.psu.set(31)
