"""Values out of family."""

import random

import pytest

from pytest_atlas.analysis.outliers import FACTORS, FALSE_ALARMS, factor, family
from pytest_atlas.analysis.stats import MIN_HISTORY, mad

HISTORY = (2.1, 2.12, 2.09, 2.11, 2.1, 2.08, 2.1, 2.13)


def test_a_value_far_beyond_all_others_is_out_of_family() -> None:
    found = family(2.9, HISTORY)
    assert found is not None
    assert (found.n, found.is_out) == (8, True)
    assert found.median == pytest.approx(2.1)
    assert found.mad == pytest.approx(mad(HISTORY)) == pytest.approx(0.01)
    assert family(1.3, HISTORY).is_out  # type: ignore[union-attr]


@pytest.mark.parametrize("side", [-1, 1])
def test_the_border_is_a_number_of_mads_from_the_median(side: int) -> None:
    border = factor(8) * mad(HISTORY)
    assert not family(2.1 + side * border * 0.99, HISTORY).is_out  # type: ignore[union-attr]
    assert family(2.1 + side * border * 1.01, HISTORY).is_out  # type: ignore[union-attr]


def test_a_value_that_occurred_before_is_in_family() -> None:
    history = [5.0] * 9 + [5.01]
    assert not family(5.01, history).is_out  # type: ignore[union-attr]
    assert family(5.02, history).is_out  # type: ignore[union-attr]


def test_few_earlier_values_give_no_result() -> None:
    assert family(99.0, HISTORY[:7]) is None


@pytest.mark.parametrize("n", [8, 20, 50])
def test_the_stated_rate_of_false_alarms_is_the_simulated_one(n: int) -> None:
    chance, runs = random.Random(n), 20_000
    alarms = sum(family(chance.gauss(0, 1), [chance.gauss(0, 1) for _ in range(n)]).is_out for _ in range(runs))  # type: ignore[union-attr]
    assert alarms == pytest.approx(runs * FALSE_ALARMS, abs=3 * (runs * FALSE_ALARMS) ** 0.5)


@pytest.mark.parametrize("n", [8, 20, 50])
def test_earlier_outliers_do_not_hide_a_new_one(n: int) -> None:
    chance = random.Random(n)
    history = [chance.gauss(0, 1) for _ in range(n)]
    for place in range(n // 4):
        history[place * 3] = 1000.0
    assert family(-100.0, history).is_out  # type: ignore[union-attr]


def test_the_factor_decreases_with_the_number_of_earlier_values() -> None:
    assert min(FACTORS) == MIN_HISTORY
    factors = [factor(n) for n in range(MIN_HISTORY, 2 * max(FACTORS))]
    assert factors == sorted(factors, reverse=True)
    assert [factor(n) for n in FACTORS] == pytest.approx(list(FACTORS.values()))
