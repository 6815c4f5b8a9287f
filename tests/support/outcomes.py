"""The oracle for contract C2: the status and the note of a test, computed from its attempts without the code under test.

tests/support/truth.py reads the attempts from journals, tests/support/reportlog.py from the log of pytest-reportlog.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

SEVERITY = ("todo", "passed", "passed_with_exception", "failed")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a test or of a subtest."""

    has_failed: bool = False  # any phase or subtest
    is_replaced: bool = False  # its plugin reported it as rerun
    passed: frozenset[str] = frozenset()  # names of phases
    mark: Literal["", "skip", "xfail", "xpass"] = ""
    reason: str = ""  # of the mark
    failure: str = ""  # first line of the first failure
    is_out_of_limit: bool = False
    notes: tuple[str, ...] = ()  # from atlas.exception() and waived measurements


def outcome(attempts: Sequence[Attempt], *, is_dead: bool = False, has_ended: bool = True) -> tuple[str, str]:
    """Return the status and the note. `is_dead`: the process died while the test ran; `has_ended`: the protocol ended."""
    *earlier, last = attempts or [Attempt()]
    failures = [attempt for attempt in earlier if attempt.has_failed]
    if is_dead or last.has_failed or not all(attempt.is_replaced for attempt in failures):
        return "failed", ""
    if not has_ended or last.mark == "skip" or (not last.mark and not {"setup", "call"} <= last.passed):
        return "todo", ""
    if not last.mark and last.is_out_of_limit:
        return "failed", ""
    notes = list(last.notes)
    if failures and last.mark != "xfail":
        notes.insert(0, f"passed at attempt {len(attempts)}; first failure: {failures[0].failure}")
    if last.mark:
        notes.append(f"{last.mark}: {last.reason}" if last.reason else last.mark)
    return ("passed_with_exception", "; ".join(notes)) if notes else ("passed", "")


def worst(outcomes: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Return the worst of the outcomes that several processes reported; `todo` if there are none."""
    return max(outcomes, key=lambda pair: SEVERITY.index(pair[0]), default=("todo", ""))
