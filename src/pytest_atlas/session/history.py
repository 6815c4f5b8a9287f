"""From the reports of a test or subtest to its attempts and its story, in C2's terms. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pytest_atlas.journal import events as ev
from pytest_atlas.session.attempts import Result, attempt_result

from . import measurement_texts
from .model import Execution, InnerStep, Inside, Test
from .outcomes import DIED, Story
from .state import SessionState
from .texts import first_line

Report = ev.PhaseReported | ev.SubtestReported
R = TypeVar("R", ev.PhaseReported, ev.SubtestReported)

NO_RESULT = "ran, but pytest reported no result"
MAX_VALUES = 5
"""Most out-of-limit values in the text of one failure."""


Measured = ev.Measured
"""A measurement as a test recorded it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a test, from its set-up to its teardown, in one process."""

    execution: Execution
    number: int  # in its execution
    result: Result
    died: bool  # its process died
    is_counted: bool  # pytest counted a failure of it, which no later attempt makes undone
    is_superseded: bool  # a later attempt counts instead of it
    started: float  # Unix seconds
    message: str  # the decisive value or message


@dataclass(frozen=True, slots=True)
class History:
    """All attempts of a test, oldest first, and a story for each execution that counts."""

    attempts: tuple[Attempt, ...]
    stories: tuple[Story, ...]

    @property
    def valid(self) -> list[Attempt]:
        """The attempts that decide."""
        return [attempt for attempt in self.attempts if not attempt.is_superseded]


def history_of(facts: SessionState, test: Test) -> History:
    """What all processes saw of `test`."""
    executions = test.executions
    if len(executions) > 1:
        executions = sorted(executions, key=lambda e: e.started)
    attempts: list[Attempt] = []
    stories: list[Story] = []
    superseded: list[Attempt] = []  # of executions whose worker crashed and whose plugin runs the test again
    for execution in executions:
        own = list(_attempts(facts, test, execution))
        attempts += own
        if own[-1].died and facts.is_replaced(test, execution):
            superseded += own
        else:
            stories.append(_story(facts, test, execution, [*superseded, *own]))
    if superseded and not stories:
        stories.append(_story(facts, test, superseded[-1].execution, superseded, is_waiting=True))
    return History(tuple(attempts), tuple(stories))


def _attempts(facts: SessionState, test: Test, execution: Execution) -> Iterator[Attempt]:
    reported = execution.reported
    last = reported.attempts
    died = facts.has_died(test, execution)
    replaced = died and facts.is_replaced(test, execution)
    phases, subtests = _by_attempt(reported.phases), _by_attempt(reported.subtests)
    started = execution.started
    for number in range(1, last + 1):
        boundary = reported.boundaries.get(number)
        told_phases, told_subtests = phases.get(number, []), subtests.get(number, [])
        if number == last:
            told_phases = [phase for phase in told_phases if not phase.hidden]
        result = _result(execution, number, told_phases, told_subtests)
        dies = died and number == last
        result = "failed" if dies else result
        reports: list[Report] = [*told_subtests, *told_phases]  # as they happened
        is_rerun = any(report.outcome == "rerun" for report in reports)
        is_counted = not is_rerun and (
            any(r.outcome == "failed" and not (isinstance(r, ev.PhaseReported) and r.hidden) for r in reports)
            or (dies and not replaced)
        )
        yield Attempt(
            execution,
            number,
            result,
            dies,
            is_counted,
            (number < last and not is_counted) or replaced,
            started,
            _message(result, reports, execution, number, died=dies),
        )
        started = boundary.at if boundary else started


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


def _story(
    facts: SessionState, test: Test, execution: Execution, attempts: Sequence[Attempt], *, is_waiting: bool = False
) -> Story:
    """`is_waiting`: the test was to run again, and did not."""
    assert facts.session is not None
    reported = execution.reported
    last = reported.attempts
    said = [p for p in reported.phases if p.attempt == last and (p.xfail is not None or p.outcome == "skipped")]
    failures = [attempt.message for attempt in attempts if attempt.result in ("failed", "unknown")]
    waiting: tuple[Result, ...] = ("unfinished",) if is_waiting else ()
    return Story(
        results=(*(attempt.result for attempt in attempts), *waiting),
        reason=_reason(said[0]) if said else "",
        first_failure=failures[0] if failures else "",
        notes=tuple(_exceptions(reported.inside, last)),
        is_check=test.planned.step_type in ("", "passfail"),
        skip_is_exception=facts.session.skipped == "exception",
        is_counted=any(attempt.is_counted for attempt in attempts),
    )


def _message(result: Result, reports: Sequence[Report], execution: Execution, number: int, *, died: bool) -> str:
    """The decisive value or message of an attempt, on one line."""
    message = ""
    match result:
        case _ if died:
            message = DIED
        case "failed":
            bad = [report.message for report in reports if report.outcome in ("failed", "rerun")]
            message = _failure(bad[0] if bad else "", _violations(execution.reported.inside, number))
        case "unknown":
            words = next(report.reported for report in reports if report.outcome == "unknown")
            message = f"outcome {words!r}, which is unknown to Atlas"
        case "unreported":
            message = NO_RESULT
        case "skipped" | "xfailed" | "xpassed":
            message = first_line(next((_reason(r) for r in reports if r.xfail is not None or r.outcome == "skipped"), ""))
        case "passed":
            message = _several(
                [measurement_texts.measured(m) for m in measured_in(execution.reported.inside, number) if m.verdict != "none"],
                1,
            )
    return message


def _failure(message: str, violations: Sequence[ev.Measured]) -> str:
    """The first line of a failure, with the values that are out of limits."""
    if message.startswith(measurement_texts.VIOLATED):
        head, *values = (line.strip() for line in measurement_texts.plain(message).splitlines() if line.strip())
        return _several(values, MAX_VALUES) if values and head.endswith(":") else _several([head, *values], MAX_VALUES)
    values = [measurement_texts.measured(m) for m in violations]
    return "; ".join(filter(None, [first_line(message), _several(values, MAX_VALUES)]))


def _several(lines: Sequence[str], most: int) -> str:
    more = [f"… and {len(lines) - most} more"] if len(lines) > most else []
    return "; ".join([*(line.strip() for line in lines[:most]), *more])


def measured_in(inside: Inside | None, attempt: int) -> Sequence[ev.Measured]:
    """Return what an attempt measured."""
    return inside.measured.get(attempt, ()) if inside else ()


def _violations(inside: Inside | None, attempt: int) -> list[ev.Measured]:
    return [m for m in measured_in(inside, attempt) if m.verdict == "fail"]


def _exceptions(inside: Inside | None, attempt: int) -> Iterator[str]:
    """What a test passes in spite of: its own words, and the measurements that were waived."""
    if inside is None:
        return
    yield from (note.text for note in inside.noted.get(attempt, ()) if note.kind == "exception")
    for m in measured_in(inside, attempt):
        if m.verdict == "waived":
            yield f"{m.name} waived: {m.waived}"


def inner_reports(facts: SessionState, inner: InnerStep, execution: Execution) -> list[ev.SubtestReported]:
    """What one process saw of a step inside a test, a report for each attempt; an opened step reads like a subtest."""
    reports = execution.reported.subtests_at.get((inner.ordinal, inner.title), [])
    inside = execution.reported.inside
    if inside is None:
        return reports
    opened = inside.steps.get((inner.ordinal, inner.title), [])
    return [*reports, *(r for step in opened if (r := _step_report(facts, inner, execution, step)))]


def _step_report(facts: SessionState, inner: InnerStep, execution: Execution, step: ev.StepOpened) -> ev.SubtestReported | None:
    """None for a step that was never closed, unless what ran it has died."""
    assert execution.reported.inside is not None
    closed = execution.reported.inside.closed.get((step.attempt, step.ordinal))
    died = closed is None and facts.has_died(inner.test, execution)
    if closed is None and not died:
        return None
    return ev.SubtestReported(
        nodeid=step.nodeid,
        occurrence=step.occurrence,
        attempt=step.attempt,
        ordinal=step.ordinal,
        title=step.title,
        outcome=closed.outcome if closed else "failed",
        message=closed.message if closed else DIED,
        started=step.at,
        ended=closed.at if closed else facts.end_of(inner.test, execution),
    )


def _reason(report: Report) -> str:
    """Of an xfail the reason it was given (pytest puts `reason: ` before one given in the test's body), else the skip's."""
    return report.message if report.xfail is None else report.xfail.removeprefix("reason: ")


def inner_message(execution: Execution, report: ev.SubtestReported) -> str:
    """The decisive value or message of a step inside a test in one attempt, on one line."""
    if report.outcome != "failed":
        return first_line(report.message)
    inside = execution.reported.inside
    told_here = inside.told.get((report.attempt, report.ordinal), ()) if inside else ()
    return _failure(report.message, [m for m in told_here if isinstance(m, ev.Measured) and m.verdict == "fail"])


def subtest_story(execution: Execution, reports: Sequence[ev.SubtestReported], *, skip_is_exception: bool) -> Story:
    """The story of a step inside a test in one execution. `reports`: one for each attempt."""
    last = reports[-1]
    failures = [inner_message(execution, report) for report in reports if report.outcome == "failed"]
    return Story(
        results=tuple(map(subtest_result, reports)),
        reason=_reason(last) if last.xfail is not None or last.outcome == "skipped" else "",
        first_failure=failures[0] if failures else "",
        skip_is_exception=skip_is_exception,
    )


def subtest_result(report: ev.SubtestReported) -> Result:
    """The result of one subtest, or of a step inside a test."""
    if report.outcome in ("failed", "rerun"):
        return "failed"
    if report.outcome == "unknown":
        return "unknown"
    if report.xfail is not None:
        return "xfailed" if report.outcome == "skipped" else "xpassed"
    return "skipped" if report.outcome == "skipped" else "passed"
