"""Map the attempts of a test to an Atlas status and an exception note (contract C2).

Pure. RULES is ordered: the first matching rule gives the status, and the notes of all matching rules with this status are
joined. To change the mapping, change RULES and its test cases in tests/session/test_outcomes.py.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pytest_atlas.atlas.statuses import SEVERITY
from pytest_atlas.atlas.statuses import ExecutionStatus as Status
from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import flaky_note, with_reason

from .attempts import Result


@dataclass(frozen=True, slots=True)
class StepAttempts:
    """The attempts of one test or inner step in one execution, and the texts from which its note is made."""

    results: tuple[Result, ...] = ()  # oldest first; empty if the test was not started
    reason: str = ""  # of the last attempt's xfail, xpass or skip
    first_failure: str = ""  # first line of the first failure message
    notes: tuple[str, ...] = ()  # from atlas.exception() and waived measurements, in the order of the calls
    is_check: bool = True  # False if the step_type is not "passfail"
    skip_is_exception: bool = False  # --atlas-skipped=exception
    is_counted: bool = False  # pytest counted the failure of an attempt that no plugin replaced

    @property
    def last(self) -> Result:
        """The result of the last attempt."""
        return self.results[-1] if self.results else "unfinished"

    @property
    def is_as_expected(self) -> bool:
        """Whether the last attempt has a result that accepts notes."""
        return self.last in ("passed", "xpassed", "xfailed")

    @property
    def was_flaky(self) -> bool:
        """Whether an earlier attempt failed, or had an outcome that Atlas does not have."""
        return any(result in ("failed", "unknown") for result in self.results[:-1])


class Rule(NamedTuple):
    """One row of the C2 table."""

    name: str  # also the id of the test case
    matches: Callable[[StepAttempts], bool]
    status: Status
    note: Callable[[StepAttempts], str] = lambda _: ""  # Atlas accepts a note only with passed_with_exception


RULES = (
    Rule("failed", lambda a: a.last == "failed" or a.is_counted, "failed"),
    Rule(
        "flaky",
        lambda a: a.last in ("passed", "xpassed") and a.was_flaky,
        "passed_with_exception",
        lambda a: flaky_note(len(a.results), a.first_failure),
    ),
    Rule(
        "noted",
        lambda a: a.is_as_expected and bool(a.notes),
        "passed_with_exception",
        lambda a: "; ".join(a.notes),
    ),
    Rule("xfailed", lambda a: a.last == "xfailed", "passed_with_exception", lambda a: with_reason("xfail", a.reason)),
    Rule("xpassed", lambda a: a.last == "xpassed", "passed_with_exception", lambda a: with_reason("xpass", a.reason)),
    Rule("passed", lambda a: a.last == "passed" and a.is_check, "passed"),
    Rule("done", lambda a: a.last == "passed", "done"),
    Rule(
        "skipped",
        lambda a: a.last == "skipped" and a.skip_is_exception,
        "passed_with_exception",
        lambda a: with_reason("skip", a.reason),
    ),
    Rule("not run", lambda _: True, "todo"),  # skipped, stopped, not started, without a result, or with an unknown outcome
)


def outcome(attempts: StepAttempts) -> tuple[Status, str]:
    """Return the status and the note of a step. The note is empty unless the status is passed_with_exception.

    All attempts have an outcome, because the last rule always matches.
    """
    matching = [rule for rule in RULES if rule.matches(attempts)]
    status = matching[0].status
    notes = [note for rule in matching if rule.status == status and (note := rule.note(attempts))]
    return status, "; ".join(notes) if status == "passed_with_exception" else ""


def worst(outcomes: Iterable[tuple[Status, str]]) -> tuple[Status, str]:
    """Return the worst of the outcomes of several executions of one test; `todo` if there are none."""
    return max(outcomes, key=lambda o: SEVERITY.index(o[0]), default=("todo", ""))
