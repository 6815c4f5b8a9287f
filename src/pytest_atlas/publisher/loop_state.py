"""The state of the publisher's loop and the actions that follow from it. Pure.

`next_actions` decides the order that contract C5 requires: nothing is created before the run is known, requests with an
unknown result are checked when all others have ended, and reports are requested last. The loop performs the actions.
"""

from enum import Enum
from typing import Literal

from pytest_atlas.base.records import dataclass

Journal = Literal["behind", "current", "complete"]
"""`behind`: one turn was not enough to read all lines. `complete`: pytest has ended, and all lines are read."""

Reports = Literal["not due", "due", "requested"]


class Phase(Enum):
    """The present activity of the publisher; derived from `LoopState`, for messages and tests."""

    READING = "reading the journal"
    RECOVERING = "reading the run"
    SENDING = "sending"
    SETTLING = "checking unconfirmed requests"
    REPORTING = "waiting for reports"
    ENDED = "ended"


class Question(Enum):
    """A question about Atlas that only a read answers."""

    RUN = "which run is the run of the session"
    CONTENT = "what the run contains"
    DELETED = "which of the entities that were not found are deleted"
    CREATES = "which unconfirmed creates took effect"
    LATE_EFFECTS = "which unconfirmed requests took effect after the last read"


BLOCKING = frozenset({Question.RUN, Question.CONTENT})
"""Nothing is created before these are answered."""


class Action(Enum):
    """An action of the loop."""

    FIND_RUN = "find the run, or verify the run of the receipts"
    READ_RUN = "read the run, and adopt what it contains"
    FIND_DELETED = "read the run, and skip entities that are deleted"
    SETTLE = "read the run, and repair late effects of unconfirmed requests"
    SEND = "send as many requests as the pace allows"
    UPLOAD = "upload data files"
    REQUEST_REPORTS = "request the analysis reports"


@dataclass(frozen=True, slots=True)
class LoopState:
    """Everything that `next_actions` depends on."""

    must_stop: bool = False  # stopped by pytest, a fatal failure, or no success for too long
    journal: Journal = "current"
    questions: frozenset[Question] = frozenset()
    is_recovering: bool = False  # an action that reads the run is in progress
    has_run: bool = False  # the uuid of the run is known
    has_work: bool = False  # entities wait, or requests are in flight
    tasks: int = 0  # in progress: requests, uploads, recovery, reports
    is_paused: bool = False  # after a transient failure
    reports: Reports = "not due"

    @property
    def is_calm(self) -> bool:
        """Whether nothing is left to send at present. Late effects are checked then."""
        return not self.has_work and not self.tasks and self.questions <= {Question.LATE_EFFECTS}

    @property
    def is_settled(self) -> bool:
        """Whether the whole journal was sent, and the result of each request is known."""
        return self.journal == "complete" and self.is_calm and not self.questions

    @property
    def phase(self) -> Phase:
        """The phase that follows from the other values."""
        if self.must_stop or (self.is_settled and self.reports != "due"):
            return Phase.ENDED
        if self.journal == "behind":
            return Phase.READING
        if self.questions & BLOCKING:
            return Phase.RECOVERING
        if self.reports == "requested" or self.is_settled:
            return Phase.REPORTING
        if self.journal == "complete" and self.is_calm:
            return Phase.SETTLING
        return Phase.SENDING


def next_actions(state: LoopState) -> tuple[Action, ...]:
    """Return the actions to start now, in this order. Each is in progress or done when the next state is taken."""
    if state.phase in (Phase.ENDED, Phase.READING) or state.is_paused:
        return ()
    recovery = _recovery(state)
    if state.questions & BLOCKING:
        return recovery
    if state.is_settled and state.reports == "due":
        return (Action.REQUEST_REPORTS,)
    return (*recovery, Action.SEND, Action.UPLOAD)


def _recovery(state: LoopState) -> tuple[Action, ...]:
    """The action that answers the most urgent question; one at a time."""
    if state.is_recovering:
        return ()
    may_settle = state.journal == "complete" and state.is_calm
    answers = (
        (Question.RUN, Action.FIND_RUN, True),
        (Question.CONTENT, Action.READ_RUN, True),
        (Question.DELETED, Action.FIND_DELETED, True),
        (Question.CREATES, Action.READ_RUN, state.has_run),
        (Question.LATE_EFFECTS, Action.SETTLE, state.has_run and may_settle),
    )
    return tuple(action for question, action, is_possible in answers if question in state.questions and is_possible)[:1]
