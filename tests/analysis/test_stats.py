"""Statistics of plain numbers."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.analysis.stats import Moments, mann_kendall

numbers = st.floats(-1e6, 1e6, allow_nan=False)


class TestMoments:
    @given(st.lists(st.lists(numbers, max_size=20), max_size=8))
    def test_batches_give_the_moments_of_all_values(self, batches: list[list[float]]) -> None:
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

    def test_a_small_ripple_on_a_large_offset_is_measured(self) -> None:
        found = Moments()
        for _ in range(100):
            found.add([1e9 + 0.5, 1e9 - 0.5])
        assert found.m2 / found.n == pytest.approx(0.25)

    def test_the_mean_is_finite_if_the_sum_exceeds_the_largest_float(self) -> None:
        found = Moments()
        found.add([1e308] * 4)
        assert found.mean == pytest.approx(1e308)

    def test_the_rms_of_no_values_is_nan(self) -> None:
        assert math.isnan(Moments().rms)


class TestMannKendall:
    @given(st.lists(st.integers(-5, 5), min_size=3, max_size=20))
    def test_the_reverse_order_changes_the_sign(self, values: list[int]) -> None:
        assert mann_kendall(values) == pytest.approx(-mann_kendall(values[::-1]))

    def test_z_is_that_of_the_textbook(self) -> None:
        # S = 28 of 8 rising values: (28 - 1) / sqrt(8 · 7 · 21 / 18)
        assert mann_kendall([1, 2, 3, 4, 5, 6, 7, 8]) == pytest.approx(27 / math.sqrt(8 * 7 * 21 / 18))
        # With two pairs of ties, each of which subtracts 2 · 1 · 9 from the numerator.
        assert mann_kendall([1, 1, 2, 3, 4, 5, 6, 6]) == pytest.approx(25 / math.sqrt((8 * 7 * 21 - 36) / 18))
