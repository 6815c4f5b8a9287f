"""The findings that a job summary contains. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_atlas.analysis.comparison import Change, ChangeKind, compare
from pytest_atlas.analysis.failures import Failure, exceptions
from pytest_atlas.analysis.inputs import Step
from pytest_atlas.analysis.sources import failures_of_session, steps_of_session
from pytest_atlas.journal.baseline import Baseline
from pytest_atlas.journal.status import Status
from pytest_atlas.session import run_summary
from pytest_atlas.session.state import SessionState

FAILING: tuple[ChangeKind, ...] = ("newly failing", "failing for the first time", "still failing")
"""The order of failures in a job summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFindings:
    """All findings about a session."""

    state: SessionState
    counts: Counter[str]  # number of tests by outcome
    failures: tuple[Failure, ...]  # newly failing ones first
    exceptions: tuple[Step, ...]
    changes: tuple[Change, ...] | None  # None without an earlier run
    kinds: Mapping[str, ChangeKind]  # key of a step -> its change
    status: Status | None  # None without a publisher
    previous: Baseline | None
    pending: Sequence[str]
    is_running: bool

    def changed(self, kind: ChangeKind) -> list[Change]:
        """Return the changes of one kind."""
        return [change for change in self.changes or () if change.kind == kind]


def session_findings(
    state: SessionState,
    *,
    status: Status | None = None,
    previous: Baseline | None = None,
    pending: Sequence[str] = (),
    is_running: bool = False,
) -> SessionFindings:
    """Return the findings about a session.

    Args:
        state: the session model.
        status: of the publisher.
        previous: the last run of the same job, for a comparison.
        pending: lines about entities that are not published yet.
        is_running: whether pytest is still running.

    """
    steps = steps_of_session(state)
    changes = compare([step for step in steps if not step.is_inner], previous.statuses) if previous else None
    kinds = {change.step.key: change.kind for change in changes or ()}
    return SessionFindings(
        state=state,
        counts=Counter(run_summary.word(state, test) for test in state.tests()),
        failures=tuple(sorted(failures_of_session(state, steps), key=lambda failure: _rank(kinds.get(failure.step.key)))),
        exceptions=tuple(exceptions(steps)),
        changes=changes,
        kinds=kinds,
        status=status,
        previous=previous,
        pending=tuple(pending),
        is_running=is_running,
    )


def _rank(kind: ChangeKind | None) -> int:
    return FAILING.index(kind) if kind in FAILING else 0
