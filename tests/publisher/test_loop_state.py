"""The actions and the phase that follow from each state of the publisher's loop."""

from itertools import product
from typing import get_args

import pytest

from pytest_atlas.publisher.loop_state import Action, Journal, LoopState, Phase, Question, Reports, next_actions

RUN, CONTENT, DELETED, CREATES, LATE = Question
ENDED = LoopState(journal="complete", has_run=True)

CASES: dict[str, tuple[LoopState, Phase, tuple[Action, ...]]] = {
    "nothing is pending": (ENDED, Phase.ENDED, ()),
    "pytest stops it": (LoopState(must_stop=True, has_work=True), Phase.ENDED, ()),
    "the journal has more lines": (LoopState(journal="behind", has_work=True), Phase.READING, ()),
    "pytest runs": (LoopState(), Phase.SENDING, (Action.SEND, Action.UPLOAD)),
    "a pause after a failure": (LoopState(has_work=True, is_paused=True), Phase.SENDING, ()),
    "the run is unknown": (LoopState(questions=frozenset({RUN, LATE})), Phase.RECOVERING, (Action.FIND_RUN,)),
    "the run is being searched for": (
        LoopState(questions=frozenset({RUN}), is_recovering=True, tasks=1),
        Phase.RECOVERING,
        (),
    ),
    "a template may have created steps": (
        LoopState(has_run=True, questions=frozenset({CONTENT, CREATES})),
        Phase.RECOVERING,
        (Action.READ_RUN,),
    ),
    "a 404": (
        LoopState(has_run=True, questions=frozenset({DELETED, CREATES})),
        Phase.SENDING,
        (Action.FIND_DELETED, Action.SEND, Action.UPLOAD),
    ),
    "an unconfirmed create": (
        LoopState(has_run=True, questions=frozenset({CREATES, LATE})),
        Phase.SENDING,
        (Action.READ_RUN, Action.SEND, Action.UPLOAD),
    ),
    "an unconfirmed create of the run, which is not created yet": (
        LoopState(questions=frozenset({CREATES})),
        Phase.SENDING,
        (Action.SEND, Action.UPLOAD),
    ),
    "late effects while pytest runs": (
        LoopState(has_run=True, questions=frozenset({LATE})),
        Phase.SENDING,
        (Action.SEND, Action.UPLOAD),
    ),
    "late effects while requests are in flight": (
        LoopState(has_run=True, journal="complete", tasks=1, questions=frozenset({LATE})),
        Phase.SENDING,
        (Action.SEND, Action.UPLOAD),
    ),
    "late effects at the end": (
        LoopState(has_run=True, journal="complete", questions=frozenset({LATE})),
        Phase.SETTLING,
        (Action.SETTLE, Action.SEND, Action.UPLOAD),
    ),
    "reports at the end": (
        LoopState(has_run=True, journal="complete", reports="due"),
        Phase.REPORTING,
        (Action.REQUEST_REPORTS,),
    ),
    "reports before the end": (
        LoopState(has_run=True, journal="complete", has_work=True, reports="due"),
        Phase.SENDING,
        (Action.SEND, Action.UPLOAD),
    ),
    "reports are polled": (
        LoopState(has_run=True, journal="complete", tasks=1, reports="requested"),
        Phase.REPORTING,
        (Action.SEND, Action.UPLOAD),
    ),
    "all reports have ended": (LoopState(has_run=True, journal="complete", reports="requested"), Phase.ENDED, ()),
}


@pytest.mark.parametrize(("state", "phase", "actions"), CASES.values(), ids=CASES)
def test_state_determines_phase_and_actions(state: LoopState, phase: Phase, actions: tuple[Action, ...]) -> None:
    assert (state.phase, next_actions(state)) == (phase, actions)


ALL = [
    LoopState(stop, journal, frozenset(questions), recovering, has_run, has_work, tasks, paused, reports)
    for stop, journal, recovering, has_run, has_work, tasks, paused, reports in product(
        (False, True),
        get_args(Journal),
        (False, True),
        (False, True),
        (False, True),
        (0, 1),
        (False, True),
        get_args(Reports),
    )
    for questions in ((), *product(Question), (RUN, LATE), (CONTENT, DELETED), (DELETED, CREATES), (CREATES, LATE))
]


def test_nothing_is_created_before_the_run_is_known() -> None:
    blocked = [state for state in ALL if state.questions & {RUN, CONTENT}]
    assert blocked
    assert not {Action.SEND, Action.UPLOAD, Action.REQUEST_REPORTS} & {a for state in blocked for a in next_actions(state)}


def test_at_most_one_recovery_is_in_progress() -> None:
    recovery = {Action.FIND_RUN, Action.READ_RUN, Action.FIND_DELETED, Action.SETTLE}
    assert all(len(recovery.intersection(next_actions(state))) <= (not state.is_recovering) for state in ALL)


def test_reports_are_requested_only_when_everything_else_is_settled() -> None:
    requesting = [state for state in ALL if Action.REQUEST_REPORTS in next_actions(state)]
    assert requesting
    assert all(s.journal == "complete" and not (s.has_work or s.tasks or s.questions) for s in requesting)


def test_an_ended_loop_has_no_actions() -> None:
    assert {next_actions(state) for state in ALL if state.phase is Phase.ENDED} == {()}
