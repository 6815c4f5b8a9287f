"""The attempts of an inner step: a subtest, or a step that a test opened. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_atlas.descriptions import DIED, first_line
from pytest_atlas.journal import events as ev

from .attempts import subtest_result
from .history import failure_message, reason_of
from .model import Execution, InnerStep
from .outcomes import StepAttempts
from .state import SessionState


def inner_reports(state: SessionState, inner: InnerStep, execution: Execution) -> list[ev.SubtestReported]:
    """Return one report for each attempt of `inner` in an execution. An opened step gets a report like that of a subtest."""
    reports = execution.reported.subtests_at.get((inner.ordinal, inner.title), [])
    inside = execution.reported.inside
    if inside is None:
        return reports
    opened = inside.steps.get((inner.ordinal, inner.title), [])
    return [*reports, *(r for step in opened if (r := _step_report(state, inner, execution, step)))]


def inner_attempts(execution: Execution, reports: Sequence[ev.SubtestReported], *, skip_is_exception: bool) -> StepAttempts:
    """Return the attempts of an inner step in one execution. `reports`: one for each attempt."""
    last = reports[-1]
    failures = [inner_message(execution, report) for report in reports if report.outcome == "failed"]
    return StepAttempts(
        results=tuple(map(subtest_result, reports)),
        reason=reason_of(last) if last.xfail is not None or last.outcome == "skipped" else "",
        first_failure=failures[0] if failures else "",
        skip_is_exception=skip_is_exception,
    )


def is_replaced(state: SessionState, inner: InnerStep, execution: Execution) -> bool:
    """Return whether the worker of an execution crashed and a plugin ran the test again: the execution doesn't count."""
    return state.has_died(inner.test, execution) and state.is_replaced(inner.test, execution)


def inner_per_execution(
    state: SessionState, inner: InnerStep, reported: Iterable[tuple[Execution, Sequence[ev.SubtestReported]]]
) -> list[StepAttempts]:
    """Return the attempts of an inner step in each execution that counts. `reported`: see `attempt_list.of_inner`.

    The attempts of a replaced execution precede those of the next one. They count alone if the step did not run again.
    """
    assert state.session is not None
    found: list[StepAttempts] = []
    before = StepAttempts()
    for execution, reports in sorted(reported, key=lambda one: one[0].started):
        own = inner_attempts(execution, reports, skip_is_exception=state.session.skipped == "exception")
        results, failure = (*before.results, *own.results), before.first_failure or own.first_failure
        own = replace(own, results=results, first_failure=failure)
        if is_replaced(state, inner, execution):
            before = own
        else:
            found.append(own)
    return found or ([before] if before.results else [])


def inner_message(execution: Execution, report: ev.SubtestReported) -> str:
    """Return the decisive value or message of one attempt of an inner step, on one line."""
    if report.outcome != "failed":
        return first_line(report.message)
    inside = execution.reported.inside
    recorded = inside.recorded.get((report.attempt, report.ordinal), ()) if inside else ()
    return failure_message(report.message, [m for m in recorded if isinstance(m, ev.Measured) and m.verdict == "fail"])


def _step_report(state: SessionState, inner: InnerStep, execution: Execution, step: ev.StepOpened) -> ev.SubtestReported | None:
    """Return None for a step that was not closed, unless its process died."""
    assert execution.reported.inside is not None
    closed = execution.reported.inside.closed.get((step.attempt, step.ordinal))
    died = closed is None and state.has_died(inner.test, execution)
    if closed is None and not died:
        return None
    return ev.SubtestReported(
        nodeid=step.nodeid,
        occurrence=step.occurrence,
        attempt=step.attempt,
        ordinal=step.ordinal,
        title=step.title,
        outcome=closed.outcome if closed else "failed",
        message=closed.message if closed else DIED,
        started=step.at,
        ended=closed.at if closed else state.end_of(inner.test, execution),
    )
