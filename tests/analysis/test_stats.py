import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.analysis import stats
from pytest_atlas.analysis.stats import Margin, Moments, capability, drift, family, mad, mann_kendall, margin, slower

numbers = st.floats(-1e6, 1e6, allow_nan=False)


class TestMoments:
    @given(st.lists(st.lists(numbers, max_size=20), max_size=8))
    def test_of_batches_are_those_of_all_values_together(self, batches: list[list[float]]) -> None:
        found = Moments()
        for batch in batches:
            found.add(batch)
        values = [value for batch in batches for value in batch]
        assert found.n == len(values)
        if values:
            assert found.mean == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
            assert found.m2 == pytest.approx(statistics.pvariance(values) * len(values), rel=1e-6, abs=1e-3)
            assert found.rms == pytest.approx(math.sqrt(statistics.fmean(v * v for v in values)), rel=1e-9, abs=1e-6)
            assert (found.low, found.high) == (min(values), max(values))

    def test_a_small_ripple_on_a_large_offset_is_not_lost(self) -> None:
        found = Moments()
        for _ in range(100):
            found.add([1e9 + 0.5, 1e9 - 0.5])
        assert found.m2 / found.n == pytest.approx(0.25)

    def test_values_whose_sum_is_beyond_the_largest_float_have_a_mean(self) -> None:
        found = Moments()
        found.add([1e308] * 4)
        assert found.mean == pytest.approx(1e308)

    def test_nothing_has_no_rms(self) -> None:
        assert math.isnan(Moments().rms)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (95.0, 90, 110, Margin(5, 0.25, 90)),
        (109.0, 90, 110, Margin(1, 0.05, 110)),
        (112.0, 90, 110, Margin(-2, -0.1, 110)),
        (85.0, 90, 110, Margin(-5, -0.25, 90)),
        (90.0, 90, 110, Margin(0, 0, 90)),
        (80.0, None, 100, Margin(20, 0.2, 100)),
        (-80.0, -100, None, Margin(20, 0.2, -100)),
        (3.0, 0, None, Margin(3, None, 0)),
        (5.0, 5, 5, Margin(0, None, 5)),
        (math.nan, 90, 110, Margin(-math.inf, -math.inf, 90)),
        (math.inf, None, 110, Margin(-math.inf, -math.inf, 110)),
        (5.0, None, None, None),
    ],
)
def test_the_margin_is_to_the_nearest_limit(
    value: float, low: float | None, high: float | None, expected: Margin | None
) -> None:
    found = margin(value, low, high)
    if expected is None or not math.isnan(value):
        assert found == expected
    else:
        assert found is not None
        assert (found.units, found.share) == (-math.inf, -math.inf)


@given(numbers, numbers, st.floats(0.001, 1e6))
def test_a_margin_is_negative_exactly_outside_of_the_limits(value: float, low: float, span: float) -> None:
    found = margin(value, low, low + span)
    assert found is not None
    assert (found.units >= 0) == (low <= value <= low + span)


class TestCapability:
    values = tuple(10 + 0.1 * ((n * 7) % 11 - 5) for n in range(44))

    def test_is_that_of_the_textbook(self) -> None:
        mean, sigma = statistics.fmean(self.values), statistics.stdev(self.values)
        found = capability(self.values, 8, 13)
        assert found is not None
        assert found.n == 44
        assert found.cp == pytest.approx(5 / (6 * sigma))
        assert found.cpk == pytest.approx((mean - 8) / (3 * sigma))

    def test_of_one_limit_has_no_cp(self) -> None:
        high, low = capability(self.values, None, 13), capability(self.values, 8, None)
        assert high is not None
        assert low is not None
        assert (high.cp, low.cp) == (None, None)
        assert high.cpk > low.cpk > 0

    def test_needs_limits_enough_values_and_some_spread(self) -> None:
        few = self.values[: stats.LEAST_CAPABILITY - 1]
        assert capability([*few, 10.0], 8, 13) is not None
        assert capability(few, 8, 13) is None
        assert capability(self.values, None, None) is None
        assert capability(self.values, 10, 10) is None
        assert capability([10.0] * 50, 8, 13) is None


class TestFamily:
    history = (2.1, 2.12, 2.09, 2.11, 2.1, 2.08, 2.1, 2.13)

    def test_a_value_beyond_k_mads_and_all_others_is_out(self) -> None:
        found = family(2.9, self.history)
        assert found is not None
        assert (found.n, found.out) == (8, True)
        assert found.median == pytest.approx(2.1)
        assert found.mad == pytest.approx(mad(self.history)) == pytest.approx(0.01)
        assert family(1.3, self.history).out  # type: ignore[union-attr]

    @pytest.mark.parametrize(("value", "out"), [(2.175, False), (2.185, True), (2.025, False), (2.015, True)])
    def test_the_border_is_where_it_is_said_to_be(self, value: float, out: bool) -> None:
        assert family(value, self.history).out is out  # type: ignore[union-attr]

    def test_one_step_of_a_converter_that_was_seen_before_is_in(self) -> None:
        history = [5.0] * 9 + [5.01]
        assert not family(5.01, history).out  # type: ignore[union-attr]
        assert family(5.02, history).out  # type: ignore[union-attr]

    def test_few_predecessors_tell_nothing(self) -> None:
        assert family(99.0, self.history[:7]) is None


class TestDrift:
    def test_a_line_is_found_with_its_slope_whatever_one_outlier_does(self) -> None:
        values = [80 + 1.5 * n for n in range(15)]
        values[6] = 300.0
        found = drift(values)
        assert found is not None
        assert found.n == 15
        assert found.slope == pytest.approx(1.5, rel=0.05)
        assert found.current == pytest.approx(101, rel=0.01)

    @pytest.mark.parametrize(("slope", "low", "high", "runs"), [(1, 0, 120, 10), (1, 0, None, None), (-1, 80, 120, 16)])
    def test_it_is_extrapolated_to_the_limit_that_it_moves_to(
        self, slope: float, low: float | None, high: float | None, runs: float | None
    ) -> None:
        values = [(96 if slope > 0 else 110) + slope * n for n in range(15)]
        found = drift(values)
        assert found is not None
        assert found.runs_until(low, high) == (None if runs is None else pytest.approx(runs))

    def test_one_that_is_beyond_its_limit_is_there_now(self) -> None:
        assert drift([float(n) for n in range(10)]).runs_until(None, 5) == 0  # type: ignore[union-attr]

    def test_noise_has_no_trend(self) -> None:
        chance = random.Random(1)
        assert [drift([chance.gauss(0, 1) for _ in range(20)]) for _ in range(200)].count(None) >= 198

    def test_few_or_equal_values_have_none(self) -> None:
        assert drift([float(n) for n in range(stats.LEAST_HISTORY - 1)]) is None
        assert drift([float(n) for n in range(stats.LEAST_HISTORY)]) is not None
        assert drift([5.0] * 20) is None

    @given(st.lists(st.integers(-5, 5), min_size=3, max_size=20))
    def test_the_test_statistic_turns_with_the_order(self, values: list[int]) -> None:
        assert mann_kendall(values) == pytest.approx(-mann_kendall(values[::-1]))

    def test_the_test_statistic_is_that_of_the_textbook(self) -> None:
        # S = 28 of 8 rising values: (28 - 1) / sqrt(8 · 7 · 21 / 18)
        assert mann_kendall([1, 2, 3, 4, 5, 6, 7, 8]) == pytest.approx(27 / math.sqrt(8 * 7 * 21 / 18))
        # With two pairs of ties, each taking 2 · 1 · 9 from the numerator.
        assert mann_kendall([1, 1, 2, 3, 4, 5, 6, 6]) == pytest.approx(25 / math.sqrt((8 * 7 * 21 - 36) / 18))


class TestSlower:
    earlier = (3.0, 3.1, 2.9, 3.0, 3.05)

    def test_is_what_takes_clearly_longer_than_the_median(self) -> None:
        assert slower(9.8, self.earlier) == 3.0
        assert slower(3.61, self.earlier) == 3.0
        assert slower(3.59, self.earlier) is None, "20 % of the median are allowed"

    def test_a_tenth_of_a_second_is_nothing(self) -> None:
        assert slower(0.1, [0.01] * 5) is None
        assert slower(0.12, [0.01] * 5) == 0.01

    def test_what_varies_much_may_vary_much(self) -> None:
        assert slower(7.9, [1.0, 5.0, 3.0, 2.0, 4.0]) is None
        assert slower(8.1, [1.0, 5.0, 3.0, 2.0, 4.0]) == 3.0

    def test_few_durations_tell_nothing(self) -> None:
        assert slower(9.8, self.earlier[:4]) is None
