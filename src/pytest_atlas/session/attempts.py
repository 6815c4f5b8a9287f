"""The result of one attempt of a test, from its reports. Pure; the recorder's hooks and the publisher share it."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pytest_atlas.journal.events import PhaseReported, SubtestReported, When

Result = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "unfinished", "unreported", "unknown"]
"""unfinished: not started, still running or interrupted; unreported: pytest got no usable report; unknown: another outcome."""


def attempt_result(
    phases: Sequence[PhaseReported],
    subtests: Sequence[SubtestReported],
    passed: Iterable[When],
    *,
    over: bool,
    interrupted: bool = False,
) -> Result:
    """Return the result of one attempt; `passed` are the phases that simply passed.

    An attempt that pytest reported as `rerun` counts as failed, and so does one with a failed subtest, whatever its own
    report says. `over`: the attempt has ended or was followed by another; before that it can only be known to have failed.
    `interrupted`: its protocol ended with an exception, such as KeyboardInterrupt.
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


def _skip(phase: PhaseReported) -> Result | None:
    if phase.xfail is not None:
        return "xfailed" if phase.outcome == "skipped" else "xpassed"
    return "skipped" if phase.outcome == "skipped" else None
