"""The attempts of a step in one session, for the list at the end of its description (pytest_atlas.descriptions). Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pytest_atlas.descriptions import (
    FAILURES,
    MAX_ATTEMPTS,
    NOT_EXECUTED,
    Attempt,
    AttemptOutcome,
    Attempts,
    MoreAttempts,
    decisive_line,
    limit_attempts,
    session_id,
)
from pytest_atlas.journal import events as ev

from . import history
from .attempts import subtest_result
from .inner_steps import inner_message
from .model import Execution, Test
from .state import SessionState

_Attempt = tuple[Execution, float, AttemptOutcome, str]
"""Execution, start in Unix seconds, outcome, message."""


def of_test(state: SessionState, test: Test, history: history.History, status: str) -> Attempts | None:
    """Return the attempts of a test that have ended or have already failed; None if the test was not executed."""
    ended = [
        a
        for a in history.attempts
        if a.number < a.execution.reported.attempts or a.result == "failed" or state.end_of(test, a.execution) is not None
    ]
    attempts = ((a.execution, a.started, _outcome(a), a.message) for a in ended)
    counted: dict[AttemptOutcome, int] = {"passed": test.counted() - test.counted_failures, "failed": test.counted_failures}
    return _listed(state, status, attempts, counted)


def of_inner(
    state: SessionState, reported: Iterable[tuple[Execution, Sequence[ev.SubtestReported]]], status: str
) -> Attempts | None:
    """Return the attempts of an inner step. `reported`: each execution with one report for each attempt."""
    found: list[_Attempt] = []
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
    state: SessionState, status: str, attempts: Iterable[_Attempt], counted: Mapping[AttemptOutcome, int] | None = None
) -> Attempts | None:
    """Return the list, or None if the status is `todo` and no attempt was executed.

    A skipped test has a list only if the skip gave it a status: the list contains the status that a person can change.
    `counted`: numbers of older attempts.
    """
    assert state.session is not None
    session = state.session.session
    found = list(attempts)
    if status == "todo" and all(outcome in NOT_EXECUTED for _, _, outcome, _ in found):
        return None
    found.reverse()  # newest first, also of attempts that started in the same second
    found.sort(key=lambda attempt: int(attempt[1]), reverse=True)
    listed, others = _split(found)
    counts = Counter(outcome for _, _, outcome, _ in others)
    counts.update(counted or {})
    more = [MoreAttempts((session_id(session),), tuple((o, n) for o, n in counts.items() if n))] if counts.total() else []
    shown = [Attempt(int(at), state.place(execution), session, outcome, message) for execution, at, outcome, message in listed]
    return limit_attempts(status, shown, more)


def _split(found: list[_Attempt]) -> tuple[list[_Attempt], list[_Attempt]]:
    """Return the attempts that can be listed (the newest and the first failure), and the others, which are only counted."""
    newest, others = found[:MAX_ATTEMPTS], found[MAX_ATTEMPTS:]
    first = next((n for n in reversed(range(len(others))) if others[n][2] in FAILURES), None)
    return (newest, others) if first is None else ([*newest, others[first]], [*others[:first], *others[first + 1 :]])
