"""Existing runs: steps of pytest get the newest outcome, entities of persons keep theirs."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import no_answer

from pytest_atlas.atlas.models import Card, Page, Run, RunSummary, Step
from pytest_atlas.atlas.operations import (
    CreateCard,
    CreateRun,
    CreateStep,
    DeleteRun,
    GetRun,
    ListRuns,
    Operation,
    UpdateCard,
    UpdateRun,
    UpdateStep,
)
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.status import Status
from pytest_atlas.local.templates import TemplateStep
from pytest_atlas.publisher.journal_reader import READ_EVERY_S
from pytest_atlas.publisher.loop import Publisher
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.receipts import read_observed
from pytest_atlas.publisher.reconcile.progress import progress_of
from pytest_atlas.publisher.recovery import find_run, run_reader

OTHER = "11111111-2222-4333-8444-555555555555"
TITLE = "Overvoltage"
LINKS = "assets, issues and templates can be linked to a run at its creation only"


def persons_run(bench: Bench, *steps: tuple[str, str], system: str = f.SYSTEM, text: str = "Rev B, bench 2.") -> Run:
    """Create a run as a person does: a card with steps of (title, status), each with a text."""
    send = bench.atlas.local.send
    run = send(CreateRun(title="Acceptance of rev B", system_id=UUID(system), description=text))
    own: dict[str, Any] = {"run_id": UUID(run.uuid)}
    card = send(CreateCard(**own, title=TITLE, description="See the test plan.", order=3))
    for order, (title, status) in enumerate(steps, start=1):
        at: dict[str, Any] = {**own, "card_id": UUID(card.uuid)}
        step = send(CreateStep(**at, title=title, description=f"How to {title}.", order=order))
        if status != "todo":
            send(UpdateStep(**at, step_id=UUID(step.uuid), execution_status=status))  # type: ignore[arg-type]
    return run


def planned(*names: str, title: str = TITLE, template: str = "", doc: str = "") -> list[ev.Event]:
    """Return the plan of tests on one card by marker; each title is the name."""
    tests = tuple(ev.PlannedTest(f.nodeid(name), name, 0) for name in names)
    card = ev.PlannedCard("marker", title, doc, template)
    return [ev.Planned(cards=(card,), tests=tests), ev.PlanCompleted(at=f.BEGIN, count=len(names))]


def write(bench: Bench, *events: ev.Event, name: str = "s1", **session: Any) -> Path:
    """Write a session to a new directory."""
    directory = bench.session.with_name(name)
    given = {"session": name, "key": name, **session}
    f.write_journal(directory, f.opened(), f.session(**given), *events, f.finish())
    return directory


def only(bench: Bench) -> Run:
    (run,) = bench.atlas.runs()
    return run


def card(run: Run, title: str = TITLE) -> Card:
    (found,) = [card for card in run.test_cards if card.title == title]
    return found


def steps(run: Run, title: str = TITLE) -> dict[str, tuple[int | None, str]]:
    return {step.title: (step.order, step.execution_status) for step in card(run, title).test_steps}


def step(run: Run, title: str) -> Step:
    (found,) = [step for card in run.test_cards for step in card.test_steps if step.title == title]
    return found


# ── a named run ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["uuid", "reference"])
def test_a_session_is_recorded_into_the_run_that_the_user_names(bench: Bench, by: str) -> None:
    run = persons_run(bench, ("test_a", "todo"), ("measure the ripple", "todo"))
    name = run.uuid if by == "uuid" else run.test_run_id
    pushed = bench.push(write(bench, *planned("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b"), run=name))
    assert (pushed.state, pushed.run_ref) == ("done", run.test_run_id)
    assert steps(only(bench)) == {"test_a": (1, "passed"), "measure the ripple": (2, "todo"), "test_b": (3000, "failed")}
    assert bench.atlas.count(CreateRun) == bench.atlas.count(CreateCard) == 0


def test_the_text_of_a_person_is_kept_and_the_result_is_a_block_after_it(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"))
    bench.push(write(bench, *planned("test_a", doc="Overvoltage protection."), *f.fails("test_a"), run=run.uuid))
    after = only(bench)
    mark = f"pytest: {f.nodeid('test_a')}"
    assert after.title == "Acceptance of rev B"
    assert after.description.startswith("Rev B, bench 2.\n\n[pytest-atlas: s1]\n1 test: 1 failed\n")
    assert after.description.endswith("\n[/pytest-atlas: s1]")
    text = "[pytest-atlas: Overvoltage]\nOvervoltage protection.\n\n[/pytest-atlas: Overvoltage]"
    assert card(after).description == f"See the test plan.\n\n{text}"
    text = f"Failed in call at {f.MODULE}:7:\nassert 112 <= 100"
    attempts = "Attempts (automated result: failed):\n2025-11-25 00:20:01 UTC, bench, session s1: failed: assert 112 <= 100"
    assert step(after, "test_a").description == f"How to test_a.\n\n[{mark}]\n{text}\n\n{attempts}\n\n{mark}"


def test_a_second_push_into_a_shared_run_changes_nothing(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"))
    session = write(bench, *planned("test_a", "test_b", doc="Doc."), *f.passes("test_a"), run=run.uuid)
    bench.push(session)
    before, sent = only(bench), len(bench.atlas.sent)
    assert bench.push(session).state == "done"
    assert [type(op) for op in bench.atlas.sent[sent:]] == [GetRun]
    bench.session = session
    bench.forget()
    assert bench.push(session).state == "done"
    assert only(bench) == before


def test_a_later_text_of_a_person_is_kept(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"))
    bench.push(write(bench, *planned("test_a"), run=run.uuid))
    before = step(only(bench), "test_a")
    at: dict[str, Any] = {"run_id": UUID(run.uuid), "card_id": UUID(card(only(bench)).uuid), "step_id": UUID(before.uuid)}
    bench.atlas.local.send(UpdateStep(**at, description=f"{before.description}\n\nLook at the fuse first."))
    bench.atlas.local.send(UpdateRun(run_id=UUID(run.uuid), description=f"{only(bench).description}\n\nBench 3 from noon."))
    bench.push(write(bench, *planned("test_a"), *f.fails("test_a"), run=run.uuid, name="s2"))
    text, mark = step(only(bench), "test_a").description, f"pytest: {f.nodeid('test_a')}"
    assert text.startswith("How to test_a.\n\nLook at the fuse first.\n\n[")
    assert text.count(f"[{mark}]") == 1
    assert text.endswith(f"assert 112 <= 100\n\n{mark}")
    description = only(bench).description
    assert "Bench 3 from noon." in description
    assert "[pytest-atlas: s1]" in description
    assert description.endswith("[/pytest-atlas: s2]")


def test_the_run_key_line_stays_the_last_line_in_a_shared_run(bench: Bench) -> None:
    first = write(bench, *planned("test_a"), *f.passes("test_a"))
    bench.push(first)
    bench.push(write(bench, *planned("test_b"), *f.passes("test_b"), name="s2", run="TR-0001"))
    assert "[pytest-atlas: s2]" in only(bench).description
    assert only(bench).description.endswith("\npytest-atlas: s1")
    bench.session = first
    bench.forget()
    bench.push(first)
    assert len(only(bench).test_cards) == 1, "the first session still finds its run"


@pytest.mark.parametrize("receipts", ["kept", "lost"])
def test_the_creator_of_a_run_keeps_the_blocks_of_other_sessions(bench: Bench, receipts: str) -> None:
    first = write(bench, *planned("test_a"), *f.passes("test_a"))
    bench.push(first)
    for name in ("s2", "s3"):
        bench.push(write(bench, *planned("test_b"), *f.passes("test_b"), name=name, run="TR-0001"))
    before = only(bench).description
    assert before.count("[/pytest-atlas: s") == 2
    if receipts == "lost":
        bench.session = first
        bench.forget()
    assert bench.push(first).state == "done"
    assert only(bench).description == before
    f.write_journal(first, *f.fails("test_a"), f.finish(1))  # another loop; the creator's text changes
    assert bench.push(first).state == "done"
    after = only(bench).description
    assert after != before
    assert after.partition("[")[2] == before.partition("[")[2], "both blocks and the run key line stay"
    sent = len(bench.atlas.sent)
    assert bench.push(first).state == "done"
    assert {type(op) for op in bench.atlas.sent[sent:]} == {GetRun}


def test_a_second_session_with_the_key_of_the_run_keeps_the_blocks_of_other_sessions(bench: Bench) -> None:
    attempt(bench, "s1", *planned("test_a"), *f.fails("test_a"))
    bench.push(write(bench, *planned("test_b"), *f.passes("test_b"), name="s2", run="TR-0001"))
    before = only(bench).description
    attempt(bench, "s3", *planned("test_a"), *f.passes("test_a"))
    after = only(bench).description
    assert "[pytest-atlas: s2]" in before
    assert after.partition("[")[2] == before.partition("[")[2]


def test_a_status_that_a_person_set_is_preserved_and_the_automated_result_is_added(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "passed"), ("test_b", "done"))
    inner = ev.StepOpened(nodeid=f.nodeid("test_a"), ordinal=1, title="Arm the scope", at=f.BEGIN)
    pushed = bench.push(write(bench, *planned("test_a", "test_b"), *f.fails("test_a"), inner, run=run.uuid))
    assert steps(only(bench)) == {"test_a": (1, "passed"), "test_b": (2, "done"), "Arm the scope": (2001, "todo")}
    preserved, mark = step(only(bench), "test_a"), f"pytest: {f.nodeid('test_a')}"
    assert (preserved.started_at, preserved.ended_at, preserved.exception) == (None, None, None)
    assert preserved.description == (
        f"How to test_a.\n\n[{mark}]\nFailed in call at {f.MODULE}:7:\nassert 112 <= 100\n\n"
        "automated result: failed; the status was set by hand\n\n"
        "Attempts (automated result: failed):\n2025-11-25 00:20:01 UTC, bench, session s1: failed: assert 112 <= 100\n\n"
        f"{mark}"
    )
    assert "automated result: none; the status was set by hand" in step(only(bench), "test_b").description
    assert pushed.state == "done"
    (remark,) = pushed.remarks
    assert remark == (
        "preserved: step 'test_a' of card 'Overvoltage': status passed, set by hand; automated result: failed; "
        "--atlas-overwrite (push: --overwrite) replaces it"
    )


def test_overwrite_replaces_the_outcome_of_a_person_and_keeps_the_text(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "failed"), ("test_b", "done"))
    pushed = bench.push(write(bench, *planned("test_a", "test_b"), *f.passes("test_a"), run=run.uuid, overwrite=True))
    assert pushed.remarks == ()
    assert steps(only(bench)) == {"test_a": (1, "passed"), "test_b": (2, "done")}, "what did not run replaces nothing"
    assert step(only(bench), "test_a").description.startswith("How to test_a.\n\n[pytest: ")


def test_new_cards_are_after_the_existing_ones(bench: Bench) -> None:
    run = persons_run(bench)
    bench.push(write(bench, *planned("test_a", title="Undervoltage"), *f.passes("test_a"), run=run.uuid))
    assert [(card.title, card.order) for card in only(bench).test_cards] == [(TITLE, 3), ("Undervoltage", 2000)]


def test_inner_steps_match_titles_of_the_template_or_are_added_after_it(bench: Bench) -> None:
    run = persons_run(bench, ("Arm the scope", "todo"), ("Discharge", "todo"))
    name = f.nodeid("test_a")
    opened = [ev.StepOpened(nodeid=name, ordinal=n, title=t, at=f.BEGIN) for n, t in ((1, "Arm the scope"), (2, "Read it"))]
    closed = [ev.StepClosed(nodeid=name, ordinal=n, at=f.BEGIN + 1) for n in (1, 2)]
    session = write(bench, *planned("test_a"), f.started("test_a"), *opened, *closed, f.ended("test_a"), run=run.uuid)
    assert bench.push(session).state == "done"
    assert steps(only(bench)) == {
        "Arm the scope": (1, "passed"),
        "Discharge": (2, "todo"),
        "test_a": (2000, "passed"),
        "Read it": (2002, "passed"),
    }


def test_orders_are_kept_if_a_person_adds_steps(bench: Bench) -> None:
    run = persons_run(bench, ("Discharge", "todo"))
    session = write(bench, *planned("test_a", "test_b"), run=run.uuid)
    bench.push(session)
    at: dict[str, Any] = {"run_id": UUID(run.uuid), "card_id": UUID(card(only(bench)).uuid)}
    bench.atlas.local.send(CreateStep(**at, title="Check the fuse", order=8500))
    inside = ev.StepOpened(nodeid=f.nodeid("test_a"), ordinal=1, title="Arm the scope", at=f.BEGIN)
    f.write_journal(session, f.started("test_a"), inside, f.ended("test_a"))
    other = [f.opened("gw1"), *planned("test_a", "test_b", "test_c"), *f.passes("test_c")]  # has one more test
    f.write_journal(session, *other, name="journal-gw1-1.jsonl")
    assert bench.push(session).state == "done"
    assert {title: order for title, (order, _) in steps(only(bench)).items()} == {
        "Discharge": 1,
        "test_a": 2000,
        "Arm the scope": 2001,
        "test_b": 3000,
        "Check the fuse": 8500,
        "test_c": 12000,
    }


def test_a_later_push_numbers_new_steps_like_the_first_one(bench: Bench) -> None:
    run = persons_run(bench, ("Discharge", "todo"))
    session = write(bench, *planned("test_a", "test_b"), run=run.uuid)
    bench.push(session)
    other = [f.opened("gw1"), *planned("test_a", "test_b", "test_c"), *f.passes("test_c")]
    f.write_journal(session, *other, name="journal-gw1-1.jsonl")
    bench.push(session)
    assert [order for order, _ in steps(only(bench)).values()] == [1, 2000, 3000, 4000]


def test_steps_with_equal_titles_are_matched_once_each(bench: Bench) -> None:
    run = persons_run(bench, ("Trip", "todo"), ("Trip", "todo"))
    tests = tuple(ev.PlannedTest(f.nodeid(f"test_trip[{n}]"), "t", 0, title="Trip") for n in range(3))
    plan = (ev.Planned(cards=(ev.PlannedCard("marker", TITLE),), tests=tests), ev.PlanCompleted(at=0, count=3))
    bench.push(write(bench, *plan, run=run.uuid))
    assert [(s.order, s.description.rpartition("::")[2]) for s in card(only(bench)).test_steps] == [
        (1, "test_trip[0]"),
        (2, "test_trip[1]"),
        (4000, "test_trip[2]"),
    ]


def test_links_that_an_existing_run_cannot_get_are_reported(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"))
    pushed = bench.push(write(bench, *planned("test_a"), run=run.uuid, asset_ids=(OTHER,)))
    assert pushed.remarks == (
        "run TR-0001 existed already, and assets, issues and templates can be linked to a run at its creation only",
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TR-0099", f"no run of system {f.SYSTEM} has the reference 'TR-0099'; 0 runs were listed; {find_run.REMEDY}"),
        (OTHER, f"run {OTHER} is not in this Atlas: it was deleted, or is in another Atlas; {find_run.REMEDY}"),
    ],
)
def test_a_missing_run_stops_the_publisher_and_creates_nothing(bench: Bench, name: str, words: str) -> None:
    pushed = bench.push(write(bench, *planned("test_a"), *f.passes("test_a"), run=name))
    assert (pushed.state, pushed.problem) == ("stopped", words)
    assert bench.atlas.runs() == []


def test_a_run_of_another_system_stops_the_publisher_and_creates_nothing(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"), system=OTHER)
    pushed = bench.push(write(bench, *planned("test_a"), *f.passes("test_a"), run=run.uuid))
    assert pushed.problem == f"run TR-0001 is of another system: {OTHER} (System 11111111), not {f.SYSTEM}; {find_run.REMEDY}"
    assert steps(only(bench)) == {"test_a": (1, "todo")}


def test_a_reference_of_two_runs_is_an_error() -> None:
    class Two:
        async def send(self, operation: Any, /) -> Any:
            assert isinstance(operation, ListRuns)
            return Page[RunSummary].model_validate({"items": [{"uuid": str(uuid4()), "test_run_id": "TR-7"}] * 2, "count": 2})

    state = f.fold(f.opened(), f.session(run="TR-7"), *f.plan("test_a"))
    with pytest.raises(find_run.WrongRunError, match=f"2 runs of system {f.SYSTEM} have the reference 'TR-7'"):
        asyncio.run(find_run.named_run(Two(), state))


def test_a_named_run_is_never_deleted_as_a_duplicate(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"))
    bench.atlas.fail(UpdateRun, no_answer)
    assert bench.push(write(bench, *planned("test_a"), *f.passes("test_a"), run=run.uuid)).state == "done"
    assert bench.atlas.count(DeleteRun) == 0
    assert only(bench).uuid == run.uuid


@pytest.mark.parametrize("takes_effect", [True, False], ids=["took effect", "had none"])
def test_an_unconfirmed_create_is_searched_in_a_shared_run(bench: Bench, takes_effect: bool) -> None:
    run = persons_run(bench, ("other", "todo"))
    for kind in (CreateCard, CreateStep, UpdateStep, UpdateRun):
        bench.atlas.fail(kind, no_answer, takes_effect=takes_effect)
    session = write(bench, *planned("test_a", "test_b", title="New"), *f.passes("test_a"), *f.passes("test_b"), run=run.uuid)
    assert bench.push(session).state == "done"
    assert steps(only(bench), "New") == {"test_a": (1000, "passed"), "test_b": (2000, "passed")}
    assert only(bench).description.count("[pytest-atlas: s1]") == 1


def test_the_progress_in_a_shared_run_is_computed_without_an_atlas(bench: Bench) -> None:
    run = persons_run(bench, ("test_a", "todo"), ("test_b", "passed"))
    events = [*planned("test_a", "test_b", "test_c", doc="Doc."), *f.passes("test_a"), *f.passes("test_b")]
    session = write(bench, *events, run=run.uuid)
    bench.push(session)
    state = f.fold(f.opened(), f.session(run=run.uuid), *events, f.finish(), gone=True)
    (receipts,) = session.glob("receipts-*")
    assert progress_of(state, read_observed(receipts)).is_complete


def test_a_description_is_read_again_before_it_is_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run = persons_run(bench, ("test_a", "todo"))
    monkeypatch.setattr(run_reader, "FRESH_S", 0.05)
    session = bench.session.with_name("s1")
    f.write_journal(session, f.opened(), f.session(run=run.uuid), *planned("test_a"), f.started("test_a"))
    send = bench.atlas.local.send

    async def meanwhile(publisher: Publisher) -> None:
        await until(lambda: "[pytest: " in step(only(bench), "test_a").description)
        text, read_at = step(only(bench), "test_a").description, time.time()
        await until(lambda: time.time() - read_at > run_reader.FRESH_S)
        at: dict[str, Any] = {"run_id": UUID(run.uuid), "card_id": UUID(card(only(bench)).uuid)}
        send(UpdateStep(**at, step_id=UUID(step(only(bench), "test_a").uuid), description=f"Careful: hot.\n\n{text}"))
        f.write_journal(session, f.phase("test_a", "call", "failed", message="too late"), f.ended("test_a"), f.finish())
        publisher.pytest_ended()

    assert live(bench, session, meanwhile).state == "done"
    description = step(only(bench), "test_a").description
    assert description.startswith("Careful: hot.\n\nHow to test_a.\n\n[pytest: ")
    assert "too late" in description


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def live(bench: Bench, session: Path, meanwhile: Callable[[Publisher], Coroutine[Any, Any, None]]) -> Status:
    """Publish like the publisher that pytest starts; `meanwhile` acts as pytest and as a person."""
    begun: list[Publisher] = []

    async def both() -> Status:
        publishing = asyncio.create_task(
            publish(session, bench.target, started_by_pytest=True, patience_s=30, begun=begun.append)
        )
        await asyncio.sleep(0)
        await meanwhile(begun[0])
        return await publishing

    return asyncio.run(both())


# ── a run found by its run key ───────────────────────────────────────────────────────────────────────────────────────


def attempt(bench: Bench, name: str, *events: ev.Event, **session: Any) -> Status:
    """Record one attempt of a retried job."""
    return bench.push(write(bench, *events, name=name, **{"key": "job-7", "run": "auto", **session}))


def test_a_retried_job_is_recorded_into_the_run_of_its_first_attempt(bench: Bench) -> None:
    first = attempt(bench, "s1", *planned("test_a", "test_b", "test_c"), *f.fails("test_a"), *f.passes("test_b"))
    again = attempt(bench, "s2", *planned("test_a", "test_b", "test_c"), *f.passes("test_a"))
    assert (first.state, again.state, first.run_id) == ("done", "done", again.run_id)
    assert steps(only(bench)) == {
        "test_a": (1000, "passed_with_exception"),
        "test_b": (2000, "passed"),
        "test_c": (3000, "todo"),
    }
    assert "Failed in call" not in step(only(bench), "test_a").description
    assert only(bench).description.endswith("\n\npytest-atlas: job-7")
    assert only(bench).description.count("pytest-atlas:") == 1


def test_a_run_key_identifies_the_run(bench: Bench) -> None:
    attempt(bench, "s1", *planned("test_a"), run="")
    attempt(bench, "s2", *planned("test_a"), *f.passes("test_a"), run="")
    assert steps(only(bench)) == {"test_a": (1000, "passed")}


def test_an_earlier_attempt_that_is_published_later_replaces_no_newer_outcome(bench: Bench) -> None:
    failed = f.phase("test_a", "call", "failed", message="late")
    events = [*planned("test_a"), f.started("test_a", 1), failed, f.ended("test_a", 2)]
    late = write(bench, *events, name="s1", key="job-7", run="auto")
    attempt(bench, "s2", *planned("test_a"), f.started("test_a", 61), f.ended("test_a", 62))
    assert bench.push(late).state == "done"
    assert steps(only(bench)) == {"test_a": (1000, "passed_with_exception")}
    assert step(only(bench), "test_a").exception == "passed at attempt 2; first failure: late"
    before = only(bench)
    assert bench.push(late).state == "done"
    assert only(bench) == before


def test_a_retry_does_not_duplicate_inner_steps(bench: Bench) -> None:
    name = f.nodeid("test_a")

    def inside(at: float, outcome: ev.Outcome) -> list[ev.Event]:
        return [
            *planned("test_a", "test_b"),
            f.started("test_a", at),
            ev.StepOpened(nodeid=name, ordinal=1, title="Arm the scope", at=f.BEGIN + at),
            ev.StepClosed(nodeid=name, ordinal=1, at=f.BEGIN + at + 1, outcome=outcome),
            f.subtest("test_a", 2, outcome, title="14 V", started=f.BEGIN + at, ended=f.BEGIN + at + 1),
            f.ended("test_a", at + 2),
            f.started("test_b", at + 3),
            f.ended("test_b", at + 4),
        ]

    attempt(bench, "s1", *inside(1, "failed"))
    attempt(bench, "s2", *inside(100, "passed"), ev.StepOpened(nodeid=name, ordinal=3, title="More", at=f.BEGIN))
    assert steps(only(bench)) == {
        "test_a": (1000, "passed_with_exception"),
        "Arm the scope": (1001, "passed_with_exception"),
        "14 V": (1002, "passed_with_exception"),
        "test_b": (2000, "passed"),
        "More": (3003, "todo"),
    }


def test_two_tests_with_one_nodeid_are_both_matched(bench: Bench) -> None:
    tests = tuple(ev.PlannedTest(f.nodeid("t"), "t", 0, occurrence=n) for n in (0, 1))
    plan = (ev.Planned(cards=(ev.PlannedCard("marker", TITLE),), tests=tests), ev.PlanCompleted(at=0, count=2))
    end = ev.TestEnded(nodeid=f.nodeid("t"), occurrence=1, at=f.BEGIN + 2)
    attempt(bench, "s1", *plan)
    attempt(bench, "s2", *plan, ev.TestStarted(nodeid=f.nodeid("t"), occurrence=1, at=f.BEGIN), end)
    assert [(s.order, s.execution_status) for s in card(only(bench)).test_steps] == [(1000, "todo"), (2000, "passed")]


def test_a_test_that_moved_to_another_card_is_matched_in_the_old_one(bench: Bench) -> None:
    attempt(bench, "s1", *planned("test_a", title="Old"), *f.fails("test_a"))
    again = attempt(bench, "s2", *planned("test_a", title="New"), f.started("test_a", 61), f.ended("test_a", 62))
    assert again.state == "done"
    assert steps(only(bench), "Old") == {"test_a": (1000, "passed_with_exception")}
    assert steps(only(bench), "New") == {}


def test_other_keys_have_other_runs(bench: Bench) -> None:
    attempt(bench, "s1", *planned("test_a"))
    attempt(bench, "s2", *planned("test_a"), key="job-8")
    assert len(bench.atlas.runs()) == 2


def test_a_live_session_searches_the_run_of_its_key_before_it_creates_one(bench: Bench) -> None:
    attempt(bench, "s1", *planned("test_a"))
    session = write(bench, *planned("test_a"), *f.passes("test_a"), name="s2", key="job-7", run="auto")

    async def ends(publisher: Publisher) -> None:
        publisher.pytest_ended()

    assert live(bench, session, ends).state == "done"
    assert steps(only(bench)) == {"test_a": (1000, "passed")}
    assert bench.atlas.count(CreateRun) == 1


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def template(bench: Bench, title: str = TITLE) -> str:
    made = (TemplateStep("test_a", "Apply 13 V."), TemplateStep("Discharge", "Wait a minute."))
    return str(bench.atlas.local.add_template(title, "See the test plan.", made))


def test_cards_of_the_run_templates_are_used(bench: Bench) -> None:
    events = [*planned("test_a", "test_b"), *f.passes("test_a"), *f.passes("test_b")]
    session = write(bench, *events, template_ids=(template(bench),))
    assert bench.push(session).state == "done"
    run = only(bench)
    assert [card.title for card in run.test_cards] == [TITLE]
    assert steps(run) == {"test_a": (1, "passed"), "Discharge": (2, "todo"), "test_b": (3000, "passed")}
    assert step(run, "test_a").description.startswith("Apply 13 V.\n\n[pytest: ")
    assert card(run).description == "See the test plan."


def test_nothing_is_created_while_the_templates_of_the_run_are_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    send = bench.atlas.send

    async def send_slowly(operation: Operation[Any]) -> Any:
        if isinstance(operation, GetRun):
            await asyncio.sleep(4 * READ_EVERY_S)  # meanwhile the publisher reads the journal and computes the next actions
        return await send(operation)

    monkeypatch.setattr(bench.atlas, "send", send_slowly)
    session = write(bench, *planned("test_a"), *f.passes("test_a"), template_ids=(template(bench),))
    assert bench.push(session).state == "done"
    assert [card.title for card in only(bench).test_cards] == [TITLE]


def test_a_card_from_a_template_keeps_the_steps_of_the_template(bench: Bench) -> None:
    source = template(bench, "Overvoltage, as planned")
    session = write(bench, *planned("test_b", "test_a", template=source, doc="On the bench."), *f.passes("test_b"))
    assert bench.push(session).state == "done"
    run = only(bench)
    assert steps(run) == {"test_a": (1, "todo"), "Discharge": (2, "todo"), "test_b": (2000, "passed")}
    assert card(run).description.startswith("See the test plan.\n\n[pytest-atlas: Overvoltage]\nOn the bench.")
    bench.session = session
    bench.forget()
    before = only(bench)
    assert bench.push(session).state == "done"
    assert only(bench) == before
    assert bench.atlas.count(UpdateCard) == 1, "the title and the text, once"


def test_a_missing_template_creates_no_run(bench: Bench) -> None:
    pushed = bench.push(write(bench, *planned("test_a"), template_ids=(OTHER,)))
    assert pushed.state == "stopped"
    assert f"Template {OTHER} not found" in pushed.problem
    assert bench.atlas.runs() == []
