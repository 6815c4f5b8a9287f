"""The attempts of a step in one session, for the list at the end of its description (pytest_atlas.descriptions). Pure."""

from collections.abc import Iterable, Sequence

from pytest_atlas.descriptions import NOT_EXECUTED, Attempt, AttemptOutcome, Attempts, MoreAttempts, limited
from pytest_atlas.journal import events as ev

from . import history
from .model import Execution, Test
from .state import SessionState
from .texts import first_line


def of_test(facts: SessionState, test: Test, history: history.History, status: str) -> Attempts | None:
    """The attempts of a test that are over or have failed already; None if it was not executed."""
    over = [
        a
        for a in history.attempts
        if a.number < a.execution.reported.attempts or a.result == "failed" or facts.end_of(test, a.execution) is not None
    ]
    tried = ((a.execution, a.started, _outcome(a), a.message) for a in over)
    return _listed(facts, status, tried, counted=test.counted())


def of_inner(
    facts: SessionState, seen: Iterable[tuple[Execution, Sequence[ev.SubtestReported]]], status: str
) -> Attempts | None:
    """The attempts of a step inside a test, as reported in each execution."""
    found: list[tuple[Execution, float, AttemptOutcome, str]] = []
    for execution, reports in seen:
        for report in reports:
            started = execution.started if report.started is None else report.started  # unittest's have no times
            found.append((execution, started, history.subtest_result(report), history.inner_message(execution, report)))
    return _listed(facts, status, found)


def of_collection(facts: SessionState, event: ev.CollectionFailed) -> Attempts | None:
    """The only attempt of a module that could not be collected."""
    nowhere = Execution(facts.first_source, "", event.at)
    return _listed(facts, "failed", [(nowhere, event.at, "failed", first_line(event.message))])


def _outcome(attempt: history.Attempt) -> AttemptOutcome:
    return "died" if attempt.died else attempt.result


def _listed(
    facts: SessionState, status: str, attempts: Iterable[tuple[Execution, float, AttemptOutcome, str]], *, counted: int = 0
) -> Attempts | None:
    """A test that was skipped has a list only if that gave it a status: the list has the status that a person can change.

    `counted`: the number of older attempts that passed.
    """
    assert facts.session is not None
    found = [
        Attempt(int(at), facts.place(execution), facts.session.session, outcome, message)
        for execution, at, outcome, message in attempts
    ]
    if status == "todo" and all(attempt.outcome in NOT_EXECUTED for attempt in found):
        return None
    found.reverse()  # newest first, also of those that began in the same second
    more = [MoreAttempts((found[0].session,), (("passed", counted),))] if counted else []
    return limited(status, found, more)
