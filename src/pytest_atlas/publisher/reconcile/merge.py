"""A step of this session merged with what other sessions and people recorded on it. Pure.

`merge_step` takes the step as it was read from Atlas and as this session alone would show it. The newest session that executed
the test decides status and text, whichever is published last; the list of attempts has those of all sessions. A status that a
person set is preserved. The result does not change if it is merged again, so that a session can be published repeatedly.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from pytest_atlas.atlas.models import Step
from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import (
    DECISIVE,
    NOT_EXECUTED,
    Attempts,
    flaky_note,
    has_line,
    is_passed_after,
    parse_attempts,
    set_by_hand_line,
    with_attempts,
    without_passed_after,
)
from pytest_atlas.descriptions import merge_attempts as merged_lists
from pytest_atlas.publisher.recovery import shared_run
from pytest_atlas.session.desired import DesiredStep

OUTCOME = ("execution_status", "exception", "started_at", "ended_at")
"""The fields of an outcome. They are sent alone after an update with texts was rejected."""
GOOD = ("passed", "done", "passed_with_exception")
PASSED = ("passed", "xpassed")


@dataclass(frozen=True, slots=True)
class Merged:
    """A step as Atlas should show it."""

    fields: dict[str, str]
    """A field that is missing stays as it is in Atlas."""
    attempts: Attempts | None
    is_preserved: bool  # a person set the status: status, exception and times stay as they are


def merge_step(want: DesiredStep, step: Step, foreign: str | None) -> Merged:
    """Merge the entity `want` of this session with `step`. `foreign`: the text of others, for `shared_run.description`."""
    listed = parse_attempts(step.description)
    by_hand = is_set_by_hand(step, want.identity_line)
    recorded = listed.status if listed else "todo" if by_hand else step.execution_status
    is_executed = _is_executed(want.attempts)
    is_newest = is_executed and _is_newest(want, step, listed, recorded)
    decides = is_newest and want.status != "todo"
    takes = decides or (recorded == "todo" and (is_newest or (listed is None and not is_executed)))
    attempts = _attempts(want.attempts, listed, is_newest=is_newest) if is_executed else want.attempts if takes else listed
    status: str
    if takes:
        status, note = want.status, want.exception
    else:
        status, note = recorded, step.exception or ""
    if attempts and not (takes and want.attempts and attempts.sessions == want.attempts.sessions):
        status, note = _after_failure(status, note, attempts, want.attempts if takes else listed)
    attempts = replace(attempts, status=status) if attempts else None
    is_same = (
        status == step.execution_status
        and has_line(step.description, want.identity_line)
        and not set_by_hand_line(step.description)
    )
    is_preserved = by_hand and not is_same and not (want.overwrite and decides)
    ours = with_attempts(want.description if takes else step.description, attempts, by_hand=is_preserved)
    fields = {"description": shared_run.description(want, foreign, ours) if takes else ours}
    if not is_preserved:
        fields |= {"execution_status": status, **({"exception": note} if note and status == "passed_with_exception" else {})}
        fields |= {name: want.fields[name] for name in ("started_at", "ended_at") if takes and name in want.fields}
        fields |= want.late_times if takes else {}
    return Merged(fields, attempts, is_preserved)


def changed(want: DesiredStep, step: Step, foreign: str | None, names: Collection[str]) -> dict[str, str]:
    """Return the fields of an update: those of `names`, which the session has changed, and others that differ from `step`."""
    fields = merge_step(want, step, foreign).fields
    shown = {"description": step.description, **outcome(step)}
    differing = {
        name for name in ("description", "execution_status", "exception") if fields.get(name, shown[name]) != shown[name]
    }
    sent = {name: value for name, value in fields.items() if name in names or name in differing}
    if "execution_status" in fields and sent.keys() & {"execution_status", "exception"}:
        sent |= {name: fields[name] for name in ("execution_status", "exception") if name in fields}
    return sent


def outcome(step: Step) -> dict[str, str]:
    """Return status, exception and times of `step`; empty texts for missing values."""
    times = {name: time.isoformat() if (time := getattr(step, name)) else "" for name in ("started_at", "ended_at")}
    return {"execution_status": step.execution_status, "exception": step.exception or "", **times}


def is_set_by_hand(step: Step, line: str) -> bool:
    """Return whether a person set the status of `step`: it differs from the automated one, or an automated one does not exist.

    `line`: the identity line of the step.

    Version 0.1.0 recorded no automated status; the steps that it updated have a start and an end.
    """
    if step.execution_status == "todo":
        return False
    if not has_line(step.description, line) or set_by_hand_line(step.description):
        return True
    listed = parse_attempts(step.description)
    return listed.status != step.execution_status if listed else step.started_at is None or step.ended_at is None


def is_recorded(want: DesiredStep, step: Step, foreign: str | None) -> bool:
    """Return whether `step` has the attempts of this session, the resulting status, and the line about it."""
    if (step.description.strip(), step.execution_status) == (want.description.strip(), want.status):
        return True  # the result of this session alone, the usual case in its own run
    found = merge_step(want, step, foreign)
    same_line = found.is_preserved == bool(set_by_hand_line(step.description))
    status = found.fields.get("execution_status", step.execution_status)
    return same_line and found.attempts == parse_attempts(step.description) and status == step.execution_status


def _is_executed(attempts: Attempts | None) -> bool:
    return attempts is not None and any(attempt.outcome not in NOT_EXECUTED for attempt in attempts.attempts)


def _is_newest(want: DesiredStep, step: Step, listed: Attempts | None, recorded: str) -> bool:
    """Return whether no other session with a status executed the test later than this one."""
    own = want.attempts
    assert own is not None, "a session without attempts did not execute the test"
    if recorded == "todo":
        return True
    if listed is None:
        return not _is_earlier(want, step)
    others = [place for place, a in enumerate(listed.attempts) if a.session not in own.sessions and a.outcome in DECISIVE]
    if not others:
        return True
    newest, at = listed.attempts[others[0]].at, own.attempts[0].at
    if newest != at:
        return at > newest
    places = [place for place, attempt in enumerate(listed.attempts) if attempt.session in own.sessions]
    return places[0] < others[0] if places else not _is_earlier(want, step)


def _is_earlier(want: DesiredStep, step: Step) -> bool:
    """Return whether the outcome of this session is older than the one in Atlas, as far as their times are known."""
    ours, other = _last_time(want), step.ended_at or step.started_at
    if not ours or not other:
        return False
    return (datetime.fromisoformat(ours) - other).total_seconds() < -shared_run.CLOCK_GRAIN_S


def _last_time(want: DesiredStep) -> str:
    """Return the end of the outcome, or its start."""
    return want.fields.get("ended_at") or want.fields.get("started_at") or ""


def _attempts(own: Attempts | None, listed: Attempts | None, *, is_newest: bool) -> Attempts | None:
    """Return the attempts of all sessions that executed the test."""
    if own is None or listed is None:
        return own or listed
    executed = {attempt.session for attempt in listed.attempts if attempt.outcome not in NOT_EXECUTED}
    executed |= {name for more in listed.more for name in more.sessions}
    others = replace(listed, attempts=tuple(attempt for attempt in listed.attempts if attempt.session in executed))
    return merged_lists(others, own, is_newest=is_newest)


def _after_failure(status: str, note: str, attempts: Attempts, noted: Attempts | None) -> tuple[str, str]:
    """Return status and note after failures before the decisive attempt. `noted`: the attempts that `note` describes."""
    place = next((place for place, attempt in enumerate(attempts.attempts) if attempt.outcome in DECISIVE), None)
    failure = attempts.first_failure
    if place is None or failure is None or status not in GOOD or attempts.attempts[place].outcome not in PASSED:
        return status, note
    rest = without_passed_after(note, noted)
    if is_passed_after(rest):  # a person changed the note
        return "passed_with_exception", note
    return "passed_with_exception", "; ".join(filter(None, [flaky_note(attempts.total - place, failure.message), rest]))
