"""A push of a session that can still run: running tests do not count as died."""

import asyncio

from tests.publisher.conftest import Bench
from tests.support import events as f

from pytest_atlas.atlas.operations import CreateReport
from pytest_atlas.journal.status import Status
from pytest_atlas.publisher.publish import publish

BEGUN = [f.opened(), f.session(), *f.plan("test_a", "test_b"), *f.passes("test_a"), f.started("test_b")]


def push(bench: Bench, *, pytest_may_run: bool) -> Status:
    way = publish(bench.session, bench.target, started_by_pytest=False, pytest_may_run=pytest_may_run, patience_s=30)
    return asyncio.run(way)


def shown(bench: Bench) -> tuple[list[str], str]:
    (run,) = bench.atlas.runs()
    return [step.execution_status for card in run.test_cards for step in card.test_steps], run.description


def test_the_present_state_of_a_running_session_is_published(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    assert push(bench, pytest_may_run=True).state == "done"
    statuses, description = shown(bench)
    assert statuses == ["passed", "todo"]
    assert "died" not in description


def test_the_rest_is_published_after_the_end(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    push(bench, pytest_may_run=True)
    f.write_journal(bench.session, f.ended("test_b"), f.finish())
    assert push(bench, pytest_may_run=False).state == "done"
    statuses, description = shown(bench)
    assert statuses == ["passed", "passed"]
    assert "2 tests: 2 passed" in description


def test_an_incomplete_last_line_does_not_count_as_unreadable(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    with (bench.session / f.SERIAL).open("a") as journal:
        journal.write('{"e":"end","nodeid":"tests/te')
    assert push(bench, pytest_may_run=True).remarks == ()
    assert push(bench, pytest_may_run=False).remarks != ()


def test_the_running_test_of_a_killed_pytest_has_died(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    push(bench, pytest_may_run=True)
    push(bench, pytest_may_run=False)
    assert shown(bench)[0] == ["passed", "failed"]


def test_a_report_is_not_requested_before_the_end_of_the_session(bench: Bench) -> None:
    f.write_journal(bench.session, f.opened(), f.session(report="run"), *BEGUN[2:])
    push(bench, pytest_may_run=True)
    assert bench.atlas.count(CreateReport) == 0, "it would be of half the data, and none is asked for twice"
    f.write_journal(bench.session, f.ended("test_b"), f.finish())
    push(bench, pytest_may_run=False)
    assert bench.atlas.count(CreateReport) == 1
