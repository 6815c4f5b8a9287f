"""What one attempt of a test came to, from what was reported of it. Pure; the recorder's hooks and the publisher share it."""

from collections.abc import Iterable, Sequence
from typing import Literal

from .events import PhaseReported, SubtestReported, When

Result = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "unfinished"]


def attempt_result(
    phases: Sequence[PhaseReported], subtests: Sequence[SubtestReported], passed: Iterable[When], *, over: bool
) -> Result:
    """What one attempt came to, from what was reported of it; `passed` are the phases that simply passed.

    An attempt that pytest reported as `rerun` counts as failed, and so does one with a failed subtest, whatever its own
    report says. `over`: the attempt has ended or was followed by another; before that it can only be known to have failed.
    """
    if any(p.outcome in ("failed", "rerun") for p in phases) or any(s.outcome == "failed" for s in subtests):
        return "failed"
    if not over:
        return "unfinished"
    for phase in phases:
        if phase.xfail is not None:
            return "xfailed" if phase.outcome == "skipped" else "xpassed"
        if phase.outcome == "skipped":
            return "skipped"
    through = {*passed, *(p.when for p in phases if p.outcome == "passed")}
    return "passed" if {"setup", "call"} <= through else "unfinished"
