"""Process capability."""

import statistics

import pytest

from pytest_atlas.analysis.capability import MIN_VALUES, capability

VALUES = tuple(10 + 0.1 * ((n * 7) % 11 - 5) for n in range(44))


def test_cp_and_cpk_are_those_of_the_textbook() -> None:
    mean, sigma = statistics.fmean(VALUES), statistics.stdev(VALUES)
    found = capability(VALUES, 8, 13)
    assert found is not None
    assert found.n == 44
    assert found.cp == pytest.approx(5 / (6 * sigma))
    assert found.cpk == pytest.approx((mean - 8) / (3 * sigma))


def test_one_limit_gives_a_cpk_but_no_cp() -> None:
    high, low = capability(VALUES, None, 13), capability(VALUES, 8, None)
    assert high is not None
    assert low is not None
    assert (high.cp, low.cp) == (None, None)
    assert high.cpk > low.cpk > 0


def test_capability_requires_limits_enough_values_and_different_values() -> None:
    few = VALUES[: MIN_VALUES - 1]
    assert capability([*few, 10.0], 8, 13) is not None
    assert capability(few, 8, 13) is None
    assert capability(VALUES, None, None) is None
    assert capability(VALUES, 10, 10) is None
    assert capability([10.0] * 50, 8, 13) is None
