"""What has changed since the job's last run."""

import pytest
from tests.support import facts as f

from pytest_atlas.analysis.comparison import Changes, changes
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.baseline import Baseline
from pytest_atlas.session import desired
from pytest_atlas.session.state import SessionState

KEY = f"test:{f.nodeid('test_a')}#0"
RUNS = {"failed": f.fails("test_a"), "passed": f.passes("test_a"), "todo": []}
EXPECTED = {
    ("failed", "passed"): "newly",
    ("failed", "passed_with_exception"): "newly",
    ("failed", "done"): "newly",
    ("failed", "failed"): "still",
    ("failed", "todo"): "first",
    ("failed", ""): "first",
    ("passed", "failed"): "fixed",
    ("passed", "passed"): "",
    ("passed", "todo"): "",
    ("passed", ""): "",
    ("todo", "failed"): "",
    ("todo", "passed"): "",
}


def folded(*events: ev.Event) -> SessionState:
    return f.fold(f.opened(), f.session(), *events, f.finish(), gone=True)


def before(*statuses: str, line: str = f"pytest: {f.nodeid('test_a')}") -> Baseline:
    return Baseline(run_id="r", statuses={line: list(statuses)} if statuses[0] else {})


@pytest.mark.parametrize(("now", "then", "which"), [(*pair, which) for pair, which in EXPECTED.items()])
def test_a_test_is_compared_with_what_its_step_showed(now: str, then: str, which: str) -> None:
    found = changes(folded(*f.plan("test_a"), *RUNS[now]), before(then))
    assert found == (Changes(**{which: [KEY]}) if which else Changes())


def test_two_tests_of_one_name_are_compared_in_their_order() -> None:
    twins = tuple(ev.PlannedTest(f.nodeid("test_a"), "test_a", 0, occurrence=number) for number in (0, 1))
    plan = ev.Planned(cards=(ev.PlannedCard("module", f.MODULE),), tests=twins), ev.PlanCompleted(at=f.BEGIN, count=2)
    second = f.phase("test_a", "call", "failed", message="assert 0", occurrence=1)
    facts = folded(*plan, *f.fails("test_a"), second, ev.TestEnded(nodeid=f.nodeid("test_a"), occurrence=1, at=f.BEGIN))
    other = KEY.replace("#0", "#1")
    assert changes(facts, before("passed", "failed")) == Changes(newly=[KEY], still=[other])
    assert changes(facts, before("failed", "passed")) == Changes(newly=[other], still=[KEY])
    assert changes(facts, before("passed")) == Changes(newly=[KEY], first=[other])


COLLECTION = ev.CollectionFailed(at=f.BEGIN, nodeid=f.MODULE, message="ImportError: no module named 'daq'")
LINE = f"pytest: {f.MODULE} > collection"


def test_a_module_that_is_collected_no_more_is_newly_failing() -> None:
    facts = folded(COLLECTION)
    key = f"collection:{f.MODULE}"
    assert desired.step(facts, key).identity_line == LINE
    assert changes(facts, before("passed")).newly == [key]
    assert changes(facts, before("failed", line=LINE)).still == [key]
    assert changes(facts, before("")).first == [key]


def test_a_module_that_is_collected_again_is_fixed_with_the_tests_that_pass() -> None:
    facts = folded(*f.plan("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b"))
    found = changes(facts, before("failed", line=LINE))
    assert found.fixed == [KEY]
    assert found.first == [f"test:{f.nodeid('test_b')}#0"]
