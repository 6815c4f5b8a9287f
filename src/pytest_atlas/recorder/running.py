"""The state of a running test: its attempt, phases and reports."""

from _thread import get_ident
from builtins import any, enumerate, isinstance, min, next
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pytest_atlas.base.forks import generation
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.schema import MAX_ATTEMPTS
from pytest_atlas.session.attempts import Result, attempt_result

if TYPE_CHECKING:
    from .contexts import TestContext


@dataclass(slots=True, eq=False)
class Running:
    """The protocol of a test, with the state of its current attempt."""

    test: ev.Identity
    item: pytest.Item
    attempt: int = 1
    inner: int = 0  # subtests and steps so far
    passed: list[ev.When] = field(default_factory=list)
    reports: list[pytest.TestReport] = field(default_factory=list)  # of the last attempt, if output.txt or a hook needs them
    events: list[ev.PhaseReported | ev.SubtestReported] = field(default_factory=list)  # of the last attempt
    is_violated: bool = False  # a measurement of the last attempt is out of limits
    phase: ev.When = "call"  # the last one that began
    began_setup: bool = False
    began_call: bool = False
    reported: list[ev.When] = field(default_factory=list)  # phases of this attempt that were reported
    is_rerun: bool = False  # one of them has the outcome `rerun`
    unreported: list[Any] = field(default_factory=list)  # reports of this attempt that were created but not reported yet
    discarded: list[tuple[Any, int]] = field(default_factory=list)  # unreported reports of earlier attempts, with their attempt
    last_report: Any = None  # the last one that was reported
    depth: int = 0  # number of nested calls of this item's protocol
    is_implied: bool = False  # a plugin runs the item without calling the hook pytest_runtest_protocol
    thread: int = field(default_factory=get_ident)
    generation: int = field(default_factory=generation)  # of the process in which the protocol began
    is_set_up: bool = False  # its set-up has begun, in this process or in the one that forked it
    context: "TestContext | None" = None  # of the `atlas` fixture, if the test uses it
    is_over: bool = False  # its protocol has ended

    def next_attempt(self) -> None:
        """Begin the next attempt, because a plugin runs the test again."""
        if self.context is not None:
            self.context.close_steps("passed")
        self.attempt = min(self.attempt + 1, MAX_ATTEMPTS)  # later ones are recorded with the last one
        self.inner = 0
        self.passed = []
        self.reports = []
        self.events = []
        self.is_violated = False
        self.began_setup = self.began_call = self.is_rerun = False
        self.reported = []
        self.unreported = []

    def has_unreported(self, report: Any) -> bool:
        """Return whether `report` was created for this item and not reported yet."""
        return any(made is report for made in self.unreported) or any(made is report for made, _ in self.discarded)

    def take_unreported(self, report: Any) -> int:
        """Mark `report` as reported and return its attempt: a plugin can report earlier attempts at the end."""
        self.last_report = report
        for index, made in enumerate(self.unreported):
            if made is report:
                del self.unreported[index]
                return self.attempt
        return next((attempt for made, attempt in self.discarded if made is report), self.attempt)

    @property
    def result(self) -> Result:
        """The result of the last attempt, after its end."""
        phases = [t for t in self.events if isinstance(t, ev.PhaseReported) and not t.hidden and t.attempt == self.attempt]
        subtests = [t for t in self.events if isinstance(t, ev.SubtestReported)]
        result = attempt_result(phases, subtests, self.passed, over=True)
        return "failed" if result == "passed" and self.is_violated else result
