"""The desired entities of a session, from its events."""

from typing import Literal

import pytest
from tests.support import events as f

from pytest_atlas.descriptions import Attempt, Attempts, parse_attempts
from pytest_atlas.journal import events as ev
from pytest_atlas.session import desired
from pytest_atlas.session.desired import DesiredStep
from pytest_atlas.session.state import RUN, SessionState


def step(state: SessionState, name: str, inner: str = "") -> DesiredStep:
    return desired.step(state, f"test:{f.nodeid(name)}#0{inner}")


def test_all_planned_steps_are_todo_before_the_first_test() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a", "test_b"))
    keys = list(desired.keys(state))
    assert keys == [RUN, f"card:module:{f.MODULE}", f"test:{f.nodeid('test_a')}#0", f"test:{f.nodeid('test_b')}#0"]
    assert [desired.card(state, keys[1]).order, *(desired.step(state, key).order for key in keys[2:])] == [1000, 1000, 2000]
    assert [step(state, name).status for name in ("test_a", "test_b")] == ["todo", "todo"]
    assert state.take_changed() == keys


def test_a_session_that_collected_nothing_has_no_run() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan(), f.finish(5), gone=True)
    assert list(desired.keys(state)) == []
    assert state.take_changed() == []


def test_a_card_from_a_marker_has_tests_of_several_modules_in_collection_order() -> None:
    cards = (ev.PlannedCard("marker", "Overvoltage"), ev.PlannedCard("module", "b.py"))
    tests = (ev.PlannedTest("a.py::x", "x", 0), ev.PlannedTest("b.py::y", "y", 1), ev.PlannedTest("b.py::z", "z", 0))
    state = f.fold(f.opened(), f.session(), ev.Planned(cards=cards, tests=tests), ev.PlanCompleted(at=0, count=3))
    entities = {name: desired.step(state, f"test:{name}#0") for name in ("a.py::x", "b.py::y", "b.py::z")}
    assert {name: (e.parent, e.order) for name, e in entities.items()} == {
        "a.py::x": ("card:marker:Overvoltage", 1000),
        "b.py::y": ("card:module:b.py", 1000),
        "b.py::z": ("card:marker:Overvoltage", 2000),
    }


def test_a_description_has_docstring_failure_attempts_and_identity_line() -> None:
    part = ev.Planned(
        cards=(ev.PlannedCard("module", f.MODULE),),
        docs=("The rail trips within 100 ms.",),
        tests=(ev.PlannedTest(f.nodeid("test_a"), "test_a", 0, doc=0),),
    )
    state = f.fold(f.opened(), f.session(), part, ev.PlanCompleted(at=0, count=1), *f.fails("test_a"))
    assert step(state, "test_a").fields == {
        "title": "test_a",
        "description": "The rail trips within 100 ms.\n\n"
        f"Failed in call at {f.MODULE}:7:\nassert 112 <= 100\n\n"
        "Attempts (automated result: failed):\n2025-11-25 00:20:01 UTC, bench, session s1: failed: assert 112 <= 100\n\n"
        f"pytest: {f.nodeid('test_a')}",
        "execution_status": "failed",
        "started_at": "2025-11-25T00:20:01.000000+00:00",
        "ended_at": "2025-11-25T00:20:02.000000+00:00",
    }


def test_a_skipped_test_is_todo_with_its_reason_and_without_times() -> None:
    skip = f.phase("test_a", "setup", "skipped", message="no chamber")
    end = f.ended("test_a", passed=("teardown",))
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), skip, end)
    shows = step(state, "test_a").fields
    assert shows["execution_status"] == "todo"
    assert "Skipped: no chamber" in shows["description"]
    assert "started_at" not in shows


def test_a_skipped_test_is_an_exception_with_atlas_skipped() -> None:
    skip = f.phase("test_a", "setup", "skipped", message="no chamber")
    session = f.session(skipped="exception")
    state = f.fold(f.opened(), session, *f.plan("test_a"), f.started("test_a"), skip, f.ended("test_a", passed=("teardown",)))
    shows = step(state, "test_a").fields
    assert (shows["execution_status"], shows["exception"]) == ("passed_with_exception", "skip: no chamber")


def test_a_pass_after_a_rerun_is_an_exception_with_the_first_failure() -> None:
    rerun = f.phase("test_a", "call", "rerun", message="assert 1 == 2\nmore", attempt=1)
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), rerun, f.ended("test_a", attempt=2))
    shows = step(state, "test_a").fields
    assert shows["execution_status"] == "passed_with_exception"
    assert shows["exception"] == "passed at attempt 2; first failure: assert 1 == 2"
    assert "Failed in call (attempt 1)" in shows["description"]


def test_a_test_that_ran_when_pytest_died_has_failed_and_the_others_are_todo() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a", "test_b"), f.started("test_a"), gone=True)
    shows = step(state, "test_a").fields
    assert shows["execution_status"] == "failed"
    assert "pytest died while this test ran" in shows["description"]
    assert "session s1: died: pytest died while this test ran" in shows["description"]
    assert shows["started_at"] == shows["ended_at"] == "2025-11-25T00:20:01.000000+00:00"  # of the last event
    assert step(state, "test_b").status == "todo"
    assert "pytest died" in desired.run(state).description


def test_a_test_that_a_regular_end_left_unfinished_is_todo() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), f.finish(2), gone=True)
    assert step(state, "test_a").status == "todo"


@pytest.mark.parametrize("crash_first", [True, False])
def test_a_crash_of_the_worker_is_a_failure_even_if_the_test_passes_later(crash_first: bool) -> None:
    state = f.fold(f.opened(), f.session(dist="loadgroup"))
    worker = [f.opened("gw0"), *f.plan("test_a"), f.started("test_a")]
    crash = ev.TestCrashed(at=0, worker="gw0", nodeid=f.nodeid("test_a") + "@bench@lab", message="worker 'gw0' crashed")
    by_source = [("journal.jsonl", crash), *(("journal-gw0.jsonl", event) for event in worker)]
    for source, event in by_source if crash_first else by_source[1:] + by_source[:1]:
        state.apply(source, event)
    for event in (f.opened("gw1"), *f.plan("test_a"), *f.passes("test_a")):
        state.apply("journal-gw1.jsonl", event)
    shows = step(state, "test_a").fields
    assert shows["execution_status"] == "failed"
    assert "pytest died while this test ran on gw0" in shows["description"]
    assert "Workers: gw0 failed, gw1 passed" in shows["description"]


def crashed_and_run_again(outcome: Literal["failed", "rerun"], *again: ev.Event) -> SessionState:
    state = f.fold(f.opened(), f.session(dist="load"))
    for event in (f.opened("gw0"), *f.plan("test_a"), f.started("test_a")):
        state.apply("journal-gw0.jsonl", event)
    state.apply(f.SERIAL, ev.TestCrashed(at=f.BEGIN + 3, worker="gw0", nodeid=f.nodeid("test_a"), outcome=outcome))
    for event in (f.opened("gw1"), *again):
        state.apply("journal-gw1.jsonl", event)
    state.apply(f.SERIAL, f.finish())
    state.pytest_is_gone()
    return state


def test_a_crashed_attempt_that_a_plugin_replaced_is_superseded() -> None:
    shows = step(crashed_and_run_again("rerun", f.started("test_a", 4), f.ended("test_a", 5)), "test_a").fields
    note = "passed at attempt 2; first failure: pytest died while this test ran"
    assert (shows["execution_status"], shows["exception"]) == ("passed_with_exception", note)
    failed = step(crashed_and_run_again("rerun", *f.fails("test_a")), "test_a").fields
    assert failed["execution_status"] == "failed"


def test_a_crashed_test_that_was_not_run_again_is_todo_with_its_times() -> None:
    entity = step(crashed_and_run_again("rerun"), "test_a")
    assert entity.status == "todo"
    assert "session s1: died: pytest died while this test ran" in entity.description
    assert entity.late_times == {
        "started_at": "2025-11-25T00:20:01.000000+00:00",
        "ended_at": "2025-11-25T00:20:03.000000+00:00",
    }


def test_a_crashed_test_ends_when_the_crash_was_reported() -> None:
    shows = step(crashed_and_run_again("failed"), "test_a").fields
    assert (shows["execution_status"], shows["ended_at"]) == ("failed", "2025-11-25T00:20:03.000000+00:00")


@pytest.mark.parametrize(("last", "status"), [("passed", "failed"), ("skipped", "failed")])
def test_a_failure_that_pytest_counted_in_an_earlier_loop_decides(last: ev.Outcome, status: str) -> None:
    skip: list[ev.Event] = [f.phase("test_a", "call", "skipped", message="busy")] if last == "skipped" else []
    loop: list[ev.Event] = [f.started("test_a", 3), *skip, f.ended("test_a", 4, **({"passed": ("setup",)} if skip else {}))]
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), *f.fails("test_a"), *loop)
    assert step(state, "test_a").status == status


def test_an_interrupted_execution_of_a_loop_does_not_change_the_status() -> None:
    again: list[ev.Event] = [f.started("test_a", 3), f.ended("test_a", 4, passed=("setup",), interrupted="KeyboardInterrupt")]
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_a"), *again)
    assert step(state, "test_a").status == "passed"


def test_hidden_attempts_are_listed_with_their_times() -> None:
    hidden = f.phase("test_a", "call", "failed", message="no contact", hidden=True)
    boundary = ev.AttemptEnded(nodeid=f.nodeid("test_a"), at=f.BEGIN + 5, attempt=1, passed=("setup",))
    state = f.fold(
        f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), hidden, boundary, f.ended("test_a", 9, attempt=2)
    )
    shows = step(state, "test_a").fields
    assert (shows["execution_status"], shows["exception"]) == (
        "passed_with_exception",
        "passed at attempt 2; first failure: no contact",
    )
    assert parse_attempts(shows["description"]) == Attempts(
        "passed_with_exception",
        (
            Attempt(int(f.BEGIN) + 5, "bench", "s1", "passed"),
            Attempt(int(f.BEGIN) + 1, "bench", "s1", "failed", "no contact"),
        ),
    )


def test_a_hidden_failure_of_the_last_attempt_does_not_decide() -> None:
    hidden = f.phase("test_a", "call", "failed", message="no contact", hidden=True)
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), hidden, f.ended("test_a", passed=()))
    shows = step(state, "test_a").fields
    assert shows["execution_status"] == "todo"
    assert "ran, but pytest reported no result" in shows["description"]
    assert "no contact" in shows["description"]


def test_attempts_and_identity_line_are_complete_after_a_long_text() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), *f.fails("test_a", "x" * 10_000))
    description = step(state, "test_a").description
    assert "more characters)" in description
    found = parse_attempts(description)
    assert found
    assert [a.outcome for a in found.attempts] == ["failed"]
    assert description.endswith(f"\n\npytest: {f.nodeid('test_a')}")


def test_the_place_of_an_attempt_is_the_ci_job_or_the_host() -> None:
    def places(job: str) -> list[str]:
        state = f.fold(f.opened(), f.session(job=job), *f.plan("test_a"), *f.passes("test_a"))
        found = parse_attempts(step(state, "test_a").description)
        return [attempt.place for attempt in found.attempts] if found else []

    assert places("rig on bench") == ["bench"]
    assert places("Jenkins / rig, nightly") == ["Jenkins / rig; nightly"]


def test_the_worker_of_an_attempt_is_complete_also_with_a_long_job() -> None:
    session = f.session(job="nightly " * 20)
    source = "journal-gw3-00000000.jsonl"
    state = f.fold(f.opened("gw3"), session, *f.plan("test_a"), *f.passes("test_a"), source=source)
    attempts = desired.step(state, next(iter(state.steps))).attempts
    assert attempts is not None
    (attempt,) = attempts.attempts
    assert attempt.worker == "gw3"
    assert len(attempt.place) <= 80


def test_a_test_on_a_worker_that_ctrl_c_stopped_is_todo() -> None:
    state = f.fold(f.opened(), f.session(dist="load"), ev.SessionInterrupted(at=0, reason="KeyboardInterrupt"))
    for event in (f.opened("gw0"), *f.plan("test_a"), f.started("test_a")):
        state.apply("journal-gw0.jsonl", event)
    state.apply(f.SERIAL, ev.TestCrashed(at=1, worker="gw0", nodeid=f.nodeid("test_a")))
    state.apply(f.SERIAL, f.finish(2))
    state.pytest_is_gone()
    assert step(state, "test_a").status == "todo"


def test_subtests_are_steps_after_their_test_and_a_failed_subtest_fails_the_test() -> None:
    state = f.fold(
        f.opened(),
        f.session(),
        *f.plan("test_a"),
        f.started("test_a"),
        f.subtest("test_a", 1, "passed", title="cold", started=f.BEGIN, ended=f.BEGIN + 1),
        f.subtest("test_a", 2, "failed", message="assert 2 < 1"),
        f.ended("test_a"),
    )
    cold, second = step(state, "test_a", "/1:cold"), step(state, "test_a", "/2:subtest 2")
    assert [(s.order, s.title, s.status) for s in (cold, second)] == [
        (1001, "cold", "passed"),
        (1002, "subtest 2", "failed"),
    ]
    assert cold.identity_line == f"pytest: {f.nodeid('test_a')} > cold"
    assert cold.description.endswith(cold.identity_line)
    assert step(state, "test_a").status == "failed"
    assert "Failed subtests: subtest 2\n" in step(state, "test_a").description


def test_inner_steps_share_the_last_order_from_the_999th_on() -> None:
    events = [f.subtest("test_a", n, "passed") for n in (998, 999, 1000, 5000)]
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), *events)
    assert [step(state, "test_a", f"/{n}:subtest {n}").order for n in (998, 999, 1000, 5000)] == [1998, 1999, 1999, 1999]


def test_a_test_that_runs_for_over_a_second_has_a_start() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a", at=0))
    state.take_changed()
    state.tick(f.BEGIN + 0.9)
    assert state.take_changed() == []
    state.tick(f.BEGIN + 1.1)
    assert state.take_changed() == [f"test:{f.nodeid('test_a')}#0"]
    shows = step(state, "test_a").fields
    assert (shows["execution_status"], shows["started_at"]) == ("todo", "2025-11-25T00:20:00.000000+00:00")


def test_a_collection_error_of_several_workers_is_one_failed_step() -> None:
    error = ev.CollectionFailed(at=0, nodeid="tests/test_bad.py", message="SyntaxError: invalid syntax")
    state = f.fold(f.opened(), f.session(dist="load"))
    for worker in ("gw0", "gw1"):
        for event in (f.opened(worker), error, *f.plan("test_a")):
            state.apply(f"journal-{worker}.jsonl", event)
    failed = [desired.step(state, key) for key in desired.keys(state) if key.startswith("collection:")]
    assert [(e.title, e.status, e.parent) for e in failed] == [("collection", "failed", "card:module:tests/test_bad.py")]
    assert desired.card(state, failed[0].parent).order == 2000


def test_a_worker_that_collected_other_tests_is_in_the_run_description() -> None:
    mismatch = ev.CollectionFailed(at=0, nodeid="gw1", message="Different tests were collected between gw0 and gw1.\n+b")
    state = f.fold(f.opened(), f.session(dist="load"), mismatch)
    assert list(desired.keys(state)) == [RUN]
    assert "Worker gw1 collected different tests: Different tests were" in desired.run(state).description


def test_two_tests_with_one_nodeid_are_two_steps() -> None:
    tests = tuple(ev.PlannedTest(f.nodeid("test_a[x]"), "test_a[x]", 0, occurrence=n) for n in (0, 1))
    part = ev.Planned(cards=(ev.PlannedCard("module", f.MODULE),), tests=tests)
    end = ev.TestEnded(nodeid=f.nodeid("test_a[x]"), occurrence=1, at=f.BEGIN)
    state = f.fold(f.opened(), f.session(), part, ev.PlanCompleted(at=0, count=2), end)
    shown = [desired.step(state, f"test:{f.nodeid('test_a[x]')}#{n}") for n in (0, 1)]
    assert [(s.order, s.status) for s in shown] == [(1000, "todo"), (2000, "passed")]


def test_the_run_description_ends_with_the_run_summary_and_the_run_key() -> None:
    session = f.session(description="Nightly", environment={"Host": "bench-7", "Python": "3.11"})
    state = f.fold(f.opened(), session, *f.plan("a", "b", "c"), *f.passes("a"), *f.fails("b"), f.finish(1), gone=True)
    assert desired.run(state).description == (
        "Nightly\n\n"
        "3 tests: 1 passed, 1 failed, 1 not run\nStarted: 2025-11-25 00:20:00 UTC\n"
        "Exit status 1 (some tests failed), took 60.0 s\n"
        "Host: bench-7\nPython: 3.11\n\n"
        "pytest-atlas: s1"
    )


def test_without_the_start_line_only_the_start_time_is_missing() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.ended("test_a"))
    assert step(state, "test_a").status == "passed"


def test_a_test_that_is_not_in_the_plan_is_added_after_the_others() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_late"))
    late = step(state, "test_late")
    assert (late.parent, late.order, late.status) == (f"card:module:{f.MODULE}", 2000, "passed")


def test_a_measurement_out_of_limits_fails_a_test_that_pytest_reported_as_passed() -> None:
    out = ev.Measured(nodeid=f.nodeid("test_a"), name="rail", values=("9.0",), low="9.5", verdict="fail", at=0)
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), out, f.ended("test_a"))
    shows = step(state, "test_a").fields
    assert shows["execution_status"] == "failed"
    assert "rail: 9 (≥ 9.5) OUT OF LIMITS" in shows["description"]


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_an_exception_without_a_note_is_in_the_description(outcome: ev.Outcome) -> None:
    note = ev.Noted(nodeid=f.nodeid("test_a"), kind="exception", text="accepted by ECR-118")
    over: list[ev.Event] = [
        f.phase("test_a", "call", outcome, message="no bench"),
        f.ended("test_a", passed=("setup", "teardown")),
    ]
    shows = step(f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), note, *over), "test_a").fields
    assert "exception" not in shows
    assert "\nException: accepted by ECR-118\n" in shows["description"]
