"""Comparison of a session with the last run of its job."""

from collections.abc import Mapping, Sequence

import pytest
from tests.support import events as f

from pytest_atlas.analysis.comparison import (
    change_of,
    changes_of,
    compare,
    differences,
    pairs,
    shifts,
    slower,
    statuses_by_identity,
)
from pytest_atlas.analysis.inputs import Step
from pytest_atlas.analysis.measurements import Row, Series
from pytest_atlas.analysis.sources import steps_of_session
from pytest_atlas.journal import events as ev
from pytest_atlas.session.state import SessionState

KEY = f"test:{f.nodeid('test_a')}#0"
RUNS = {"failed": f.fails("test_a"), "passed": f.passes("test_a"), "todo": []}
CHANGES = {
    ("failed", "passed"): "newly failing",
    ("failed", "passed_with_exception"): "newly failing",
    ("failed", "done"): "newly failing",
    ("failed", "failed"): "still failing",
    ("failed", "todo"): "failing for the first time",
    ("failed", ""): "failing for the first time",
    ("passed", "failed"): "fixed",
    ("passed_with_exception", "failed"): "fixed",
    ("passed", "passed"): None,
    ("passed", "todo"): None,
    ("passed", ""): None,
    ("todo", "failed"): None,
    ("todo", "passed"): None,
}


def folded(*events: ev.Event) -> SessionState:
    return f.fold(f.opened(), f.session(), *events, f.finish(), gone=True)


def changes(state: SessionState, earlier: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {change.step.key: change.kind for change in compare(steps_of_session(state), earlier)}


def before(*statuses: str, line: str = f"pytest: {f.nodeid('test_a')}") -> dict[str, list[str]]:
    return {line: list(statuses)} if statuses[0] else {}


@pytest.mark.parametrize(("now", "then", "kind"), [(*pair, kind) for pair, kind in CHANGES.items()])
def test_the_kind_of_a_change(now: str, then: str, kind: str | None) -> None:
    assert change_of(now, then) == kind


@pytest.mark.parametrize(("now", "then"), [pair for pair in CHANGES if pair[0] in RUNS])
def test_a_test_is_compared_with_the_status_of_its_step(now: str, then: str) -> None:
    kind = CHANGES[now, then]
    assert changes(folded(*f.plan("test_a"), *RUNS[now]), before(then)) == ({KEY: kind} if kind else {})


def test_tests_with_the_same_nodeid_are_matched_by_their_order() -> None:
    equal = tuple(ev.PlannedTest(f.nodeid("test_a"), "test_a", 0, occurrence=number) for number in (0, 1))
    plan = ev.Planned(cards=(ev.PlannedCard("module", f.MODULE),), tests=equal), ev.PlanCompleted(at=f.BEGIN, count=2)
    second = f.phase("test_a", "call", "failed", message="assert 0", occurrence=1)
    state = folded(*plan, *f.fails("test_a"), second, ev.TestEnded(nodeid=f.nodeid("test_a"), occurrence=1, at=f.BEGIN))
    other = KEY.replace("#0", "#1")
    assert changes(state, before("passed", "failed")) == {KEY: "newly failing", other: "still failing"}
    assert changes(state, before("failed", "passed")) == {other: "newly failing", KEY: "still failing"}
    assert changes(state, before("passed")) == {KEY: "newly failing", other: "failing for the first time"}


COLLECTION = ev.CollectionFailed(at=f.BEGIN, nodeid=f.MODULE, message="ImportError: no module named 'daq'")
LINE = f"pytest: {f.MODULE} > collection"


def test_a_module_with_a_collection_error_is_newly_failing_if_its_tests_ran_before() -> None:
    state = folded(COLLECTION)
    key = f"collection:{f.MODULE}"
    (step,) = steps_of_session(state)
    assert (step.identity, step.is_collection) == (LINE, True)
    assert changes(state, before("passed")) == {key: "newly failing"}
    assert changes(state, before("failed", line=LINE)) == {key: "still failing"}
    assert changes(state, before("")) == {key: "failing for the first time"}


def test_the_passed_tests_of_a_module_are_fixed_after_its_collection_error() -> None:
    state = folded(*f.plan("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b"))
    other = f"test:{f.nodeid('test_b')}#0"
    assert changes(state, before("failed", line=LINE)) == {KEY: "fixed", other: "failing for the first time"}


def test_two_runs_are_compared_by_the_identity_lines_of_their_steps() -> None:
    def step(nodeid: str, status: str) -> Step:
        return Step("Card", "title", status, f"Doc.\n\npytest: {nodeid}" if nodeid else "")

    earlier = statuses_by_identity([step("a", "passed"), step("b", "failed"), step("b", "passed"), step("", "failed")])
    assert earlier == {"pytest: a": ["passed"], "pytest: b": ["failed", "passed"]}
    found = compare([step("a", "failed"), step("b", "passed"), step("b", "failed")], earlier)
    assert [(change.step.nodeid, change.kind, change.before) for change in found] == [
        ("a", "newly failing", "passed"),
        ("b", "fixed", "failed"),
        ("b", "newly failing", "passed"),
    ]


# ── two runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def step(title: str, status: str = "passed", *, nodeid: str = "", seconds: float | None = None) -> Step:
    return Step("Card", title, status, f"pytest: {nodeid}" if nodeid else "", duration_s=seconds)


def test_steps_are_matched_by_identity_line_or_by_title_and_order() -> None:
    now = [step("new title", nodeid="t[1]"), step("by hand"), step("by hand"), step("only now")]
    earlier = [step("by hand", "failed"), step("old title", "failed", nodeid="t[1]"), step("only before")]
    found = [(one.title, old.title if old else None) for one, old in pairs(now, earlier)]
    assert found == [("new title", "old title"), ("by hand", "by hand"), ("by hand", None), ("only now", None)]


def test_changes_of_pairs_are_those_of_statuses() -> None:
    statuses = ("failed", "passed", "todo", "passed_with_exception")
    now = [step(f"{a} {b}", a, nodeid=f"t[{a}-{b}]") for a in statuses for b in (*statuses, "")]
    earlier = [step("x", b, nodeid=f"t[{a}-{b}]") for a in statuses for b in statuses]
    assert tuple(changes_of(list(pairs(now, earlier)), earlier)) == compare(now, statuses_by_identity(earlier))
    assert len(changes_of(list(pairs(now, earlier)), earlier)) == 7


def series(value: float, low: float | None = None, high: float | None = None, unit: str = "V") -> Series:
    made = Series(unit)
    made.add(Row("t", "m", repr(value), value, unit, low, high, "pass"))
    return made


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [
        (series(5, 4, 6), series(5.5, 4, 6), 0.25),
        (series(5, high=10), series(2, high=10), -0.3),
        (series(5), series(6), 0.2),
        (series(5000, 4000, 6000, "mV"), series(5.5, 4, 6), 0.25),
        (series(5, 4, 6), series(5, 4, 5.5), 0.0),
    ],
)
def test_a_shift_is_a_share_of_the_present_window(before: Series, now: Series, share: float) -> None:
    (found,) = shifts({("t", "m"): now}, {("t", "m"): before})
    assert found.share == pytest.approx(share)
    assert found.has_new_limits is (share == 0)


def test_small_shifts_other_units_texts_and_new_measurements_are_left_out() -> None:
    text = Series("V")
    text.add(Row("t", "m", "armed", None, "V", None, None, "none"))
    for before, now in ((series(5, 4, 6), series(5.01, 4, 6)), (series(5, unit="A"), series(6)), (text, series(5))):
        assert shifts({("t", "m"): now}, {("t", "m"): before}) == []
    assert shifts({("t", "m"): series(5)}, {}) == []


def test_the_largest_shift_is_first() -> None:
    now = {("t", name): series(value, 0, 10) for name, value in (("a", 6.0), ("b", 1.0), ("c", 5.5))}
    before = {key: series(5, 0, 10) for key in now}
    assert [one.name for one in shifts(now, before)] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("before", "now", "is_slower"),
    [
        ((1.0, "passed"), (1.3, "passed"), True), ((1.0, "passed"), (1.1, "passed"), False),
        ((0.01, "passed"), (0.019, "passed"), False), ((1.0, "failed"), (9.0, "passed"), False),
        ((1.0, "passed"), (9.0, "failed"), False), ((None, "passed"), (9.0, "passed"), False),
    ],
)  # fmt: skip
def test_only_good_steps_that_took_clearly_longer_are_slower(
    before: tuple[float | None, str], now: tuple[float | None, str], is_slower: bool
) -> None:
    found = slower([(step("a", now[1], seconds=now[0]), step("a", before[1], seconds=before[0]))])
    assert bool(found) is is_slower
    assert slower([(step("a", seconds=9.0), None)]) == []


def test_differences_are_the_words_between_a_common_start_and_end() -> None:
    (found,) = differences(
        {"Title": "Nightly of firmware 2.3 on bench-1", "OS": "Linux"},
        {"Title": "Nightly of firmware 2.4 on bench-1", "OS": "Linux"},
    )
    assert (found.name, found.start, found.before, found.now, found.end) == (
        "Title",
        "Nightly of firmware",
        "2.3",
        "2.4",
        "on bench-1",
    )
    added, removed = differences({"A": "x"}, {"B": "y z"})
    assert (added.name, added.before, added.now) == ("B", "", "y z")
    assert (removed.name, removed.before, removed.now) == ("A", "x", "")
    (repeated,) = differences({"C": "a a"}, {"C": "a a a"})
    assert (repeated.start, repeated.before, repeated.now, repeated.end) == ("a a", "", "a", "")
