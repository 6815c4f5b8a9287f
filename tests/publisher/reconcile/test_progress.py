"""The progress of a session, computed from its events and receipts, as in a push."""

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import no_answer, status

from pytest_atlas.atlas.operations import CreateCard, CreateStep
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.events import Event
from pytest_atlas.publisher.receipts import read_observed
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.publisher.reconcile.progress import Progress, progress_of
from pytest_atlas.session.state import SessionState

EVENTS: list[Event] = [f.opened(), f.session(), *f.plan("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b")]


def of(bench: Bench, *more: Event) -> Progress:
    (receipts,) = bench.session.glob("receipts-*.jsonl")
    return progress_of(f.fold(*EVENTS, f.finish(1), *more, gone=True), read_observed(receipts))


def test_without_receipts_nothing_is_published() -> None:
    never = progress_of(f.fold(*EVENTS), Observed())
    assert (never.total, never.pending, never.is_complete) == (4, 4, False)  # the run, a card, two steps
    assert str(never) == "not published"


def test_after_a_push_everything_is_published(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, f.finish(1))
    bench.push()
    assert (of(bench).published, of(bench).is_complete, of(bench).run_ref) == (4, True, "TR-0001")
    assert str(of(bench)) == "published"


def test_events_after_the_push_are_pending(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, f.finish(1))
    bench.push()
    changed = of(bench, f.started("test_c"), f.ended("test_c"))
    assert str(changed) == "2 of 5 pending"  # the new step, and the run with its run summary
    assert not changed.is_complete


def test_rejected_entities_are_counted_separately(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, f.finish(1))
    bench.atlas.fail(CreateStep, status(422, "no such title"))
    bench.push()
    assert str(of(bench)) == "1 rejected"
    assert not of(bench).is_complete


def test_entities_below_a_rejected_one_are_pending(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, f.finish(1))
    bench.atlas.fail(CreateCard, status(422, "no such title"))
    bench.push()
    assert str(of(bench)) == "2 of 4 pending, 1 rejected"


def test_unconfirmed_requests_require_another_read_of_the_run(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, f.finish(1))
    bench.push()
    (receipts,) = bench.session.glob("receipts-*.jsonl")
    with receipts.open("a") as file:
        file.write('{"r":"doubt","key":"run"}\n')
    assert str(of(bench)) == "unconfirmed requests to be checked"
    assert not of(bench).is_complete


def test_an_unconfirmed_create_is_pending(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, f.finish(1))
    bench.atlas.fail(CreateStep, no_answer, times=100)
    bench.push(patience_s=0.0)
    assert not of(bench).is_complete


@pytest.mark.parametrize("state", [SessionState(), f.fold(f.opened(), f.session(), f.finish(5), gone=True)])
def test_a_session_that_collected_nothing_is_complete(state: SessionState) -> None:
    nothing = progress_of(state, Observed())
    assert nothing.is_complete
    assert str(nothing) == "nothing to publish"


LOG = ev.FileKept(nodeid=f.nodeid("test_b"), name="bus.blf", path="files/bus.blf", size=3, at=f.BEGIN)


def with_file(bench: Bench, *, files_stay: bool | None = None) -> Progress:
    (receipts,) = bench.session.glob("receipts-*.jsonl")
    state = f.fold(*EVENTS, LOG, f.finish(1), gone=True)
    return progress_of(state, read_observed(receipts), files_stay=files_stay)


def test_files_without_a_storage_are_not_pending(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, LOG, f.finish(1))
    bench.push()
    assert str(with_file(bench)) == "published, 1 data file not uploaded"
    assert with_file(bench).is_complete
    assert with_file(bench, files_stay=True).is_complete


def test_files_with_a_storage_are_pending(bench: Bench) -> None:
    f.write_journal(bench.session, *EVENTS, LOG, f.finish(1))
    bench.push()
    assert str(with_file(bench, files_stay=False)) == "2 of 5 pending"  # the run description named the file, too


def test_each_atlas_can_have_another_chosen_run(bench: Bench) -> None:
    state = f.fold(f.opened(), f.session(run="TR-0042", key="job-7"), *f.plan("test_a"))
    for chosen, expected in (("", ("", "s1")), ("TR-0001", ("TR-0001", "job-7")), (None, ("TR-0042", "job-7"))):
        observed = Observed([rc.RunChosen(run=chosen)] if chosen is not None else [])
        published = state.for_target(observed.choice, files_stay=False)
        assert published.session
        assert (published.session.run, published.session.key) == expected
        progress_of(state, observed)
        assert state.session
        assert state.session.run == "TR-0042", "the argument is not changed"
