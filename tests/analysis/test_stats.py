"""Statistics of plain numbers."""

import math
import random
import statistics
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from pytest_atlas.analysis.stats import Moments, autocorrelation, chi2_quantile, mann_kendall, normality, ranks

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

    @given(st.lists(st.integers(-5, 5), min_size=5, max_size=30))
    def test_z_is_that_of_scipy_apart_from_the_correction_for_continuity(self, values: list[int]) -> None:
        s = sum((b > a) - (b < a) for a, b in combinations(values, 2))
        if abs(s) > 1:
            theirs = scipy_stats.kendalltau(range(len(values)), values, method="asymptotic")
            z = math.copysign(scipy_stats.norm.isf(theirs.pvalue / 2), s)
            assert mann_kendall(values) == pytest.approx(z * (abs(s) - 1) / abs(s))
        else:
            assert mann_kendall(values) == 0


class TestAgainstScipy:
    @given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
    def test_ranks(self, values: list[int]) -> None:
        assert ranks(values) == list(scipy_stats.rankdata(values))

    @pytest.mark.parametrize("n", [20, 50, 1000])
    @pytest.mark.parametrize("kind", ["gauss", "expovariate", "uniform", "outlier"])
    def test_normality(self, n: int, kind: str) -> None:
        chance = random.Random(n)
        values = {
            "gauss": [chance.gauss(3, 2) for _ in range(n)],
            "expovariate": [chance.expovariate(1) for _ in range(n)],
            "uniform": [chance.random() * 1e-200 for _ in range(n)],
            "outlier": [*(chance.gauss(3, 2) for _ in range(n - 1)), 1e3],
        }[kind]
        scaled = [value / max(values) for value in values]
        assert normality(values) == pytest.approx(scipy_stats.normaltest(scaled).pvalue, rel=1e-6, abs=1e-300)

    def test_autocorrelation(self) -> None:
        values = [math.sin(n / 3) + 0.1 * n for n in range(500)]
        assert autocorrelation(values) == pytest.approx(scipy_stats.pearsonr(values[:-1], values[1:]).statistic, rel=0.01)
        assert autocorrelation([5.0] * 9) == 0

    @pytest.mark.parametrize("degrees", [19, 49, 999])
    @pytest.mark.parametrize("p", [0.025, 0.5, 0.975])
    def test_chi2_quantile(self, degrees: int, p: float) -> None:
        assert chi2_quantile(p, degrees) == pytest.approx(scipy_stats.chi2.ppf(p, degrees), rel=0.005)
