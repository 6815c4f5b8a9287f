"""A push of a session whose pytest may still run: what runs is not taken for dead."""

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


def test_while_pytest_runs_its_session_is_published_as_far_as_it_is(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    assert push(bench, pytest_may_run=True).state == "done"
    statuses, description = shown(bench)
    assert statuses == ["passed", "todo"]
    assert "died" not in description


def test_the_rest_follows_when_it_is_over(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    push(bench, pytest_may_run=True)
    f.write_journal(bench.session, f.ended("test_b"), f.finish())
    assert push(bench, pytest_may_run=False).state == "done"
    statuses, description = shown(bench)
    assert statuses == ["passed", "passed"]
    assert "2 tests: 2 passed" in description


def test_a_line_that_pytest_is_writing_is_no_unreadable_one(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    with (bench.session / f.SERIAL).open("a") as journal:
        journal.write('{"e":"end","nodeid":"tests/te')
    assert push(bench, pytest_may_run=True).remarks == ()
    assert push(bench, pytest_may_run=False).remarks != ()


def test_when_pytest_is_gone_its_running_test_has_died(bench: Bench) -> None:
    f.write_journal(bench.session, *BEGUN)
    push(bench, pytest_may_run=True)
    push(bench, pytest_may_run=False)
    assert shown(bench)[0] == ["passed", "failed"]


def test_a_report_is_not_asked_for_before_the_session_is_over(bench: Bench) -> None:
    f.write_journal(bench.session, f.opened(), f.session(report="run"), *BEGUN[2:])
    push(bench, pytest_may_run=True)
    assert bench.atlas.count(CreateReport) == 0, "it would be of half the data, and none is asked for twice"
    f.write_journal(bench.session, f.ended("test_b"), f.finish())
    push(bench, pytest_may_run=False)
    assert bench.atlas.count(CreateReport) == 1
