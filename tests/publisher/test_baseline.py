"""The previous run of the same job: its selection, and that the search has no effect on the session."""

import asyncio

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import no_answer, status, unreachable

from pytest_atlas.atlas.operations import GetRun, ListRuns
from pytest_atlas.journal import baseline as stored
from pytest_atlas.journal import events as ev
from pytest_atlas.publisher import baseline

JOB = "ci.example/bench nightly"
OTHER_SYSTEM = "00000000-0000-4000-8000-000000000007"


def record(bench: Bench, name: str, *events: ev.Event, **given: object) -> str:
    """Record a session of the job, publish it, and return the reference of its run."""
    bench.session = bench.session.with_name(name)
    started = f.session(**{"session": name, "key": name, "job": JOB, "summary": True, **given})
    f.write_journal(bench.session, f.opened(), started, *events, f.finish())
    done = bench.push()
    assert (done.state, done.problem) == ("done", "")
    return done.run_ref


def found(bench: Bench) -> stored.Baseline | None:
    return stored.read(bench.session, "test")


ONE = (*f.plan("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b"))


def test_the_first_run_of_a_job_has_no_baseline(bench: Bench) -> None:
    record(bench, "s1", *ONE)
    assert found(bench) is None


def test_the_last_run_of_the_job_is_found_with_its_statuses(bench: Bench) -> None:
    record(bench, "s1", *f.plan("test_a"), *f.passes("test_a"))
    ref = record(bench, "s2", *ONE, title="Nightly")
    record(bench, "s3", *ONE)
    last = found(bench)
    assert last is not None
    assert (last.run_ref, last.title) == (ref, "Nightly")
    assert last.statuses == {f"pytest: {f.nodeid('test_a')}": ["passed"], f"pytest: {f.nodeid('test_b')}": ["failed"]}


@pytest.mark.parametrize(
    "other", [{"job": f"{JOB} 2"}, {"job": ""}, {"system_id": OTHER_SYSTEM}], ids=["job", "none", "system"]
)
def test_a_run_of_another_job_or_system_is_not_the_baseline(bench: Bench, other: dict[str, object]) -> None:
    ref = record(bench, "s1", *ONE)
    record(bench, "s2", *ONE, **other)
    record(bench, "s3", *ONE)
    last = found(bench)
    assert last
    assert last.run_ref == ref


def test_a_run_without_executed_tests_is_not_the_baseline(bench: Bench) -> None:
    ref = record(bench, "s1", *ONE)
    record(bench, "s2", *f.plan("test_a"))
    record(bench, "s3", *ONE)
    last = found(bench)
    assert last
    assert last.run_ref == ref


def test_a_run_with_other_tests_is_not_the_baseline(bench: Bench) -> None:
    ref = record(bench, "s1", *ONE)
    record(bench, "s2", *f.plan("test_c", module="unit/test_c.py"), *f.passes("test_c"))
    record(bench, "s3", *ONE)
    last = found(bench)
    assert last
    assert last.run_ref == ref


def test_a_job_name_of_several_lines_is_found_as_one_line(bench: Bench) -> None:
    ref = record(bench, "s1", *ONE, job="nightly\nbench 7")
    record(bench, "s2", *ONE, job="nightly bench  7")
    last = found(bench)
    assert last
    assert last.run_ref == ref


def test_steps_with_equal_identity_lines_are_distinguished_by_order(bench: Bench) -> None:
    twins = tuple(ev.PlannedTest(f.nodeid("test_a"), "test_a", 0, occurrence=number) for number in (0, 1))
    plan = ev.Planned(cards=(ev.PlannedCard("module", f.MODULE),), tests=twins), ev.PlanCompleted(at=f.BEGIN, count=2)
    second = [ev.TestStarted(nodeid=f.nodeid("test_a"), occurrence=1, at=f.BEGIN)]
    record(bench, "s1", *plan, *f.passes("test_a"), *second)
    record(bench, "s2", *ONE)
    last = found(bench)
    assert last
    assert last.statuses == {f"pytest: {f.nodeid('test_a')}": ["passed", "todo"]}


@pytest.mark.parametrize("given", [{"summary": False}, {"job": ""}], ids=["no summary", "no job"])
def test_without_a_comparison_no_baseline_is_searched(bench: Bench, given: dict[str, object]) -> None:
    record(bench, "s1", *ONE)
    bench.atlas.sent.clear()
    record(bench, "s2", *ONE, **given)
    assert found(bench) is None
    assert bench.atlas.count(ListRuns) == 1  # the search for the run of the session


def test_a_session_published_again_is_compared_with_the_same_earlier_run(bench: Bench) -> None:
    ref = record(bench, "s1", *ONE)
    record(bench, "s2", *ONE)
    bench.forget()
    stored.path(bench.session, "test").unlink()
    assert bench.push().state == "done"
    last = found(bench)
    assert last
    assert last.run_ref == ref
    assert len(bench.atlas.runs()) == 2


@pytest.mark.parametrize("fault", [unreachable, no_answer, status(500), status(403), status(404)])
def test_a_failed_search_is_retried_once_and_has_no_other_effect(bench: Bench, fault: object) -> None:
    ref = record(bench, "s1", *ONE)
    bench.session = bench.session.with_name("s2")
    started = f.session(session="s2", key="s2", job=JOB, summary=True)
    f.write_journal(bench.session, f.opened(), started, *ONE, f.finish())
    bench.push()
    stored.path(bench.session, "test").unlink()
    bench.atlas.fail(ListRuns, fault)  # type: ignore[arg-type]
    assert bench.push().state == "done"
    last = found(bench)
    assert last
    assert last.run_ref == ref
    stored.path(bench.session, "test").unlink()
    bench.atlas.fail(ListRuns, fault, times=2)  # type: ignore[arg-type]
    assert bench.push().state == "done"
    assert found(bench) is None


def test_no_more_runs_are_read_than_allowed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MOST_RUNS", 3)
    record(bench, "s1", *ONE)
    for number in range(2, 6):
        record(bench, f"s{number}", *ONE, job="another", summary=False)
    bench.atlas.sent.clear()
    find = baseline.find(bench.atlas, system_id=f.SYSTEM, job=JOB, own="")
    assert asyncio.run(find) is None
    assert bench.atlas.count(GetRun) == 3


def test_a_search_has_a_timeout(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "LATE_S", 0.01)

    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(baseline, "find", never)
    record(bench, "s1", *ONE)
    assert found(bench) is None


def test_an_internal_error_in_the_search_does_not_affect_publishing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "find", None)
    record(bench, "s1", *ONE)
    assert found(bench) is None


def test_a_run_that_is_deleted_meanwhile_is_skipped(bench: Bench) -> None:
    ref = record(bench, "s1", *ONE)
    record(bench, "s2", *ONE)
    bench.atlas.fail(GetRun, status(404))
    last = asyncio.run(baseline.find(bench.atlas, system_id=f.SYSTEM, job=JOB, own=""))
    assert last
    assert last.run_ref == ref


NONE = {
    "empty": "",
    "torn": "{",
    "a list": "[]",
    "no statuses": '{"statuses": 3}',
    "other statuses": '{"statuses": {"a": 3}, "run_id": ""}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_an_invalid_file_is_ignored(bench: Bench, text: str) -> None:
    bench.session.mkdir(parents=True)
    stored.path(bench.session, "test").write_text(text)
    assert stored.read(bench.session, "test") is None
