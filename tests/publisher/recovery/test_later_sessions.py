"""Several sessions in one run: the newest determines each step, all attempts are listed, statuses of persons are preserved."""

import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.publisher.conftest import Bench
from tests.support import events as f

from pytest_atlas.atlas.models import Run, Step
from pytest_atlas.atlas.operations import GetRun, RegisterDataFile, UpdateStep
from pytest_atlas.descriptions import Attempts, parse_attempts
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.status import Status
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.receipts import read_observed
from pytest_atlas.publisher.reconcile.progress import progress_of

Result = Literal["passed", "failed", "skipped", "not run", "flaky", "died"]
HOUR = 3600.0
BY_HAND = "automated result: failed; the status was set by hand"


def results(name: str, result: Result, at: float) -> list[ev.Event]:
    """Return the events of one test that starts `at`."""
    start = f.started(name, at)
    failure = f.phase(name, "call", "failed", message=f"{name} failed at {at:.0f}")
    match result:
        case "passed":
            return [start, f.ended(name, at + 1)]
        case "failed":
            return [start, failure, f.ended(name, at + 1)]
        case "died":
            return [start]
        case "skipped":
            return [start, f.phase(name, "setup", "skipped", message="no supply"), f.ended(name, at + 1)]
        case "flaky":
            rerun = f.phase(name, "call", "rerun", message=f"{name} failed at {at:.0f}", attempt=1)
            again = f.phase(name, "call", "passed", attempt=2)
            boundary = ev.AttemptEnded(nodeid=f.nodeid(name), attempt=1, at=f.BEGIN + at + 1)
            return [start, rerun, boundary, again, f.ended(name, at + 2, attempt=2)]
        case "not run":
            return []


def journal(bench: Bench, number: int, outcomes: dict[str, Result], *more: ev.Event, **session: Any) -> Path:
    """Record session `number`, which started that many hours after the first; without an end if a test died in it."""
    directory = bench.session.with_name(f"s{number}")
    given = {"session": f"s{number}", "key": "job-7", "run": "auto", **session}
    events = [event for name, result in outcomes.items() for event in results(name, result, number * HOUR)]
    end = [] if "died" in outcomes.values() else [f.finish()]
    f.write_journal(directory, f.opened(), f.session(**given), *f.plan(*outcomes), *events, *more, *end)
    return directory


def step(bench: Bench, name: str = "a") -> Step:
    (run,) = bench.atlas.runs()
    (found,) = [step for card in run.test_cards for step in card.test_steps if step.title == name]
    return found


def listed(found: Step) -> Attempts:
    attempts = parse_attempts(found.description)
    assert attempts is not None, found.description
    return attempts


def push(bench: Bench, number: int, result: Result, **session: Any) -> Status:
    status = bench.push(journal(bench, number, {"a": result}, **session))
    assert status.state == "done"
    return status


def change(bench: Bench, **fields: Any) -> None:
    """Change step `a` as a person does."""
    (run,) = bench.atlas.runs()
    (card,) = run.test_cards
    ids: dict[str, Any] = {"run_id": UUID(run.uuid), "card_id": UUID(card.uuid), "step_id": UUID(step(bench).uuid)}
    bench.atlas.local.send(UpdateStep(**ids, **fields))


# ── the newest session ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pass_after_a_failed_session_names_the_attempt_and_the_first_failure(bench: Bench) -> None:
    push(bench, 1, "failed")
    push(bench, 2, "failed")
    push(bench, 3, "passed")
    assert step(bench).execution_status == "passed_with_exception"
    assert step(bench).exception == "passed at attempt 3; first failure: a failed at 3600"
    assert [(a.session, a.outcome) for a in listed(step(bench)).attempts] == [
        ("s3", "passed"),
        ("s2", "failed"),
        ("s1", "failed"),
    ]


def test_a_failure_after_a_pass_fails_the_step(bench: Bench) -> None:
    push(bench, 1, "passed")
    push(bench, 2, "failed")
    assert step(bench).execution_status == listed(step(bench)).status == "failed"
    assert "Failed in call" in step(bench).description


def test_an_older_session_pushed_later_only_adds_attempts(bench: Bench) -> None:
    push(bench, 2, "failed")
    newer = step(bench)
    push(bench, 1, "passed")
    assert step(bench).execution_status == "failed"
    assert (step(bench).started_at, step(bench).ended_at) == (newer.started_at, newer.ended_at)
    assert [a.session for a in listed(step(bench)).attempts] == ["s2", "s1"]
    assert "a failed at 7200" in step(bench).description.partition("Attempts (")[0]


def test_notes_of_the_newest_session_stay_if_an_older_failure_is_pushed_later(bench: Bench) -> None:
    note = ev.Noted(nodeid=f.nodeid("a"), text="accepted by ECR-118", kind="exception")
    assert bench.push(journal(bench, 3, {"a": "passed"}, note)).state == "done"
    assert step(bench).exception == "accepted by ECR-118"
    push(bench, 2, "failed")
    assert step(bench).exception == "passed at attempt 2; first failure: a failed at 7200; accepted by ECR-118"
    push(bench, 1, "failed")
    assert step(bench).exception == "passed at attempt 3; first failure: a failed at 3600; accepted by ECR-118"


@pytest.mark.parametrize("result", ["skipped", "not run"])
@pytest.mark.parametrize("skipped", ["todo", "exception"])
@pytest.mark.parametrize("first", [1, 2], ids=["executed first", "skipped first"])
def test_a_session_that_did_not_execute_the_test_supersedes_nothing(
    bench: Bench, result: Result, skipped: str, first: int
) -> None:
    sessions = [journal(bench, 1, {"a": "failed"}), journal(bench, 2, {"a": result}, skipped=skipped)]
    for session in sessions[:: 1 if first == 1 else -1]:
        assert bench.push(session).state == "done"
    found = step(bench)
    assert found.execution_status == "failed"
    assert "a failed at 3600" in found.description.partition("Attempts (")[0]
    assert [a.session for a in listed(found).attempts] == ["s1"]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))), ids=str)
@pytest.mark.parametrize("lost", [False, True], ids=["with receipts", "receipts lost"])
def test_the_order_of_the_pushes_makes_no_difference(bench: Bench, order: tuple[int, ...], lost: bool) -> None:
    outcomes: dict[int, Result] = {1: "failed", 2: "flaky", 3: "passed"}
    for number in order:
        session = journal(bench, number, {"a": outcomes[number]})
        for _ in range(2):
            assert bench.push(session).state == "done"
            if lost:
                bench.session = session
                bench.forget()
    assert step(bench).exception == "passed at attempt 4; first failure: a failed at 3600"
    assert [(a.session, a.outcome) for a in listed(step(bench)).attempts] == [
        ("s3", "passed"),
        ("s2", "passed"),
        ("s2", "failed"),
        ("s1", "failed"),
    ]


def test_the_session_that_created_the_run_does_not_replace_a_later_one(bench: Bench) -> None:
    first = journal(bench, 1, {"a": "failed"}, key="s1", run="")
    bench.push(first)
    bench.push(journal(bench, 2, {"a": "passed"}, key="s2", run="TR-0001"))
    before = bench.atlas.runs()
    assert step(bench).execution_status == "passed_with_exception"
    for lost in (False, True):
        bench.session = first
        if lost:
            bench.forget()
        sent = len(bench.atlas.sent)
        assert bench.push(first).state == "done"
        assert [run.test_cards for run in bench.atlas.runs()] == [run.test_cards for run in before]
        assert not any(isinstance(op, UpdateStep) for op in bench.atlas.sent[sent:])


def test_a_session_that_is_pushed_again_only_reads_the_run(bench: Bench) -> None:
    bench.push(journal(bench, 0, {"a": "not run"}, key="s0", run=""))
    outcomes: dict[int, Result] = {1: "failed", 2: "failed", 3: "passed"}
    sessions = [journal(bench, n, {"a": outcomes[n]}, key=f"s{n}", run="TR-0001", title=f"session {n}") for n in outcomes]
    for session in sessions:
        bench.push(session)
    before = bench.atlas.runs()
    for session in sessions:
        sent = len(bench.atlas.sent)
        assert bench.push(session).state == "done"
        assert [type(op) for op in bench.atlas.sent[sent:]] == [GetRun]
    assert bench.atlas.runs() == before


def test_a_published_session_is_known_to_be_published_without_an_atlas(bench: Bench) -> None:
    for number in (2, 1, 3):
        session = journal(bench, number, {"a": "failed" if number < 3 else "skipped"})
        bench.push(session)
        state = f.fold(*read(session), gone=True)
        (receipts,) = session.glob("receipts-*")
        assert progress_of(state, read_observed(receipts)).is_complete


def read(session: Path) -> list[ev.Event]:
    lines = (session / f.SERIAL).read_bytes().splitlines()
    return [event for line in lines if (event := decode.event(line))]


def test_ten_attempts_of_many_sessions_are_listed_including_the_first_failure(bench: Bench) -> None:
    sessions = [journal(bench, n, {"a": "failed" if n in (1, 4) else "passed"}) for n in range(1, 26)]
    for session in sessions:
        bench.push(session)
    found = listed(step(bench))
    assert [a.session for a in found.attempts] == [*(f"s{n}" for n in range(25, 16, -1)), "s1"]
    assert found.total == 25
    assert step(bench).exception == "passed at attempt 25; first failure: a failed at 3600"
    before = bench.atlas.runs()
    for session in sessions:
        bench.session = session
        bench.forget()
        bench.push(session)
    assert listed(step(bench)) == found
    assert [s.test_cards for s in bench.atlas.runs()] == [s.test_cards for s in before]


def test_attempts_that_concurrent_sessions_lost_are_added_by_the_next_push(bench: Bench) -> None:
    push(bench, 0, "not run")
    outcomes: dict[int, Result] = {1: "failed", 2: "passed"}
    sessions = [journal(bench, n, {"a": outcomes[n], f"only-{n}": "passed"}) for n in outcomes]

    async def both() -> list[Status]:
        publishing = (publish(it, bench.target, started_by_pytest=False, patience_s=30) for it in sessions)
        return await asyncio.gather(*publishing)

    assert [status.state for status in asyncio.run(both())] == ["done", "done"]
    for session in sessions:
        assert bench.push(session).state == "done"
    assert step(bench).exception == "passed at attempt 2; first failure: a failed at 3600"
    assert [a.session for a in listed(step(bench)).attempts] == ["s2", "s1"]
    assert [step(bench, f"only-{n}").execution_status for n in outcomes] == ["passed", "passed"]


# ── statuses that a person set ───────────────────────────────────────────────────────────────────────────────────────


def test_a_status_that_a_person_changed_is_preserved_and_the_new_result_added(bench: Bench) -> None:
    push(bench, 1, "passed")
    change(bench, execution_status="passed_with_exception", exception="checked by hand")
    before = step(bench)
    kept = ev.FileKept(nodeid=f.nodeid("a"), name="a.txt", path="files/a.txt", size=1, at=f.BEGIN)
    directory = journal(bench, 2, {"a": "failed"}, kept)
    (directory / "files").mkdir()
    (directory / "files" / "a.txt").write_text("x")
    status = bench.push(directory)
    found = step(bench)
    assert (found.execution_status, found.exception) == ("passed_with_exception", "checked by hand")
    assert (found.started_at, found.ended_at) == (before.started_at, before.ended_at)
    assert BY_HAND in found.description.splitlines()
    assert "a failed at 7200" in found.description.partition(BY_HAND)[0]
    assert [a.session for a in listed(found).attempts] == ["s2", "s1"]
    assert status.remarks[0].startswith("preserved: step 'a' of card 'tests/test_trip.py': status passed_with_exception,")


def test_a_preserved_status_stays_for_all_later_sessions(bench: Bench) -> None:
    push(bench, 1, "failed")
    change(bench, execution_status="passed")
    later: dict[int, Result] = {2: "failed", 3: "passed", 4: "skipped"}
    for number, result in later.items():
        push(bench, number, result)
        assert step(bench).execution_status == "passed"
    assert step(bench).description.count("the status was set by hand") == 1
    assert "automated result: passed_with_exception; the status was set by hand" in step(bench).description
    assert step(bench).exception is None


def test_overwriting_replaces_a_status_that_a_person_set_and_removes_the_line(bench: Bench) -> None:
    push(bench, 1, "failed")
    change(bench, execution_status="passed")
    push(bench, 2, "failed")
    push(bench, 3, "skipped", overwrite=True)
    assert step(bench).execution_status == "passed", "what was not executed replaces nothing"
    status = push(bench, 4, "failed", overwrite=True)
    assert step(bench).execution_status == "failed"
    assert "by hand" not in step(bench).description
    assert status.remarks == ()
    push(bench, 5, "passed")
    assert step(bench).execution_status == "passed_with_exception"


def test_todo_lets_pytest_set_the_status_again(bench: Bench) -> None:
    push(bench, 1, "failed")
    change(bench, execution_status="passed")
    push(bench, 2, "failed")
    change(bench, execution_status="todo")
    push(bench, 3, "failed")
    assert step(bench).execution_status == "failed"
    assert "by hand" not in step(bench).description


def test_a_planned_step_that_a_person_has_done_is_preserved(bench: Bench) -> None:
    push(bench, 1, "not run")
    change(bench, execution_status="passed")
    push(bench, 2, "failed")
    assert step(bench).execution_status == "passed"
    assert BY_HAND in step(bench).description


@pytest.mark.parametrize("own", [False, True], ids=["shared run", "own run"])
@pytest.mark.parametrize("lost", [False, True], ids=["with receipts", "receipts lost"])
def test_a_status_that_a_person_changed_is_preserved_by_a_later_push_of_the_same_session(
    bench: Bench, own: bool, lost: bool
) -> None:
    session = journal(bench, 1, {"a": "failed"}, **({"key": "s1", "run": ""} if own else {}))
    bench.push(session)
    change(bench, execution_status="passed")
    bench.session = session
    if lost:
        bench.forget()
    status = bench.push(session)
    assert step(bench).execution_status == "passed"
    assert BY_HAND in step(bench).description.splitlines()
    assert status.remarks[0].startswith("preserved: step 'a'")


def test_a_status_with_times_of_version_0_1_0_is_an_automated_one(bench: Bench) -> None:
    push(bench, 1, "failed")
    without = step(bench).description.partition("Attempts (")[0] + f"pytest: {f.nodeid('a')}"
    change(bench, description=without)
    push(bench, 2, "passed")
    assert step(bench).execution_status == "passed"
    assert "by hand" not in step(bench).description


# ── any sequence of sessions ─────────────────────────────────────────────────────────────────────────────────────────

NAMES = ("a", "b", "c")


class Pushed(NamedTuple):
    """A push of one of the sessions; `lost`: without its receipts."""

    session: int
    lost: bool


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, Result]], list[Pushed]]:
    result: st.SearchStrategy[Result] = st.sampled_from(get_args(Result))
    sessions = draw(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, result)), min_size=1, max_size=5))
    again = draw(st.lists(st.builds(Pushed, st.integers(0, len(sessions) - 1), st.booleans()), max_size=4))
    first = [Pushed(number, lost=False) for number in range(len(sessions))]
    return sessions, draw(st.permutations([*first, *again]))


def expected(sessions: list[dict[str, Result]], name: str) -> tuple[str, list[str], str]:
    """Return status, outcomes of all attempts (newest first) and note, computed from the results."""
    outcomes: list[str] = []  # oldest first
    first, decided = "", "todo"
    for number, session in enumerate(sessions):
        result = session[name]
        failed = {"failed": ["failed"], "flaky": ["failed"], "died": ["died"]}.get(result, [])
        if failed and not first:
            first = "pytest died while this test ran" if result == "died" else f"{name} failed at {number * HOUR:.0f}"
        outcomes += failed + (["passed"] if result in ("passed", "flaky") else [])
        decided = {"passed": "passed", "flaky": "passed", "failed": "failed", "died": "failed"}.get(result, decided)
    if decided == "passed" and first:
        return "passed_with_exception", outcomes[::-1], f"passed at attempt {len(outcomes)}; first failure: {first}"
    return decided, outcomes[::-1], ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories())
def test_any_sequence_of_sessions_and_pushes_has_the_status_of_the_results(
    history: tuple[list[dict[str, Result]], list[Pushed]],
) -> None:
    sessions, pushes = history
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        try:
            directories = [journal(bench, number, session) for number, session in enumerate(sessions)]
            for pushed in pushes:
                bench.session = directories[pushed.session]
                if pushed.lost:
                    bench.forget()
                assert bench.push().state == "done"
            (run,) = bench.atlas.runs()
            assert found_in(run) == {name: expected(sessions, name) for name in NAMES}
            assert bench.atlas.count(RegisterDataFile) == 0
        finally:
            bench.atlas.local.close()


def found_in(run: Run) -> dict[str, tuple[str, list[str], str]]:
    found: dict[str, tuple[str, list[str], str]] = {}
    for card in run.test_cards:
        for it in card.test_steps:
            assert it.title not in found, "a step is there once"
            attempts = parse_attempts(it.description)
            outcomes = [a.outcome for a in attempts.attempts] if attempts else []
            found[it.title] = (it.execution_status, [*outcomes], it.exception or "")
    return found
