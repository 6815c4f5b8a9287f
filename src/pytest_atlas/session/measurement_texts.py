"""What the description of a step tells its reader first, line by line: failures, skips, measurements, notes. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_atlas.base.quantities import from_exact, limits_text, number_text
from pytest_atlas.journal import events as ev

from .model import Execution, InnerStep, Test, subtest_title
from .outcomes import DIED, phrase
from .state import SessionState

if TYPE_CHECKING:
    from .history import History

VIOLATED = "pytest_atlas.LimitViolatedError: "
"""How a message begins that tells of violated limits."""
MOST_VALUES = 12
"""Most values of one measurement that a description shows; all of them are in the card's file."""


def test(facts: SessionState, test: Test, history: "History") -> Iterator[str]:
    """The lines that a reader of a test's step needs first."""
    yield from _workers(test, history)
    for execution, offset in _shown(test, history):
        if facts.has_died(test, execution):
            yield f"{DIED}{f' on {execution.worker}' if execution.worker else ''}."
        yield from _reports_told(execution.reported.phases, offset)
        failed = [subtest_title(s) for s in execution.reported.subtests if s.outcome == "failed"]
        if failed:
            yield "Failed subtests: " + ", ".join(dict.fromkeys(failed))
        yield from _inside(execution, step=0)
    if any(attempt.result == "unreported" for attempt in history.valid):
        yield "The test ran, but pytest reported no result."
    for story in history.stories:
        if not story.went_well:  # else Atlas shows them as the note
            yield from (f"Exception: {note}" for note in story.notes)


def _workers(test: Test, history: "History") -> Iterator[str]:
    """One line with the results of each worker, if several ran the test."""
    if len({execution.source for execution in test.executions}) > 1:
        results = {id(attempt.execution): (attempt.execution.worker, attempt.result) for attempt in history.attempts}
        yield "Workers: " + ", ".join(f"{worker} {result}" for worker, result in dict.fromkeys(results.values()))


MAX_FAILURES = 3
"""Most earlier executions of a loop whose failures are shown in full; the list of attempts names the others."""


def _shown(test: Test, history: "History") -> Iterator[tuple[Execution, int]]:
    """The last execution in each process, and the first failed ones, with the number of attempts before it in the process."""
    before: Counter[str] = Counter()
    failures = 0
    failed = {id(attempt.execution) for attempt in history.attempts if attempt.result == "failed"}
    for execution in dict.fromkeys(attempt.execution for attempt in history.attempts):
        is_last = test.last_in(execution.source) is execution
        if is_last or (id(execution) in failed and failures < MAX_FAILURES):
            failures += not is_last
            yield execution, before[execution.source] + test.counted(before=execution.started, source=execution.source)
        before[execution.source] += execution.reported.attempts


def _reports_told(reports: Iterable[ev.PhaseReported], offset: int) -> Iterator[str]:
    for report in reports:
        place = f" at {report.place}" if report.place else ""
        number = offset + report.attempt
        attempt = f" (attempt {number})" if report.outcome == "rerun" or number > 1 else ""
        if report.outcome in ("failed", "rerun"):
            yield f"Failed in {report.when}{attempt}{place}:\n{plain(report.message)}"
        elif report.outcome == "unknown":
            yield _unknown(report, f" in {report.when}{attempt}{place}")
        elif report.xfail is None and report.outcome == "skipped":
            yield phrase("Skipped", report.message) + (f"\n(skipped{place})" if place else "")
        elif report.xfail is not None and report.message:
            yield f"Failed as expected{place}:\n{plain(report.message)}"


def _unknown(report: ev.PhaseReported | ev.SubtestReported, where: str) -> str:
    words = f"Outcome {report.reported!r}{where}, which is unknown to Atlas"
    return f"{words}:\n{plain(report.message)}" if report.message.strip() else f"{words}."


def inner(step: InnerStep, reports: Iterable[ev.SubtestReported]) -> Iterator[str]:
    """What a reader of a step inside a test needs first."""
    for report in reports:
        place = f" at {report.place}" if report.place else ""
        if report.outcome == "failed" and report.message:
            yield f"Failed{place}:\n{plain(report.message)}"
        elif report.outcome == "skipped":
            yield phrase("Skipped", report.message)
        elif report.outcome == "unknown":
            yield _unknown(report, place)
    for execution in step.executions:
        if step.test.last_in(execution.source) is execution:
            yield from _inside(execution, step=step.ordinal)


def _inside(execution: Execution, step: int) -> Iterator[str]:
    """What the test itself said in its last attempt, outside of any step (0) or in one."""
    reported = execution.reported
    if reported.inside is None:
        return
    said = reported.inside.told.get((reported.attempts, step), [])
    yield from (measured(m) for m in said if isinstance(m, ev.Measured))
    yield from (f"Note: {n.text}" for n in said if isinstance(n, ev.Noted) and n.kind == "note")


VERDICTS = {"pass": "ok", "fail": "OUT OF LIMITS", "waived": "out of limits, waived", "none": ""}


def measured(m: ev.Measured) -> str:
    """`trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS`."""
    limits = limits_of(m)
    words = f"{m.name}: {values_of(m)}" + (f" ({limits})" if limits else "")
    return f"{words} {VERDICTS[m.verdict]}".rstrip()


def values_of(m: ev.Measured) -> str:
    """`111.6 ms`, or the first of several values."""
    limits = [from_exact(text) for text in (m.low, m.high, m.equal, *m.one_of)]
    values = [number_text(value, limits) for text in m.values[:MOST_VALUES] if (value := from_exact(text)) is not None]
    shown = ", ".join(values) + (f", … ({len(m.values)} values)" if len(m.values) > MOST_VALUES else "")
    return f"{shown} {m.unit}".rstrip()


def limits_of(m: ev.Measured) -> str:
    """`≤ 100 ms`; empty where there are none."""
    one_of = [value for text in m.one_of if (value := from_exact(text)) is not None]
    return limits_text(from_exact(m.low), from_exact(m.high), from_exact(m.equal), m.unit, one_of)


def plain(message: str) -> str:
    """A violated limit speaks for itself: which exception carries it is nothing to a reader."""
    return message.removeprefix(VIOLATED)
