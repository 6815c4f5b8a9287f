"""The attempts of a step in one session, for the list at the end of its description (pytest_atlas.descriptions). Pure."""

from collections.abc import Iterable, Sequence

from pytest_atlas.descriptions import (
    NOT_EXECUTED,
    Attempt,
    AttemptOutcome,
    Attempts,
    MoreAttempts,
    decisive_line,
    limit_attempts,
)
from pytest_atlas.journal import events as ev

from . import history
from .attempts import subtest_result
from .inner_steps import inner_message
from .model import Execution, Test
from .state import SessionState


def of_test(state: SessionState, test: Test, history: history.History, status: str) -> Attempts | None:
    """Return the attempts of a test that have ended or have already failed; None if the test was not executed."""
    ended = [
        a
        for a in history.attempts
        if a.number < a.execution.reported.attempts or a.result == "failed" or state.end_of(test, a.execution) is not None
    ]
    attempts = ((a.execution, a.started, _outcome(a), a.message) for a in ended)
    return _listed(state, status, attempts, counted=test.counted())


def of_inner(
    state: SessionState, reported: Iterable[tuple[Execution, Sequence[ev.SubtestReported]]], status: str
) -> Attempts | None:
    """Return the attempts of an inner step. `reported`: each execution with one report for each attempt."""
    found: list[tuple[Execution, float, AttemptOutcome, str]] = []
    for execution, reports in reported:
        for report in reports:
            started = execution.started if report.started is None else report.started  # unittest's subtests have no times
            found.append((execution, started, subtest_result(report), inner_message(execution, report)))
    return _listed(state, status, found)


def of_collection(state: SessionState, event: ev.CollectionFailed) -> Attempts | None:
    """Return the only attempt of a module that could not be collected."""
    execution = Execution(state.first_source, "", event.at)
    return _listed(state, "failed", [(execution, event.at, "failed", decisive_line(event.message))])


def _outcome(attempt: history.Attempt) -> AttemptOutcome:
    return "died" if attempt.died else attempt.result


def _listed(
    state: SessionState, status: str, attempts: Iterable[tuple[Execution, float, AttemptOutcome, str]], *, counted: int = 0
) -> Attempts | None:
    """Return the list, or None if the status is `todo` and no attempt was executed.

    A skipped test has a list only if the skip gave it a status: the list contains the status that a person can change.
    `counted`: number of older attempts that passed.
    """
    assert state.session is not None
    found = [
        Attempt(int(at), state.place(execution), state.session.session, outcome, message)
        for execution, at, outcome, message in attempts
    ]
    if status == "todo" and all(attempt.outcome in NOT_EXECUTED for attempt in found):
        return None
    found.reverse()  # newest first, also of attempts that started in the same second
    more = [MoreAttempts((found[0].session,), (("passed", counted),))] if counted else []
    return limit_attempts(status, found, more)
