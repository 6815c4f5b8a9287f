"""What a test's attempts mean in Atlas: an execution status and a note (the design's contract C2).

Pure: no clock, no file, no Atlas. The rules are one table read from the top; the first that applies gives the status, and
all that apply and have one give a note. To change the mapping, change RULES: tests/session/test_outcomes.py walks it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pytest_atlas.atlas.statuses import SEVERITY
from pytest_atlas.atlas.statuses import ExecutionStatus as Status
from pytest_atlas.descriptions import passed_after
from pytest_atlas.session.attempts import Result

DIED = "pytest died while this test ran"


@dataclass(frozen=True, slots=True)
class Story:
    """What one process saw of one test (or subtest): its attempts, oldest first, and what was said about them."""

    results: tuple[Result, ...] = ()  # empty: never started
    reason: str = ""  # of the last attempt's xfail, xpass or skip
    first_failure: str = ""  # the first line of the first failure of all attempts
    notes: tuple[str, ...] = ()  # exceptions that the test itself declared, in the order given
    is_check: bool = True  # False: the marker's step_type is not "passfail"
    skip_is_exception: bool = False  # --atlas-skipped=exception
    is_counted: bool = False  # pytest counted a failure of an attempt that no plugin replaced

    @property
    def result(self) -> Result:
        """The last attempt's; it decides."""
        return self.results[-1] if self.results else "unfinished"

    @property
    def went_well(self) -> bool:
        """Whether the last attempt came to what was expected of it: what it said of exceptions is then its note."""
        return self.result in ("passed", "xpassed", "xfailed")

    @property
    def was_flaky(self) -> bool:
        """Whether an earlier attempt had failed, or had an outcome that is unknown to Atlas."""
        return any(result in ("failed", "unknown") for result in self.results[:-1])


def phrase(word: str, reason: str) -> str:
    """`xfail: ECR-118`, or the word alone where no reason was given."""
    return f"{word}: {reason}" if reason else word


class Rule(NamedTuple):
    """One row of C2."""

    name: str
    applies: Callable[[Story], bool]
    status: Status
    note: Callable[[Story], str] = lambda _: ""  # Atlas takes one beside passed_with_exception only


RULES = (
    Rule("failed", lambda t: t.result == "failed" or t.is_counted, "failed"),
    Rule(
        "flaky",
        lambda t: t.result in ("passed", "xpassed") and t.was_flaky,
        "passed_with_exception",
        lambda t: passed_after(len(t.results), t.first_failure),
    ),
    Rule(
        "noted",
        lambda t: t.went_well and bool(t.notes),
        "passed_with_exception",
        lambda t: "; ".join(t.notes),
    ),
    Rule("xfailed", lambda t: t.result == "xfailed", "passed_with_exception", lambda t: phrase("xfail", t.reason)),
    Rule("xpassed", lambda t: t.result == "xpassed", "passed_with_exception", lambda t: phrase("xpass", t.reason)),
    Rule("passed", lambda t: t.result == "passed" and t.is_check, "passed"),
    Rule("done", lambda t: t.result == "passed", "done"),
    Rule(
        "skipped",
        lambda t: t.result == "skipped" and t.skip_is_exception,
        "passed_with_exception",
        lambda t: phrase("skip", t.reason),
    ),
    Rule("not run", lambda _: True, "todo"),  # skipped, stopped, not started, without a result or with an unknown one
)


def outcome(story: Story) -> tuple[Status, str]:
    """The status of a step and the note beside it; the note is empty where the status takes none. Total, raises nothing."""
    fitting = [rule for rule in RULES if rule.applies(story)]
    status = fitting[0].status
    notes = [note for rule in fitting if rule.status == status and (note := rule.note(story))]
    return status, "; ".join(notes) if status == "passed_with_exception" else ""


def worst(outcomes: Iterable[tuple[Status, str]]) -> tuple[Status, str]:
    """Of what several workers saw of one test, the worst; nothing seen is `todo`."""
    return max(outcomes, key=lambda o: SEVERITY.index(o[0]), default=("todo", ""))
