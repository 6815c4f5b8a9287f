"""Drift over runs."""

import random

import pytest

from pytest_atlas.analysis.drift import drift
from pytest_atlas.analysis.stats import MIN_HISTORY


def test_an_outlier_does_not_change_the_slope() -> None:
    values = [80 + 1.5 * n for n in range(15)]
    values[6] = 300.0
    found = drift(values)
    assert found is not None
    assert found.n == 15
    assert found.slope == pytest.approx(1.5, rel=0.05)
    assert found.current == pytest.approx(101, rel=0.01)


@pytest.mark.parametrize(("slope", "low", "high", "runs"), [(1, 0, 120, 10), (1, 0, None, None), (-1, 80, 120, 16)])
def test_the_trend_is_extrapolated_to_the_limit_ahead(
    slope: float, low: float | None, high: float | None, runs: float | None
) -> None:
    values = [(96 if slope > 0 else 110) + slope * n for n in range(15)]
    found = drift(values)
    assert found is not None
    assert found.runs_until(low, high) == (None if runs is None else pytest.approx(runs))


def test_a_trend_beyond_its_limit_has_no_runs_left() -> None:
    assert drift([float(n) for n in range(10)]).runs_until(None, 5) == 0  # type: ignore[union-attr]


def test_noise_does_not_drift() -> None:
    chance = random.Random(1)
    assert [drift([chance.gauss(0, 1) for _ in range(20)]) for _ in range(200)].count(None) >= 198


def test_few_or_equal_values_do_not_drift() -> None:
    assert drift([float(n) for n in range(MIN_HISTORY - 1)]) is None
    assert drift([float(n) for n in range(MIN_HISTORY)]) is not None
    assert drift([5.0] * 20) is None
