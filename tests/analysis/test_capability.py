"""Process performance."""

import math
import random
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats as scipy_stats

from pytest_atlas.analysis.capability import MIN_DISTINCT, MIN_VALUES, Capability, NoCapability, capability, required_ppk

CHANCE = random.Random(3)
VALUES = tuple(round(CHANCE.gauss(10, 0.3), 3) for _ in range(44))


def indices(values: Sequence[float], low: float | None, high: float | None) -> Capability:
    found = capability(values, low, high)
    assert isinstance(found, Capability)
    return found


def reason(values: Sequence[float], change: str = "") -> str:
    found = capability(values, 0, 100, change)
    assert isinstance(found, NoCapability)
    assert found.n == len(values)
    return found.reason


def test_pp_and_ppk_are_those_of_the_textbook() -> None:
    mean, sigma = statistics.fmean(VALUES), statistics.stdev(VALUES)
    found = indices(VALUES, 8, 13)
    assert found.n == 44
    assert found.pp is not None
    assert found.pp[1] == pytest.approx(5 / (6 * sigma))
    assert found.ppk == pytest.approx((mean - 8) / (3 * sigma))


def test_the_intervals_agree_with_scipy() -> None:
    found = indices(VALUES, 8, 13)
    assert found.pp is not None
    pp_low, pp, pp_high = found.pp
    assert pp_low == pytest.approx(pp * math.sqrt(scipy_stats.chi2.ppf(0.025, 43) / 43), rel=0.002)
    assert pp_high == pytest.approx(pp * math.sqrt(scipy_stats.chi2.ppf(0.975, 43) / 43), rel=0.002)
    half = scipy_stats.norm.ppf(0.975) * math.sqrt(1 / (9 * 44) + found.ppk**2 / (2 * 43))
    assert (found.low, found.high) == pytest.approx((found.ppk - half, found.ppk + half))


@pytest.mark.parametrize("n", [20, 50, 200])
def test_the_interval_of_ppk_contains_the_true_value_as_often_as_stated(n: int) -> None:
    values = np.random.default_rng(n).normal(10, 1, (400, n))
    found = [capability(list(row), None, 14) for row in values]  # Ppk = 4 / 3
    inside = [one.low <= 4 / 3 <= one.high for one in found if isinstance(one, Capability)]
    assert len(inside) >= 390
    assert statistics.fmean(inside) == pytest.approx(0.95, abs=0.035)


def test_one_limit_gives_a_ppk_but_no_pp() -> None:
    high, low = indices(VALUES, None, 13), indices(VALUES, 8, None)
    assert (high.pp, low.pp) == (None, None)
    assert high.ppk > low.ppk > 0


def test_capability_requires_limits_and_enough_values() -> None:
    few = VALUES[: MIN_VALUES - 1]
    assert capability([*few, 10.0], 8, 13) is not None
    assert capability(few, 8, 13) is None
    assert capability(VALUES, None, None) is None
    assert capability(VALUES, 10, 10) is None
    assert capability([1e308] * 50, 8, 13) is None


def test_few_different_values_have_a_reason() -> None:
    retries = [CHANCE.randrange(MIN_DISTINCT - 1) for _ in range(50)]
    assert reason(retries) == "only 5 different values"
    assert reason([10.0] * 50) == "only 1 different value"


def test_a_known_change_is_the_reason() -> None:
    assert reason(VALUES, "the level changed by a step") == "the level changed by a step"


def test_correlated_values_have_a_reason() -> None:
    values = [10.0]
    for _ in range(200):
        values.append(10 + 0.9 * (values[-1] - 10) + CHANCE.gauss(0, 0.1))
    assert reason(values).startswith("successive values are correlated (r₁ = 0.")


def test_a_drift_has_a_reason() -> None:
    assert reason([10 + 0.02 * n + CHANCE.gauss(0, 0.25) for n in range(40)]).startswith("they drift (Mann-Kendall z = ")


def test_values_that_are_clearly_not_normal_have_a_reason() -> None:
    assert reason([CHANCE.expovariate(1) for _ in range(200)]).startswith("they are not normal (D'Agostino-Pearson p = ")


def test_normal_values_rarely_have_a_reason() -> None:
    chance = random.Random(5)
    found = [capability([chance.gauss(0, 1) for _ in range(30)], -4, 4) for _ in range(1000)]
    assert sum(isinstance(one, NoCapability) for one in found) <= 12


def test_the_required_level_and_the_interval_decide() -> None:
    found = Capability(50, None, 1.2, 1.5, 1.8)
    assert (found.is_low(), found.is_proven()) == (False, False)
    assert found.is_low(1.67)
    assert found.is_proven(1.0)


@pytest.mark.parametrize(("text", "level"), [("", 1.33), (" 1.67 ", 1.67), ("1", 1.0)])
def test_the_required_level_is_a_setting(text: str, level: float) -> None:
    assert required_ppk(text) == level


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf", "11"])
def test_an_invalid_level_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"{text!r} is not a Ppk. Give a number above 0"):
        required_ppk(text)
