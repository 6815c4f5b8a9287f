"""The attempts of a test, with their results (contract C2), from the events of all processes that executed it. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import DIED, decisive_line, first_line, limit_violations
from pytest_atlas.journal import events as ev

from .attempts import Result, attempt_result
from .measurement_texts import measurement_line
from .model import Execution, Inside, Test
from .outcomes import StepAttempts
from .state import SessionState

Report = ev.PhaseReported | ev.SubtestReported
R = TypeVar("R", ev.PhaseReported, ev.SubtestReported)
Measured = ev.Measured
"""A measurement as the test recorded it."""

NO_RESULT = "ran, but pytest reported no result"
MAX_VALUES = 5
"""Maximum number of out-of-limit values in the message of one failure."""
MAX_GAP = 1000
"""If the number of an attempt is higher, attempts without any event are not listed: a journal line can have any number."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a test in one process, from its set-up to its teardown."""

    execution: Execution
    number: int  # in its execution
    result: Result
    died: bool  # its process died
    is_counted: bool  # pytest counted its failure, which no later attempt cancels
    is_superseded: bool  # a later attempt replaces it
    started: float  # Unix seconds
    message: str  # the decisive value or message, one line


@dataclass(frozen=True, slots=True)
class History:
    """All attempts of a test."""

    attempts: tuple[Attempt, ...]  # oldest first
    per_execution: tuple[StepAttempts, ...]  # of the executions that count

    @property
    def valid(self) -> list[Attempt]:
        """The attempts that are not superseded."""
        return [attempt for attempt in self.attempts if not attempt.is_superseded]


def history_of(state: SessionState, test: Test) -> History:
    """Return the attempts of `test` in all processes."""
    executions = test.executions
    if len(executions) > 1:
        executions = sorted(executions, key=lambda e: e.started)
    attempts: list[Attempt] = []
    per_execution: list[StepAttempts] = []
    superseded: list[Attempt] = []  # of executions whose worker crashed and whose plugin runs the test again
    for execution in executions:
        own = list(_attempts(state, test, execution))
        attempts += own
        if own[-1].died and state.is_replaced(test, execution):
            superseded += own
        else:
            per_execution.append(_step_attempts(state, test, execution, [*superseded, *own]))
    if superseded and not per_execution:  # the test has not run again
        waiting = _step_attempts(state, test, superseded[-1].execution, superseded, has_next=True)
        per_execution.append(waiting)
    return History(tuple(attempts), tuple(per_execution))


def measured_in(inside: Inside | None, attempt: int) -> Sequence[ev.Measured]:
    """Return the measurements of an attempt."""
    return inside.measured.get(attempt, ()) if inside else ()


def reason_of(report: Report) -> str:
    """Return the reason of an xfail or a skip. pytest adds `reason: ` to one that is given in the body of the test."""
    return report.message if report.xfail is None else report.xfail.removeprefix("reason: ")


def failure_message(message: str, violations: Sequence[ev.Measured]) -> str:
    """Return one line with the decisive line of a failure message and the out-of-limit values."""
    if lines := limit_violations(message):
        return _joined(lines, MAX_VALUES)
    values = [measurement_line(m) for m in violations]
    return "; ".join(filter(None, [decisive_line(message), _joined(values, MAX_VALUES)]))


def _attempts(state: SessionState, test: Test, execution: Execution) -> Iterator[Attempt]:
    reported = execution.reported
    last = reported.attempts
    died = state.has_died(test, execution)
    is_replaced = died and state.is_replaced(test, execution)
    phases, subtests = _by_attempt(reported.phases), _by_attempt(reported.subtests)
    started = execution.started
    for number in _numbers(last, {*phases, *subtests, *reported.boundaries}):
        boundary = reported.boundaries.get(number)
        own_phases, own_subtests = phases.get(number, []), subtests.get(number, [])
        if number == last:
            own_phases = [phase for phase in own_phases if not phase.hidden]
        has_died = died and number == last
        result = "failed" if has_died else _result(execution, number, own_phases, own_subtests)
        reports: list[Report] = [*own_subtests, *own_phases]  # in the order of the events
        is_counted = _is_counted(reports, has_died=has_died and not is_replaced)
        yield Attempt(
            execution=execution,
            number=number,
            result=result,
            died=has_died,
            is_counted=is_counted,
            is_superseded=(number < last and not is_counted) or is_replaced,
            started=started,
            message=_message(result, reports, execution, number, died=has_died),
        )
        started = boundary.at if boundary else started


def _numbers(last: int, known: Collection[int]) -> Sequence[int]:
    return range(1, last + 1) if last <= MAX_GAP else sorted({*known, last})


def _is_counted(reports: Sequence[Report], *, has_died: bool) -> bool:
    """Return whether pytest counted a failure. It did not count a hidden phase, whose report a plugin discarded."""
    if any(report.outcome == "rerun" for report in reports):
        return False
    return has_died or any(r.outcome == "failed" and not (isinstance(r, ev.PhaseReported) and r.hidden) for r in reports)


def _by_attempt(reports: Sequence[R]) -> dict[int, list[R]]:
    found: dict[int, list[R]] = defaultdict(list)
    for report in reports:
        found[report.attempt].append(report)
    return found


def _result(
    execution: Execution, number: int, phases: Sequence[ev.PhaseReported], subtests: Sequence[ev.SubtestReported]
) -> Result:
    reported = execution.reported
    is_last = number == reported.attempts
    has_ended = is_last and execution.ended is not None
    boundary = reported.boundaries.get(number)
    result = attempt_result(
        phases,
        subtests,
        reported.passed if has_ended else boundary.passed if boundary else (),
        over=has_ended or not is_last,
        interrupted=has_ended and bool(reported.interrupted),
    )
    return "failed" if result == "passed" and _violations(reported.inside, number) else result


def _step_attempts(
    state: SessionState, test: Test, execution: Execution, attempts: Sequence[Attempt], *, has_next: bool = False
) -> StepAttempts:
    """Return the attempts of an execution. `has_next`: a plugin runs the test again, but it has not started."""
    assert state.session is not None
    reported = execution.reported
    last = reported.attempts
    skips = [p for p in reported.phases if p.attempt == last and (p.xfail is not None or p.outcome == "skipped")]
    failures = [attempt.message for attempt in attempts if attempt.result in ("failed", "unknown")]
    unfinished: tuple[Result, ...] = ("unfinished",) if has_next else ()
    return StepAttempts(
        results=(*(attempt.result for attempt in attempts), *unfinished),
        reason=reason_of(skips[0]) if skips else "",
        first_failure=failures[0] if failures else "",
        notes=tuple(_exceptions(reported.inside, last)),
        is_check=test.planned.step_type in ("", "passfail"),
        skip_is_exception=state.session.skipped == "exception",
        is_counted=any(attempt.is_counted for attempt in attempts),
    )


def _message(result: Result, reports: Sequence[Report], execution: Execution, number: int, *, died: bool) -> str:
    """Return the decisive value or message of an attempt, on one line."""
    message = ""
    match result:
        case _ if died:
            message = DIED
        case "failed":
            failed = [report.message for report in reports if report.outcome in ("failed", "rerun")]
            message = failure_message(failed[0] if failed else "", _violations(execution.reported.inside, number))
        case "unknown":
            outcome = next(report.reported for report in reports if report.outcome == "unknown")
            message = f"outcome {outcome!r}, which is unknown to Atlas"
        case "unreported":
            message = NO_RESULT
        case "skipped" | "xfailed" | "xpassed":
            reasons = (reason_of(r) for r in reports if r.xfail is not None or r.outcome == "skipped")
            message = first_line(next(reasons, ""))
        case "passed":
            checked = [m for m in measured_in(execution.reported.inside, number) if m.verdict != "none"]
            message = _joined([measurement_line(m) for m in checked[:1]], 1, total=len(checked))
    return message


def _joined(lines: Sequence[str], limit: int, *, total: int | None = None) -> str:
    total = len(lines) if total is None else total
    more = [f"… and {total - limit} more"] if total > limit else []
    return "; ".join([*(line.strip() for line in lines[:limit]), *more])


def _violations(inside: Inside | None, attempt: int) -> list[ev.Measured]:
    return [m for m in measured_in(inside, attempt) if m.verdict == "fail"]


def _exceptions(inside: Inside | None, attempt: int) -> Iterator[str]:
    """Yield the notes of `atlas.exception()`, and a note for each waived measurement."""
    if inside is None:
        return
    yield from (note.text for note in inside.noted.get(attempt, ()) if note.kind == "exception")
    for m in measured_in(inside, attempt):
        if m.verdict == "waived":
            yield f"{m.name} waived: {m.waived}"
