"""The result in a step description, line by line: failures, skips, measurements, notes. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from pytest_atlas.descriptions import (
    NO_RESULT,
    Failure,
    render_died,
    render_expected_failure,
    render_failed_subtests,
    render_failure,
    render_note,
    render_skip,
    render_unknown_outcome,
    render_workers,
)
from pytest_atlas.journal import events as ev

from .history import History
from .inner_steps import is_replaced
from .measured import Repeated, without_repetitions
from .measurement_texts import measurement_line, repeated_line
from .model import MAX_FAILURES, Execution, InnerStep, Test, subtest_title
from .state import SessionState

MAX_REPORTS = 40
"""Maximum number of phases of one execution that are shown: the oldest and the newest ones of a test with many reruns."""


def of_test(state: SessionState, test: Test, history: History) -> Iterator[str]:
    """Yield the lines of the result of a test."""
    yield from _workers(test, history)
    counting = {id(attempt.execution) for attempt in history.valid}
    for execution, offset in _shown(test, history):
        if state.has_died(test, execution):
            yield render_died(execution.worker)
        yield from _phases(execution.reported.phases, offset)
        if failed := [subtest_title(s) for s in execution.reported.subtests if s.outcome == "failed"]:
            yield render_failed_subtests(failed)
        if id(execution) in counting or not counting:  # a replaced execution has no values that count
            yield from _recorded(execution, step=0)
    if any(attempt.result == "unreported" for attempt in history.valid):
        yield NO_RESULT
    for attempts in history.per_execution:
        if not attempts.is_as_expected:  # otherwise they are in the exception note
            yield from (render_note(note, is_exception=True) for note in attempts.notes)


def of_inner(state: SessionState, inner: InnerStep, reports: Iterable[ev.SubtestReported]) -> Iterator[str]:
    """Yield the lines of the result of an inner step. `reports`: of the last attempt in each execution."""
    for report in reports:
        if report.outcome == "failed" and report.message:
            yield render_failure(Failure(report.message, report.place))
        elif report.outcome == "skipped":
            yield render_skip(report.message)
        elif report.outcome == "unknown":
            yield render_unknown_outcome(report.reported, report.message, report.place)
    counting = [execution for execution in inner.executions if not is_replaced(state, inner, execution)]
    for execution in counting or inner.executions:
        if inner.test.last_in(execution.source) is execution:
            yield from _recorded(execution, step=inner.ordinal)


def _workers(test: Test, history: History) -> Iterator[str]:
    """Yield one line with the result of each worker if several workers executed the test."""
    if len({execution.source for execution in test.executions}) > 1:
        results = {id(attempt.execution): (attempt.execution.worker, attempt.result) for attempt in history.attempts}
        yield render_workers(dict.fromkeys(results.values()))


def _shown(test: Test, history: History) -> Iterator[tuple[Execution, int]]:
    """Yield the last execution in each process and the first failed ones, each with the number of attempts before it."""
    before: Counter[str] = Counter()
    failures = 0
    failed = {id(attempt.execution) for attempt in history.attempts if attempt.result == "failed"}
    for execution in dict.fromkeys(attempt.execution for attempt in history.attempts):
        is_last = test.last_in(execution.source) is execution
        if is_last or (id(execution) in failed and failures < MAX_FAILURES):
            failures += not is_last
            yield execution, before[execution.source] + test.counted(before=execution.started, source=execution.source)
        before[execution.source] += execution.reported.attempts


def _phases(reports: list[ev.PhaseReported], offset: int) -> Iterator[str]:
    """Yield the phases that did not pass. `offset`: number of attempts before this execution."""
    if len(reports) > MAX_REPORTS:
        reports = [*reports[: MAX_REPORTS // 2], *reports[-MAX_REPORTS // 2 :]]
    for report in reports:
        number = offset + report.attempt
        attempt = number if report.outcome == "rerun" or number > 1 else 0
        if report.outcome in ("failed", "rerun"):
            yield render_failure(Failure(report.message, report.place, report.when, attempt))
        elif report.outcome == "unknown":
            yield render_unknown_outcome(report.reported, report.message, report.place, phase=report.when, attempt=attempt)
        elif report.xfail is None and report.outcome == "skipped":
            yield render_skip(report.message, report.place)
        elif report.xfail is not None and report.message:
            yield render_expected_failure(report.message, report.place)


def _recorded(execution: Execution, step: int) -> Iterator[str]:
    """Yield measurements and notes of the last attempt, of an inner step or outside of inner steps (0)."""
    reported = execution.reported
    if reported.inside is None:
        return
    recorded = reported.inside.recorded.get((reported.attempts, step), [])
    for one in without_repetitions(recorded):
        if isinstance(one, ev.Measured):
            yield measurement_line(one)
        elif isinstance(one, Repeated):
            yield repeated_line(one)
    yield from (render_note(n.text) for n in recorded if isinstance(n, ev.Noted) and n.kind == "note")
