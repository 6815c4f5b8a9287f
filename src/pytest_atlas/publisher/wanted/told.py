"""What the description of a step tells its reader first, line by line: failures, skips, measurements, notes. Pure."""

from collections.abc import Iterable, Iterator

from pytest_atlas.base.quantities import allowed, number_text, read
from pytest_atlas.journal import events as ev

from .facts import Facts
from .outcomes import DIED, Story, phrase
from .parts import Execution, Inner, Test

VIOLATED = "pytest_atlas.LimitViolatedError: "
"""How a message begins that tells of violated limits."""
MOST_VALUES = 12
"""Most values of one measurement that a description shows; all of them are in the card's file."""


def test(facts: Facts, test: Test, stories: list[Story]) -> Iterator[str]:
    """What a reader of a test's step needs first, line by line."""
    executions = list(test.executions.values())
    if len(executions) > 1:
        yield "Workers: " + ", ".join(f"{e.worker} {s.result}" for e, s in zip(executions, stories, strict=True))
    for execution, story in zip(executions, stories, strict=True):
        if facts.has_died(test, execution):
            yield f"{DIED}{f' on {execution.worker}' if execution.worker else ''}."
        yield from _reports_told(execution.phases)
        failed = [s.title or f"subtest {s.ordinal}" for s in execution.subtests if s.outcome == "failed"]
        if failed:
            yield "Failed subtests: " + ", ".join(dict.fromkeys(failed))
        yield from _inside(execution, step=0)
        if not story.went_well:  # else Atlas shows them as the note
            yield from (f"Exception: {note}" for note in story.notes)


def _reports_told(reports: Iterable[ev.PhaseReported]) -> Iterator[str]:
    for report in reports:
        place = f" at {report.place}" if report.place else ""
        if report.outcome in ("failed", "rerun"):
            attempt = f" (attempt {report.attempt})" if report.outcome == "rerun" or report.attempt > 1 else ""
            yield f"Failed in {report.when}{attempt}{place}:\n{plain(report.message)}"
        elif report.xfail is None and report.outcome == "skipped":
            yield phrase("Skipped", report.message) + (f"\n(skipped{place})" if place else "")
        elif report.xfail is not None and report.message:
            yield f"Failed as expected{place}:\n{plain(report.message)}"


def inner(step: Inner, reports: Iterable[ev.SubtestReported]) -> Iterator[str]:
    """What a reader of a step inside a test needs first."""
    for report in reports:
        place = f" at {report.place}" if report.place else ""
        if report.outcome == "failed" and report.message:
            yield f"Failed{place}:\n{plain(report.message)}"
        elif report.outcome == "skipped":
            yield phrase("Skipped", report.message)
    for execution in step.test.executions.values():
        yield from _inside(execution, step=step.ordinal)


def _inside(execution: Execution, step: int) -> Iterator[str]:
    """What the test itself said in its last attempt, outside of any step (0) or in one."""
    if execution.inside is None:
        return
    said = execution.inside.told.get((execution.attempts, step), [])
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
    limits = [read(text) for text in (m.low, m.high, m.equal, *m.one_of)]
    values = [number_text(value, limits) for text in m.values[:MOST_VALUES] if (value := read(text)) is not None]
    shown = ", ".join(values) + (f", … ({len(m.values)} values)" if len(m.values) > MOST_VALUES else "")
    return f"{shown} {m.unit}".rstrip()


def limits_of(m: ev.Measured) -> str:
    """`≤ 100 ms`; empty where there are none."""
    one_of = [value for text in m.one_of if (value := read(text)) is not None]
    return allowed(read(m.low), read(m.high), read(m.equal), m.unit, one_of)


def plain(message: str) -> str:
    """A violated limit speaks for itself: which exception carries it is nothing to a reader."""
    return message.removeprefix(VIOLATED)
