"""The result of one attempt of a test or an inner step, from its reports. Pure; the recorder and the session model share it."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pytest_atlas.journal.events import PhaseReported, SubtestReported, When

Result = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "unfinished", "unreported", "unknown"]
"""unfinished: not started, running or interrupted; unreported: pytest received no usable report; unknown: another outcome."""


def attempt_result(
    phases: Sequence[PhaseReported],
    subtests: Sequence[SubtestReported],
    passed: Iterable[When],
    *,
    over: bool,
    interrupted: bool = False,
) -> Result:
    """Return the result of one attempt. `passed`: the phases that passed without anything to report.

    An attempt that pytest reported as `rerun` has failed. So has an attempt with a failed subtest, even if the report of the
    test is *passed*. `over`: the attempt has ended, or another one followed it; before that, its only known result can be
    *failed*. `interrupted`: the protocol of the test ended with an exception such as KeyboardInterrupt.
    """
    if any(p.outcome in ("failed", "rerun") for p in phases) or any(s.outcome == "failed" for s in subtests):
        return "failed"
    if not over:
        return "unfinished"
    if any(p.outcome == "unknown" for p in phases):
        return "unknown"
    if skips := [skip for phase in phases if (skip := _skip(phase))]:
        return skips[0]
    if "call" in {*passed, *(p.when for p in phases if p.outcome == "passed")}:  # which runs only if the set-up passed
        return "passed"
    return "unfinished" if interrupted else "unreported"


def subtest_result(report: SubtestReported) -> Result:
    """Return the result of one attempt of a subtest or of another inner step."""
    if report.outcome in ("failed", "rerun"):
        return "failed"
    if report.outcome == "unknown":
        return "unknown"
    return _skip(report) or "passed"


def _skip(report: PhaseReported | SubtestReported) -> Result | None:
    if report.xfail is not None:
        return "xfailed" if report.outcome == "skipped" else "xpassed"
    return "skipped" if report.outcome == "skipped" else None
