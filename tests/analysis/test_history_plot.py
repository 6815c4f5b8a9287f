"""The geometry of the plots of a measurement."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.analysis.distribution import histogram, ticks
from pytest_atlas.analysis.history_plot import COLUMN, Point, plot

finite = st.floats(-1e9, 1e9, allow_nan=False)


def points(*values: float, high: float | None = None, low: float | None = None) -> list[Point]:
    return [Point(f"TR-{n:04}", value, low, high, is_out=False) for n, value in enumerate(values, 1)]


def test_higher_values_are_higher_and_later_runs_are_at_the_right() -> None:
    found = plot(points(1, 2, 3), height=200)
    assert found is not None
    assert [mark.x for mark in found.marks] == [16.67, 50.0, 83.33]
    assert found.marks[0].y > found.marks[1].y > found.marks[2].y
    assert found.width == 3 * COLUMN


def test_a_limit_that_changes_is_drawn_as_recorded() -> None:
    made = [*points(1, 2, high=4), *points(1, 2), *points(2, high=3)]
    found = plot(made, height=200)
    assert found is not None
    (path,) = found.limits
    assert re.fullmatch(r"M0 [\d.]+H20M40 [\d.]+H50", path)
    assert [area[0] for area in found.beyond] == [0, 40]


def test_a_limit_far_away_is_not_in_the_plot() -> None:
    found = plot(points(1, 2, high=1000), height=200)
    assert found is not None
    assert (found.limits, found.is_high_shown, found.is_low_shown) == ((), False, True)


def test_no_points_have_no_plot() -> None:
    assert plot([], height=100) is None


@given(st.lists(finite, min_size=1, max_size=40), st.none() | finite, st.none() | finite)
def test_everything_is_inside_of_the_figure(values: list[float], low: float | None, high: float | None) -> None:
    found = plot(points(*values, low=low, high=high), height=200, levels=[(0, values[0])], band=(min(values), max(values)))
    assert found is not None
    assert all(0 <= mark.y <= found.bottom and 0 < mark.x < 100 for mark in found.marks)
    assert all(0 <= tick.at <= found.bottom for tick in found.ticks)
    assert all(0 <= y <= found.bottom and height >= 0 for _, y, _, height in found.beyond)


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (88, 112, ["90", "95", "100", "105", "110"]),
        (0.0012, 0.0031, ["0.0015", "0.0020", "0.0025", "0.0030"]),
        (-1, 1, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
    ],
)
def test_ticks_are_round(low: float, high: float, texts: list[str]) -> None:
    assert [text for _, text in ticks(low, high, 5)] == texts


def test_equal_limits_have_no_ticks() -> None:
    assert ticks(1, 1, 5) == []


@given(st.lists(finite, max_size=60), st.none() | finite, st.none() | finite)
def test_each_value_is_in_one_bin(values: list[float], low: float | None, high: float | None) -> None:
    found = histogram(values, low, high)
    if found is None:
        assert len(set(values)) < 2
    else:
        assert sum(bin_.n for bin_ in found.bins) == len(values) == found.n
        assert all(0 <= bin_.x <= 100 and bin_.height > 0 for bin_ in found.bins)


def test_bins_beyond_a_limit_are_marked() -> None:
    found = histogram([1.0] * 10 + [9.0], None, 5.0)
    assert found is not None
    assert [bin_.is_out for bin_ in found.bins] == [False, True]
    assert [line.text for line in found.limits] == ["≤"]
