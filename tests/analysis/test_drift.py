"""Drift and step changes over runs."""

import random

import pytest
from scipy import stats as scipy_stats

from pytest_atlas.analysis.drift import MAX_RUNS_OF_DRIFT, MIN_SEGMENT, changes, correlation, drift, line, spread, step_change
from pytest_atlas.analysis.stats import MIN_HISTORY


def noise(n: int, seed: int = 1, sigma: float = 1.0, r: float = 0.0) -> list[float]:
    """Normal values; with `r`, each is correlated with the value before it."""
    chance, values, before = random.Random(seed), [], 0.0
    for place in range(n):
        before = r * before + chance.gauss(0, 1) * ((1 - r * r) ** 0.5 if place else 1)
        values.append(sigma * before)
    return values


class TestDrift:
    def test_an_outlier_does_not_change_the_slope(self) -> None:
        values = [80 + 1.5 * n for n in range(15)]
        values[6] = 300.0
        found = drift(values)
        assert found is not None
        assert found.n == 15
        assert found.slope == pytest.approx(1.5, rel=0.05)
        assert found.current == pytest.approx(101, rel=0.01)

    @pytest.mark.parametrize(("slope", "low", "high", "runs"), [(1, 0, 120, 10), (1, 0, None, None), (-1, 80, 120, 16)])
    def test_the_trend_is_extrapolated_to_the_limit_ahead(
        self, slope: float, low: float | None, high: float | None, runs: float | None
    ) -> None:
        values = [(96 if slope > 0 else 110) + slope * n for n in range(15)]
        found = drift(values)
        assert found is not None
        assert found.runs_until(low, high) == (None if runs is None else pytest.approx(runs))

    def test_a_trend_beyond_its_limit_has_no_runs_left(self) -> None:
        assert drift([float(n) for n in range(10)]).runs_until(None, 5) == 0  # type: ignore[union-attr]

    def test_few_or_equal_values_do_not_drift(self) -> None:
        assert drift([float(n) for n in range(MIN_HISTORY - 1)]) is None
        assert drift([float(n) for n in range(MIN_HISTORY)]) is not None
        assert drift([5.0] * 20) is None

    @pytest.mark.parametrize("n", [8, 20, 100])
    def test_the_line_is_that_of_scipy(self, n: int) -> None:
        values = [0.2 * place + value for place, value in enumerate(noise(n, n))]
        slope, start = line(values)
        theirs = scipy_stats.theilslopes(values, method="separate")
        joint = scipy_stats.theilslopes(values, method="joint")
        assert slope == pytest.approx(theirs.slope)
        assert start == pytest.approx(joint.intercept)

    def test_the_line_of_a_long_series_is_about_that_of_scipy(self) -> None:
        values = [0.05 * place + value for place, value in enumerate(noise(1000))]
        assert line(values)[0] == pytest.approx(scipy_stats.theilslopes(values).slope, rel=0.02)

    @pytest.mark.parametrize(("r", "most"), [(0.0, 6), (0.5, 30)])
    def test_noise_does_not_drift(self, r: float, most: int) -> None:
        found = [drift(noise(20, seed, r=r)) for seed in range(2000)]
        assert 2000 - found.count(None) <= most

    def test_a_trend_in_correlated_values_is_still_found(self) -> None:
        assert sum(drift([n + v for n, v in enumerate(noise(20, s, r=0.3))]) is not None for s in range(50)) >= 35

    @pytest.mark.parametrize("r", [0.0, 0.5, 0.8])
    def test_the_correlation_of_a_long_series_is_estimated(self, r: float) -> None:
        assert correlation(noise(3000, r=r)) == pytest.approx(r, abs=0.06)


class TestStepChange:
    @pytest.mark.parametrize("after", [MIN_SEGMENT, 5, 12, 17])
    @pytest.mark.parametrize("size", [-20.0, 20.0])
    def test_the_run_since_which_a_level_holds_is_found(self, after: int, size: float) -> None:
        values = noise(20)
        values[-after:] = [value + size for value in values[-after:]]
        found = changes(values)
        assert [step.at for step in found.steps] == [20 - after]
        (step,) = found.steps
        assert step.after - step.before == pytest.approx(size, abs=2)
        assert found.start == 20 - after
        assert found.drift is None

    def test_an_outlier_is_no_step_change_and_hides_none(self) -> None:
        values = noise(20)
        values[4] = 500.0
        assert changes(values).steps == ()
        values[-5:] = [value + 20 for value in values[-5:]]
        assert [step.at for step in changes(values).steps] == [15]

    def test_several_levels_are_several_step_changes(self) -> None:
        values = [value + 20 * (n >= 15) - 50 * (n >= 40) for n, value in enumerate(noise(60))]
        found = changes(values)
        assert [step.at for step in found.steps] == [15, 40]
        assert [round(step.after - step.before, -1) for step in found.steps] == [20, -50]

    def test_a_trend_is_no_step_change(self) -> None:
        found = changes([0.5 * n + value for n, value in enumerate(noise(30))])
        assert found.steps == ()
        assert found.drift is not None

    def test_a_drift_after_a_step_change_is_that_of_the_new_level(self) -> None:
        values = [value + (100 + 0.6 * n if n >= 15 else 0) for n, value in enumerate(noise(40, sigma=0.5))]
        found = changes(values)
        assert [step.at for step in found.steps] == [15]
        assert found.drift is not None
        assert found.drift.n == 25
        assert found.drift.slope == pytest.approx(0.6, abs=0.1)

    def test_values_of_few_digits_are_compared_too(self) -> None:
        assert [step.at for step in changes([64.9] * 19 + [78.8] * 5).steps] == [19]
        assert changes([64.9] * 20).steps == ()

    @pytest.mark.parametrize("n", [8, 20, 50])
    def test_noise_does_not_change_by_a_step(self, n: int) -> None:
        assert sum(step_change(noise(n, seed)) is not None for seed in range(2000)) <= 8

    def test_correlated_noise_rarely_changes_by_a_step(self) -> None:
        assert sum(step_change(noise(20, seed, r=0.5)) is not None for seed in range(2000)) <= 40

    def test_few_values_have_no_step_change(self) -> None:
        assert step_change([0.0] * 3 + [9.0] * (MIN_HISTORY - 4)) is None
        assert changes([]).steps == ()

    def test_the_spread_is_that_of_the_noise_in_spite_of_steps(self) -> None:
        values = [3 * value + 1000 * (n >= 400) for n, value in enumerate(noise(2000))]
        assert spread(values) == pytest.approx(3, rel=0.06)

    def test_a_thousand_runs_are_analysed_quickly(self) -> None:
        values = [value + 20 * (n >= 700) for n, value in enumerate(noise(1000))]
        found = changes(values)
        assert [step.at for step in found.steps] == [700]
        assert MAX_RUNS_OF_DRIFT < 1000
