"""Values out of family."""

import pytest

from pytest_atlas.analysis.outliers import family
from pytest_atlas.analysis.stats import mad

HISTORY = (2.1, 2.12, 2.09, 2.11, 2.1, 2.08, 2.1, 2.13)


def test_a_value_far_beyond_all_others_is_out_of_family() -> None:
    found = family(2.9, HISTORY)
    assert found is not None
    assert (found.n, found.is_out) == (8, True)
    assert found.median == pytest.approx(2.1)
    assert found.mad == pytest.approx(mad(HISTORY)) == pytest.approx(0.01)
    assert family(1.3, HISTORY).is_out  # type: ignore[union-attr]


@pytest.mark.parametrize(("value", "out"), [(2.175, False), (2.185, True), (2.025, False), (2.015, True)])
def test_the_border_is_eight_mads_from_the_median(value: float, out: bool) -> None:
    assert family(value, HISTORY).is_out is out  # type: ignore[union-attr]


def test_a_value_that_occurred_before_is_in_family() -> None:
    history = [5.0] * 9 + [5.01]
    assert not family(5.01, history).is_out  # type: ignore[union-attr]
    assert family(5.02, history).is_out  # type: ignore[union-attr]


def test_few_earlier_values_give_no_result() -> None:
    assert family(99.0, HISTORY[:7]) is None
