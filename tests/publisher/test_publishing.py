"""Publishing (C5, C6): each entity is in Atlas once, with any failures of the connection."""

import asyncio
import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import no_answer, status, unreachable

from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import (
    CreateCard,
    CreateRun,
    CreateStep,
    DeleteCard,
    DeleteStep,
    GetRun,
    ListRuns,
    Operation,
    UpdateRun,
    UpdateStep,
)
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.events import Event
from pytest_atlas.publisher.receipts import AlreadyPublishing, Receipts

TESTS = [f"test_{n}" for n in range(5)]


def whole(*tail: Event) -> list[Event]:
    """Return a session of five tests; the fourth one fails."""
    events: list[Event] = [f.opened(), f.session(), *f.plan(*TESTS)]
    for name in TESTS:
        events += f.fails(name) if name == "test_3" else f.passes(name)
    return [*events, *(tail or [f.finish(1)])]


def outcomes(run: Run) -> list[tuple[str, str]]:
    return [(step.title, step.execution_status) for card in run.test_cards for step in card.test_steps]


WHOLE = [(name, "failed" if name == "test_3" else "passed") for name in TESTS]


def assert_once(bench: Bench) -> None:
    """Assert that all of the session is in the Atlas once."""
    (run,) = bench.atlas.runs()
    assert [card.title for card in run.test_cards] == [f.MODULE]
    assert outcomes(run) == WHOLE
    assert "5 tests: 4 passed, 1 failed" in run.description


def test_a_session_is_published_with_the_minimal_number_of_requests(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    assert bench.push().state == "done"
    assert_once(bench)
    kinds = [type(op) for op in bench.atlas.sent]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        ListRuns: 1,  # a push searches the run first
        CreateRun: 1,
        CreateCard: 1,
        CreateStep: 5,
        UpdateStep: 5,
    }


def test_a_second_push_reads_the_run_and_sends_nothing_else(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.push()
    sent = len(bench.atlas.sent)
    assert bench.push().state == "done"
    assert [type(op) for op in bench.atlas.sent[sent:]] == [GetRun]


def test_without_receipts_the_run_is_found_and_nothing_is_created_twice(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.push()
    bench.forget()
    assert bench.push().state == "done"
    assert_once(bench)
    assert bench.atlas.count(CreateRun) == bench.atlas.count(CreateCard) == 1
    assert bench.atlas.count(UpdateStep) == 5


def test_a_copied_session_is_published_into_the_same_run(bench: Bench, tmp_path: Path) -> None:
    f.write_journal(bench.session, *whole())
    shutil.copytree(bench.session, tmp_path / "elsewhere")
    assert bench.push(tmp_path / "elsewhere").state == "done"
    assert bench.push().state == "done"
    assert_once(bench)


def test_events_after_the_first_push_are_added(bench: Bench) -> None:
    events = whole()
    f.write_journal(bench.session, *events[:7])
    bench.push()
    f.write_journal(bench.session, *events[7:])
    assert bench.push().state == "done"
    assert_once(bench)


CALLS: list[type[Operation[Any]]] = [CreateRun, CreateCard, CreateStep, UpdateStep]


@pytest.mark.parametrize("takes_effect", [True, False], ids=["took effect", "had none"])
@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
def test_an_unconfirmed_create_is_searched(bench: Bench, kind: type[Operation[Any]], takes_effect: bool) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.fail(kind, no_answer, takes_effect=takes_effect)
    assert bench.push().state == "done"
    assert_once(bench)
    assert bench.atlas.count(GetRun) >= 1, "calls in doubt are read back"


@pytest.mark.parametrize("fault", [unreachable, status(429, retry_after_s=0.01), status(425), status(503), status(500)])
def test_transient_failures_are_retried_until_all_is_published(bench: Bench, fault: Any) -> None:
    f.write_journal(bench.session, *whole())
    for kind in CALLS:
        bench.atlas.fail(kind, fault, takes_effect=False)
    assert bench.push().state == "done"
    assert_once(bench)


def test_a_publisher_killed_between_create_and_receipt_leaves_no_duplicate(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.push()
    receipts = bench.session / "receipts-test.jsonl"
    lines = receipts.read_bytes().splitlines(keepends=True)
    for cut in range(len(lines)):  # as if killed after each line, and in the middle of the next
        receipts.write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        assert bench.push().state == "done"
        assert_once(bench)


@pytest.mark.parametrize("kind", [CreateStep, CreateCard, CreateRun], ids=lambda kind: kind.__name__)
def test_a_create_that_takes_effect_after_the_read_is_deleted(bench: Bench, kind: type[Operation[Any]]) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.delay(kind)
    bench.atlas.fail_when(lambda op: isinstance(op, UpdateStep), lambda _: bench.atlas.release())
    assert bench.push().state == "done"
    assert_once(bench)


@pytest.mark.parametrize("kind", CALLS, ids=lambda kind: kind.__name__)
def test_a_late_effect_after_the_push_is_corrected_by_the_next_push(bench: Bench, kind: type[Operation[Any]]) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.delay(kind)
    assert bench.push().state == "done"
    bench.atlas.release()
    assert bench.push().state == "done"
    assert_once(bench)


@pytest.mark.parametrize("kind", [CreateRun, CreateCard, CreateStep], ids=lambda kind: kind.__name__)
def test_a_late_effect_leaves_no_duplicate_if_receipts_are_lost(bench: Bench, kind: type[Operation[Any]]) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.delay(kind)
    bench.push()
    bench.atlas.release()
    bench.forget()
    assert bench.push().state == "done"
    assert_once(bench)


def test_a_full_disk_is_reported_and_a_later_push_finishes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    f.write_journal(bench.session, *whole())

    class Full:
        """The module `os` with limited disk space."""

        room = 600

        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def write(self, descriptor: int, data: bytes) -> int:
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            written = os.write(descriptor, data[: self.room])
            self.room -= written
            return written

    with monkeypatch.context() as patch:
        patch.setattr(rc, "os", Full())
        stopped = bench.push()
        assert stopped.state == "stopped"
        assert "receipts-test.jsonl can't be written (No space left on device)" in stopped.problem
        with pytest.raises(OSError, match="Free disk space"):
            bench.push()
    assert bench.push().state == "done", "the lock was let go of"
    assert_once(bench)


def test_a_create_that_becomes_unconfirmed_during_the_read_is_not_repeated(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    read = asyncio.Event()

    class Crossing:
        """A step is created and its response is lost between the read of the run and its response."""

        async def send(self, op: Operation[Any], /) -> Any:
            crosses = isinstance(op, CreateStep) and op.title == "test_1"
            if crosses:
                await read.wait()
            answer = await bench.atlas.send(op)
            if crosses:
                raise no_answer(op) or AssertionError
            if isinstance(op, GetRun):
                read.set()
                await asyncio.sleep(0.01)
            return answer

    bench.atlas.fail_when(lambda op: isinstance(op, CreateStep) and op.title == "test_0", no_answer, takes_effect=True)
    bench.target = replace(bench.target, atlas=Crossing())
    assert bench.push().state == "done"
    assert_once(bench)
    assert bench.atlas.count(CreateStep) == len(TESTS), "none was made once more, to be removed afterwards"


def test_an_update_with_a_late_effect_is_corrected(bench: Bench) -> None:
    events = whole()
    f.write_journal(bench.session, *events[:4], f.started("test_0"), f.ended("test_0", passed=("setup",)))
    bench.push()
    f.write_journal(bench.session, *events[4:])
    bench.atlas.delay(UpdateStep)
    bench.atlas.fail_when(lambda op: isinstance(op, UpdateRun), lambda _: bench.atlas.release())
    assert bench.push().state == "done"
    assert_once(bench)


@pytest.mark.parametrize("code", [401, 403])
def test_a_rejected_token_stops_at_once_and_a_later_push_finishes(bench: Bench, code: int) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.fail(CreateStep, status(code, "token expired"))
    stopped = bench.push()
    assert stopped.state == "stopped"
    assert "token expired" in stopped.problem
    assert "ATLAS_TOKEN" in stopped.problem
    assert stopped.pending > 0
    assert bench.push().state == "done"
    assert_once(bench)


def test_an_unknown_system_is_reported_and_nothing_is_created(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.fail(CreateRun, status(404, "system not found"))
    stopped = bench.push()
    assert (stopped.state, bench.atlas.runs()) == ("stopped", [])
    assert "system not found" in stopped.problem


def test_a_rejected_step_is_skipped_and_the_rest_is_published(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.fail_when(lambda op: isinstance(op, CreateStep) and op.title == "test_1", status(422, "no such title"))
    incomplete = bench.push()
    assert (incomplete.state, incomplete.refused, incomplete.pending) == ("incomplete", 1, 1)
    assert incomplete.remarks == ("step 'test_1' was not published: no such title",)
    assert outcomes(bench.atlas.runs()[0]) == [outcome for outcome in WHOLE if outcome[0] != "test_1"]
    assert bench.push().state == "done", "each push tries once more"
    assert_once(bench)


def test_the_steps_of_a_rejected_card_are_skipped(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.fail(CreateCard, status(422, "no"))
    incomplete = bench.push()
    assert (incomplete.state, incomplete.refused, incomplete.pending) == ("incomplete", 1, 6)
    assert bench.push().state == "done"
    assert_once(bench)


def test_an_outcome_is_published_without_its_rejected_text(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.push()
    bench.forget()
    f.write_journal(bench.session, *f.fails("test_1", "a message that Atlas hates"))
    bench.atlas.fail_when(lambda op: isinstance(op, UpdateStep) and op.description is not None, status(422, "bad words"))
    incomplete = bench.push()
    assert incomplete.remarks == ("text of the step 'test_1' was not published: bad words",)
    (run,) = bench.atlas.runs()
    assert outcomes(run)[1] == ("test_1", "failed")
    assert "hates" not in run.test_cards[0].test_steps[1].description
    assert bench.push().state == "done"
    assert "hates" in bench.atlas.runs()[0].test_cards[0].test_steps[1].description


def test_a_deleted_card_is_named_and_the_rest_is_published(bench: Bench) -> None:
    events = whole()
    f.write_journal(bench.session, *events[:4])
    bench.push()
    (run,) = bench.atlas.runs()
    bench.atlas.local.send(DeleteCard(run_id=run.uuid, card_id=run.test_cards[0].uuid))
    f.write_journal(bench.session, *events[4:])
    incomplete = bench.push()
    assert (incomplete.state, incomplete.refused) == ("incomplete", 6)
    assert f"card '{f.MODULE}' was not published: deleted in Atlas" in incomplete.remarks
    assert "5 tests" in bench.atlas.runs()[0].description


def test_a_deleted_step_is_named_and_the_rest_is_published(bench: Bench) -> None:
    events = whole()
    f.write_journal(bench.session, *events[:4])
    bench.push()
    (run,) = bench.atlas.runs()
    card, step = run.test_cards[0], run.test_cards[0].test_steps[0]
    bench.atlas.local.send(DeleteStep(run_id=run.uuid, card_id=card.uuid, step_id=step.uuid))
    f.write_journal(bench.session, *events[4:])
    incomplete = bench.push()
    assert incomplete.remarks == ("step 'test_0' was not published: deleted in Atlas",)
    assert outcomes(bench.atlas.runs()[0]) == WHOLE[1:]


def test_a_deleted_run_stops_the_publisher_with_one_line(bench: Bench) -> None:
    f.write_journal(bench.session, *whole()[:4])
    bench.push()
    from pytest_atlas.atlas.operations import DeleteRun

    bench.atlas.local.send(DeleteRun(run_id=bench.atlas.runs()[0].uuid))
    f.write_journal(bench.session, *whole()[4:])
    stopped = bench.push()
    assert stopped.state == "stopped"
    assert "404" in stopped.problem


def test_an_atlas_that_never_responds_is_given_up_after_the_timeout(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.atlas.fail(ListRuns, unreachable, times=1000)
    stopped = bench.push(patience_s=0.3)
    assert (stopped.state, stopped.answered) == ("stopped", False)
    assert "connection refused" in stopped.problem


def test_the_number_of_requests_in_flight_is_limited(bench: Bench) -> None:
    names = [f"test_{n}" for n in range(200)]
    f.write_journal(bench.session, f.opened(), f.session(), *f.plan(*names), f.finish())
    bench.push()
    assert 2 <= bench.atlas.most_under_way <= 32


@pytest.mark.parametrize("fault", [unreachable, status(429), status(503), no_answer])
def test_all_requests_in_flight_can_fail_at_once(bench: Bench, fault: Any) -> None:
    names = [f"test_{n}" for n in range(100)]
    f.write_journal(bench.session, f.opened(), f.session(), *f.plan(*names), f.finish())
    bench.atlas.fail(CreateStep, fault, times=32)
    assert bench.push(patience_s=10).state == "done"
    assert [title for title, _ in outcomes(bench.atlas.runs()[0])] == names


def test_unreadable_lines_are_counted_and_the_rest_is_published(bench: Bench) -> None:
    events = whole()
    f.write_journal(bench.session, *events[:6])
    with (bench.session / f.SERIAL).open("ab") as file:
        file.write(b'{"e": "end", "nodeid": 7}\n\x00\xff not json\n')
    f.write_journal(bench.session, *events[6:])
    with (bench.session / f.SERIAL).open("ab") as file:
        file.write(b'{"e": "end", "node')
    done = bench.push()
    assert done.state == "done"
    assert done.remarks == ("3 lines of the journal could not be read; their content is missing",)
    assert_once(bench)


def test_only_one_publisher_works_on_a_session_and_target(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    holder = Receipts(bench.session / "receipts-test.jsonl", target="test", atlas="x")
    with pytest.raises(AlreadyPublishing, match=r"process \d+ on .* is publishing this session"):
        bench.push()
    holder.close()
    assert bench.push().state == "done"


def test_a_journal_of_a_newer_version_is_not_published(bench: Bench) -> None:
    f.write_journal(bench.session, replace(f.opened(), version=99), *whole()[1:])
    stopped = bench.push()
    assert "newer pytest-atlas" in stopped.problem
    assert bench.atlas.runs() == []


def test_an_intent_is_on_the_disk_before_its_create_is_sent(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    receipts = bench.session / "receipts-test.jsonl"
    unannounced: list[str] = []

    def look(op: Operation[Any]) -> bool:
        if isinstance(op, CreateStep) and f'"intent","key":"test:{f.nodeid(op.title)}#0"' not in receipts.read_text():
            unannounced.append(op.title)
        return False

    bench.atlas.fail_when(look, unreachable)
    assert bench.push().state == "done"
    assert unannounced == []
    assert rc.Intended(key="k").r == "intent"


def test_a_search_in_many_runs_continues_after_a_failure(bench: Bench) -> None:
    f.write_journal(bench.session, *whole())
    bench.push()
    bench.forget()
    for n in range(40):
        bench.atlas.local.send(CreateRun(title=f"Acceptance {n}", system_id=UUID(f.SYSTEM)))
    before = bench.atlas.count(GetRun)
    runs = {run.uuid for run in bench.atlas.runs() if not run.test_cards}
    bench.atlas.fail_when(lambda op: isinstance(op, GetRun) and str(op.run_id) in runs, status(503))
    ours = next(item for item in bench.atlas.local.send(ListRuns()).items if item.card_count)
    bench.atlas.local.send(UpdateRun(run_id=UUID(ours.uuid), title="Renamed by a person"))
    assert bench.push().state == "done"
    assert len(bench.atlas.runs()) == 41
    assert bench.atlas.count(GetRun) - before <= 41 + 2, "each was read once, the one that failed and our own once more"
    assert bench.atlas.most_under_way > 1
