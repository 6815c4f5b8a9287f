"""From the reports of a test or subtest to its story: what happened, attempt by attempt, in C2's terms. Pure."""

from collections.abc import Sequence

from pytest_atlas.journal import events as ev

from .facts import Execution, Facts, Test
from .outcomes import Result, Story, attempt_result
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
    if facts.has_died(test, execution):
        results[-1] = "failed"
    reports: list[ev.PhaseReported | ev.SubtestReported] = [*execution.subtests, *execution.phases]  # as they happened
    bad = [r for r in reports if r.outcome in ("failed", "rerun")]
    said = [p for p in execution.phases if p.attempt == last and (p.xfail is not None or p.outcome == "skipped")]
    return Story(
        results=tuple(results),
        reason=_reason(said[0]) if said else "",
        first_failure=first_line(min(bad, key=lambda r: r.attempt).message) if bad else "",
        is_check=test.planned.step_type in ("", "passfail"),
        skip_is_exception=facts.session.skipped == "exception",
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
