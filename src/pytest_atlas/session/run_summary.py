"""The run summary of a session and the results of its tests in words. Pure."""

from collections import Counter

from pytest_atlas.descriptions import EXIT_STATUS, RunSummary, first_line
from pytest_atlas.journal import events as ev

from .attempts import Result
from .history import history_of
from .measurement_texts import measurement_line
from .model import Test
from .outcomes import StepAttempts
from .state import SessionState

__all__ = ["EXIT_STATUS", "ORDER", "run_summary", "word"]

MAX_LATE = 20
"""Maximum number of lines with measurements and notes after the end of their tests."""

ORDER = (
    "passed",
    "failed",
    "died",
    "passed after a rerun",
    "xfailed",
    "xpassed",
    "skipped",
    "without a result",
    "with an unknown outcome",
    "not run",
)
"""The results in the order of the summary."""

_WEIGHT = (
    "not run",
    "skipped",
    "without a result",
    "with an unknown outcome",
    "passed",
    "xfailed",
    "xpassed",
    "passed after a rerun",
    "failed",
    "died",
)
"""Of the results in several executions, the last one in this order counts."""
_WORDS: dict[Result, str] = {"unfinished": "not run", "unreported": "without a result", "unknown": "with an unknown outcome"}


def run_summary(state: SessionState) -> RunSummary:
    """Return the run summary. It has no counts while the session runs, because they would change with each test."""
    is_over = state.gone or state.ended is not None
    session, ended = state.session, state.ended
    return RunSummary(
        counts=_counts(state) if is_over else None,
        started_at=int(session.at) if session else None,
        exit_status=ended.exit_status if ended else None,
        duration_s=ended.at - session.at if ended and session else None,
        lost=ended.lost if ended else 0,
        has_died=state.died,
        interrupted=state.interrupted.reason if state.interrupted and is_over else None,
        kept_files=len(state.files) if state.files_stay else 0,
        mismatches=tuple((event.nodeid, first_line(event.message)) for event in state.mismatches),
        late=tuple((event.nodeid, _text(event)) for event in state.late[:MAX_LATE]),
        more_late=max(len(state.late) - MAX_LATE, 0),
        job=session.job if session else "",
        environment=tuple(session.environment.items()) if session else (),
    )


def word(state: SessionState, test: Test) -> str:
    """Return the result of a test in words; of several executions, the most severe."""
    if state.session is None:  # its line is lost or unreadable, and with it the settings for outcomes
        return "not run"
    found = history_of(state, test)
    if any(attempt.died and not attempt.is_superseded for attempt in found.attempts):
        return "died"
    return max(map(_word, found.per_execution), key=_WEIGHT.index, default="not run")


def _counts(state: SessionState) -> tuple[tuple[str, int], ...]:
    counts = Counter(word(state, test) for test in state.tests())
    return tuple((result, counts[result]) for result in ORDER if counts[result])


def _text(event: ev.Measured | ev.Noted) -> str:
    return measurement_line(event) if isinstance(event, ev.Measured) else event.text


def _word(attempts: StepAttempts) -> str:
    if attempts.is_counted:
        return "failed"
    if attempts.last == "passed" and attempts.was_flaky:
        return "passed after a rerun"
    return _WORDS.get(attempts.last, attempts.last)
