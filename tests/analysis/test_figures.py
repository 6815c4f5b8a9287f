"""The geometry of bars, strips, curves, stacks and timelines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.analysis.figures import Bar, bar, block, spark, stack, strip
from pytest_atlas.analysis.outcome_history import failing_runs
from pytest_atlas.analysis.timeline import MAX_SEGMENTS, Timed, timeline

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
LIMITS = st.none() | FLOATS


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (110.8, None, 100, Bar("out", 86.5, (80.0,), (0.0, 80.0), (80.0, 6.5))),
        (78.8, None, 100, Bar("ok", 67.3, (80.0,), (0.0, 80.0))),
        (74.6, 75, None, Bar("out", 19.7, (20.0,), (20.0, 80.0), (19.7, 0.3))),
        (81.3, 75, None, Bar("ok", 25.0, (20.0,), (20.0, 80.0))),
        (168.6, 100, 405, Bar("ok", 33.5, (20.0, 80.0), (20.0, 60.0))),
        (98, 0, 100, Bar("near", 78.8, (20.0, 80.0), (20.0, 60.0))),
        (1e9, 0, 100, Bar("out", 99.0, (20.0, 80.0), (20.0, 60.0), (80.0, 19.0))),
        (5, 5, 5, Bar("ok", 50.0, (50.0, 50.0), (50.0, 0.0))),
        (1, None, 0, Bar("out", 99.0, (80.0,), (0.0, 80.0), (80.0, 19.0))),
        (float("nan"), 0, 1, None),
        (None, 0, 1, None),
        (1, None, None, None),
        (1, None, float("inf"), None),
    ],
)
def test_bars_have_the_window_in_the_same_place(
    value: float | None, low: float | None, high: float | None, expected: Bar | None
) -> None:
    assert bar(value, low, high) == expected


def test_a_waived_violation_and_the_previous_value_are_drawn() -> None:
    found = bar(110, None, 100, was=90, is_waived=True)
    assert found is not None
    assert (found.kind, found.was) == ("waived", 74.0)


@given(FLOATS, LIMITS, LIMITS)
def test_every_bar_is_inside_the_figure(value: float, low: float | None, high: float | None) -> None:
    found = bar(value, low, high)
    if found:
        assert 0 <= found.value <= 100
        assert all(0 <= limit <= 100 for limit in found.limits)
        assert found.over is None or 0 <= found.over[0] <= found.over[0] + found.over[1] <= 100.1


def test_a_strip_has_the_newest_runs_at_the_right() -> None:
    found = strip(["failed"] * 30 + ["passed"])
    assert found.counts == (("failed", 23), ("passed", 1))
    assert dict(found.paths)["passed"] == "M115 10h4v6h-4z"


def test_a_curve_marks_values_out_of_limits() -> None:
    found = spark([1.0, 2.0, None, 9.0], high=5)
    assert found is not None
    assert found.path == "M82 18L86 16L94 2"
    assert found.limits == (10.0,)
    assert found.out == ((92.5, 0.5),)
    assert found.last is None
    assert spark([1.0]) is None


@given(st.lists(st.none() | FLOATS, max_size=40), LIMITS, LIMITS)
def test_every_curve_is_inside_its_box(values: list[float | None], low: float | None, high: float | None) -> None:
    found = spark(values, low, high)
    if found:
        heights = [float(point.split()[1]) for point in found.path[1:].split("L")]
        assert all(2 <= height <= 18 for height in [*heights, *found.limits])


def test_a_stack_has_the_urgent_statuses_first() -> None:
    assert stack({"passed": 3, "failed": 1, "odd": 0}, ["failed", "passed"]) == (("failed", 0.0, 25.0), ("passed", 25.0, 75.0))
    assert stack({}, ["failed"]) == ()


def test_a_block_shows_completion_and_failures() -> None:
    first, second = block([(1.0, 0), (0.5, 7)])
    assert (first.top, first.height, first.failed) == (0.0, 26.0, 0.0)
    assert (second.top, second.height, second.failed) == (13.0, 13.0, 14.0)


@pytest.mark.parametrize(
    ("statuses", "runs"),
    [
        ([], 0),
        (["passed"], 0),
        (["failed"], 1),
        (["failed", "todo", "failed", "passed", "failed"], 2),
        (["running", "failed"], 1),
    ],
)
def test_runs_in_which_a_test_has_failed_until_now(statuses: list[str], runs: int) -> None:
    assert failing_runs(statuses) == runs


def timed(n: int, start_s: float, end_s: float | None, worker: str = "", status: str = "passed") -> Timed:
    return Timed(f"step {n}", f"test {n}", status, worker, int(start_s * 1e6), None if end_s is None else int(end_s * 1e6))


def test_a_timeline_has_a_lane_for_each_worker() -> None:
    found = timeline([timed(1, 0, 5, "gw1"), timed(2, 0, 2, "gw0"), timed(3, 5, None, "gw10", "running")], now=10_000_000)
    assert found is not None
    assert [lane.name for lane in found.lanes] == ["gw0", "gw1", "gw10"]
    assert [(s.x, s.width, s.key) for lane in found.lanes for s in lane.segments] == [
        (0.0, 20.0, "step 2"),
        (0.0, 50.0, "step 1"),
        (50.0, 50.0, "step 3"),
    ]
    assert found.ticks == ((0.0, "0 s"), (20.0, "2 s"), (40.0, "4 s"), (60.0, "6 s"), (80.0, "8 s"), (100.0, "10 s"))
    assert timeline([], now=0) is None


def test_many_tests_become_few_segments_with_their_worst_status() -> None:
    tests = [timed(n, n, n + 0.9, status="failed" if n == 5000 else "passed") for n in range(10_000)]
    found = timeline(tests, now=0)
    assert found is not None
    (lane,) = found.lanes
    assert (found.tests, lane.name) == (10_000, "main")
    assert len(lane.segments) <= MAX_SEGMENTS
    assert [segment.status for segment in lane.segments].count("failed") == 1


@given(st.lists(st.tuples(st.integers(0, 10**15), st.none() | st.integers(0, 10**12)), max_size=30), st.integers(0, 10**16))
def test_every_timeline_fits_into_its_width(tests: list[tuple[int, int | None]], now: int) -> None:
    found = timeline([Timed("", "", "passed", "", start, None if d is None else start + d) for start, d in tests], now)
    for lane in found.lanes if found else ():
        for segment in lane.segments:
            assert 0 <= segment.x <= 100
            assert 0 <= segment.width <= 100.01
