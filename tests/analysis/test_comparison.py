"""Comparison of a session with the last run of its job."""

from collections.abc import Mapping, Sequence

import pytest
from tests.support import events as f

from pytest_atlas.analysis.comparison import change_of, compare, statuses_by_identity
from pytest_atlas.analysis.inputs import Step
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
