"""The report at the end: requested at most once, polled until it ends, and reported."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import no_answer, status, unreachable

from pytest_atlas.atlas import Report
from pytest_atlas.atlas.operations import CreateCard, CreateReport, CreateRun, CreateStep, GetReport, ListReports, Operation
from pytest_atlas.publisher.reports import LOST


def write(bench: Bench, scope: str, context: str = "") -> None:
    session = f.session(report=scope, report_context=context)
    tests = [*f.fails("test_a"), *f.passes("test_b")]
    f.write_journal(bench.session, f.opened(), session, *f.plan("test_a", "test_b"), *tests, f.finish(1))


def reports(bench: Bench) -> list[Report]:
    (run,) = bench.atlas.runs()
    return bench.atlas.local.send(ListReports(run_id=run.uuid)).items


@pytest.mark.parametrize("scope", ["run", "card", "step"])
def test_a_report_is_of_the_run_or_of_failed_entities(bench: Bench, scope: str) -> None:
    write(bench, scope, "mind the rail")
    done = bench.push()
    assert done.state == "done"
    (report,) = reports(bench)
    assert (report.scope, report.status) == (scope, "completed")
    (asked,) = [op for op in bench.atlas.sent if isinstance(op, CreateReport)]
    card = bench.atlas.runs()[0].test_cards[0]
    assert asked.analysis_context == "mind the rail"
    assert str(asked.test_card_id) == (card.uuid if scope != "run" else "None")
    assert str(asked.test_step_id) == (card.test_steps[0].uuid if scope == "step" else "None")
    assert len(done.reports) == 1
    assert f"report {report.title!r}: completed" in done.reports[0]


def test_a_report_is_requested_after_all_else_is_published(bench: Bench) -> None:
    write(bench, "run")
    bench.push()
    kinds = [type(op) for op in bench.atlas.sent]
    others = [n for n, kind in enumerate(kinds) if kind not in (CreateReport, GetReport, ListReports)]
    assert kinds.index(CreateReport) > others[-1]


def test_a_second_push_requests_no_report(bench: Bench) -> None:
    write(bench, "run")
    bench.push()
    assert bench.push().state == "done"
    assert len(reports(bench)) == 1


@pytest.mark.parametrize("scope", ["run", "card"])
def test_without_receipts_the_report_is_found(bench: Bench, scope: str) -> None:
    write(bench, scope)
    bench.push()
    bench.forget()
    assert bench.push().state == "done"
    assert len(reports(bench)) == 1


@pytest.mark.parametrize("scope", ["run", "step"])
def test_an_unconfirmed_report_is_adopted_and_not_requested_again(bench: Bench, scope: str) -> None:
    write(bench, scope)
    bench.atlas.fail(CreateReport, no_answer, takes_effect=True)
    assert bench.push().state == "done"
    assert bench.atlas.count(CreateReport) == 1
    assert len(reports(bench)) == 1


def test_a_lost_report_is_named_and_not_requested_again(bench: Bench) -> None:
    write(bench, "run")
    bench.atlas.fail(CreateReport, no_answer)
    incomplete = bench.push()
    assert incomplete.remarks == (f"no report: {LOST}",)
    assert bench.push().remarks == incomplete.remarks
    assert bench.atlas.count(CreateReport) == 1
    assert incomplete.in_place == incomplete.total, "the record itself is whole"


def test_a_report_that_appears_later_is_adopted_by_the_next_push(bench: Bench) -> None:
    write(bench, "run")
    bench.atlas.delay(CreateReport)
    assert bench.push().state == "incomplete"
    bench.atlas.release()
    assert bench.push().state == "done"
    assert (bench.atlas.count(CreateReport), len(reports(bench))) == (1, 1)


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_lookup_adopts_only_a_report_that_was_not_listed_before_the_request(bench: Bench, takes_effect: bool) -> None:
    """The run of a CI job has a report of its first attempt."""
    earlier = "pytest-atlas: job-7"
    made = bench.atlas.local.send(CreateRun(title="Acceptance", system_id=UUID(f.SYSTEM), description=earlier))
    old = bench.atlas.local.send(CreateReport(run_id=UUID(made.uuid), scope="run"))
    session = f.session(report="run", key="job-7", run="auto")
    f.write_journal(bench.session, f.opened(), session, *f.plan("test_a"), *f.passes("test_a"), f.finish())
    bench.atlas.fail(CreateReport, no_answer, takes_effect=takes_effect)
    status = bench.push()
    assert status.state == ("done" if takes_effect else "incomplete")
    new = [report for report in reports(bench) if report.uuid != old.uuid]
    assert len(new) == takes_effect
    assert (f"no report: {LOST}" in status.remarks) != takes_effect
    bench.push()
    assert bench.atlas.count(CreateReport) == 1


def test_a_rejected_lookup_does_not_request_the_report_again(bench: Bench) -> None:
    write(bench, "run")
    bench.atlas.fail(CreateReport, no_answer, takes_effect=True)
    lists = iter([False, True])
    bench.atlas.fail_when(lambda op: isinstance(op, ListReports) and next(lists, False), status(422, "no list"))
    assert bench.push().remarks == ("no report: no list",)
    assert bench.push().state == "done"
    assert (bench.atlas.count(CreateReport), len(reports(bench))) == (1, 1)


def test_transient_failures_are_retried(bench: Bench) -> None:
    write(bench, "run")
    bench.atlas.fail(CreateReport, unreachable)
    bench.atlas.fail(GetReport, status(503))
    assert bench.push().state == "done"
    assert len(reports(bench)) == 1


def test_a_rejected_report_is_named(bench: Bench) -> None:
    write(bench, "run")
    bench.atlas.fail(CreateReport, status(422, "no quota"))
    incomplete = bench.push()
    assert (incomplete.state, incomplete.remarks) == ("incomplete", ("no report: no quota",))


def test_a_report_is_polled_until_it_ends(bench: Bench) -> None:
    write(bench, "run")
    answers = iter(["pending", "running"])

    class Slow:
        async def send(self, op: Operation[Any], /) -> Any:
            answer = await bench.atlas.send(op)
            later = next(answers, None) if isinstance(op, CreateReport | GetReport) else None
            return answer.model_copy(update={"status": later}) if later else answer

    bench.target = type(bench.target)(name="test", label="x", limit=32, atlas=Slow())
    assert bench.push().state == "done"
    assert bench.atlas.count(GetReport) == 2


class OtherIds:
    """Responds with an id that is not a UUID to requests of one kind, and lists the reports with it."""

    def __init__(self, bench: Bench, kind: type[Operation[Any]]) -> None:
        self._atlas = bench.atlas
        self._kind = kind

    async def send(self, op: Operation[Any], /) -> Any:
        answer = await self._atlas.send(op)
        if isinstance(op, self._kind):
            return answer.model_copy(update={"uuid": "id-7", **({"status": "pending"} if isinstance(answer, Report) else {})})
        if isinstance(op, ListReports) and self._kind is CreateReport:
            return answer.model_copy(update={"items": [item.model_copy(update={"uuid": "id-7"}) for item in answer.items]})
        return answer


def test_a_report_whose_id_is_not_a_uuid_is_reported_and_not_requested_again(bench: Bench) -> None:
    write(bench, "run")
    bench.target = replace(bench.target, atlas=OtherIds(bench, CreateReport))
    for _ in range(2):
        status = bench.push()
        assert (status.state, status.problem) == ("incomplete", "")
        assert status.remarks == ("no report: its id 'id-7' is not a UUID, so it can't be read. Open it in Atlas",)
        assert status.in_place == status.total
    assert (bench.atlas.count(CreateReport), bench.atlas.count(GetReport)) == (1, 0)


@pytest.mark.parametrize("kind", [CreateCard, CreateStep])
def test_an_entity_whose_id_is_not_a_uuid_does_not_end_the_publisher(bench: Bench, kind: type[Operation[Any]]) -> None:
    write(bench, "step")
    bench.target = replace(bench.target, atlas=OtherIds(bench, kind))
    status = bench.push()
    assert (status.state, status.problem) == ("incomplete", "")
    assert any("Input should be a UUID" in remark for remark in status.remarks)


def test_a_run_whose_id_is_not_a_uuid_stops_the_publisher_with_a_message(bench: Bench) -> None:
    write(bench, "run")
    bench.target = replace(bench.target, atlas=OtherIds(bench, CreateRun))
    status = bench.push()
    assert status.state == "stopped"
    assert status.problem == "Atlas created the run with the id 'id-7', which is not a UUID: nothing can be sent to it"
