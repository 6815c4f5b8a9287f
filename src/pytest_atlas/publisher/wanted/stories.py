"""From the reports of a test or subtest to its story: what happened, attempt by attempt, in C2's terms. Pure."""

from collections.abc import Iterator, Sequence

from pytest_atlas.journal import events as ev
from pytest_atlas.journal.results import Result, attempt_result

from .facts import Facts
from .outcomes import DIED, Story
from .parts import Execution, Inner, Inside, Test
from .texts import first_line


def test_story(facts: Facts, test: Test, execution: Execution) -> Story:
    """What one process saw of `test`, in C2's terms."""
    assert facts.session is not None
    last = execution.attempts
    results = [
        attempt_result(
            [p for p in execution.phases if p.attempt == number],
            [s for s in execution.subtests if s.attempt == number],
            execution.end.passed if execution.end and number == last else (),
            over=number < last or execution.end is not None,
        )
        for number in range(1, last + 1)
    ]
    if facts.has_died(test, execution) or (results[-1] == "passed" and _has_violation(execution.inside, last)):
        results[-1] = "failed"
    reports: list[ev.PhaseReported | ev.SubtestReported] = [*execution.subtests, *execution.phases]  # as they happened
    bad = [r for r in reports if r.outcome in ("failed", "rerun")]
    said = [p for p in execution.phases if p.attempt == last and (p.xfail is not None or p.outcome == "skipped")]
    return Story(
        results=tuple(results),
        reason=_reason(said[0]) if said else "",
        first_failure=first_line(min(bad, key=lambda r: r.attempt).message) if bad else "",
        notes=tuple(_exceptions(execution.inside, last)),
        is_check=test.planned.step_type in ("", "passfail"),
        skip_is_exception=facts.session.skipped == "exception",
    )


def _has_violation(inside: Inside | None, attempt: int) -> bool:
    return inside is not None and any(m.verdict == "fail" for m in inside.measured if m.attempt == attempt)


def _exceptions(inside: Inside | None, attempt: int) -> Iterator[str]:
    """What a test passes in spite of: its own words, and the measurements that were waived."""
    if inside is None:
        return
    yield from (note.text for note in inside.noted if note.kind == "exception" and note.attempt == attempt)
    for m in inside.measured:
        if m.verdict == "waived" and m.attempt == attempt:
            yield f"{m.name} waived: {m.waived}"


def inner_reports(facts: Facts, inner: Inner, execution: Execution) -> list[ev.SubtestReported]:
    """What one process saw of a step inside a test, a report for each attempt; an opened step reads like a subtest."""
    reports = [s for s in execution.subtests_at.get(inner.ordinal, []) if (s.title or inner.title) == inner.title]
    if execution.inside is None:
        return reports
    opened = [s for s in execution.inside.steps.get(inner.ordinal, []) if s.title == inner.title]
    return [*reports, *(r for step in opened if (r := _step_report(facts, inner, execution, step)))]


def _step_report(facts: Facts, inner: Inner, execution: Execution, step: ev.StepOpened) -> ev.SubtestReported | None:
    """None for a step that was never closed, unless what ran it has died."""
    assert execution.inside is not None
    closed = execution.inside.closed.get((step.attempt, step.ordinal))
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
        ended=closed.at if closed else None,
    )


def _reason(report: ev.PhaseReported | ev.SubtestReported) -> str:
    """Of an xfail the reason it was given (pytest puts `reason: ` before one given in the test's body), else the skip's."""
    return report.message if report.xfail is None else report.xfail.removeprefix("reason: ")


def subtest_story(reports: Sequence[ev.SubtestReported], *, skip_is_exception: bool) -> Story:
    """What one process saw of a subtest. `reports`: those of one subtest in one process, one for each attempt."""
    last = reports[-1]
    failures = [r.message for r in reports if r.outcome == "failed"]
    return Story(
        results=tuple(map(_subtest_result, reports)),
        reason=_reason(last) if last.xfail is not None or last.outcome == "skipped" else "",
        first_failure=first_line(failures[0]) if failures else "",
        skip_is_exception=skip_is_exception,
    )


def _subtest_result(report: ev.SubtestReported) -> Result:
    if report.outcome == "failed":
        return "failed"
    if report.xfail is not None:
        return "xfailed" if report.outcome == "skipped" else "xpassed"
    return "skipped" if report.outcome == "skipped" else "passed"
