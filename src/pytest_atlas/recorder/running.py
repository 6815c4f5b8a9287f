"""The test that is running, and what is told of it beside pytest's reports: by itself, and by what it left behind."""

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
    """A test whose protocol is running, with what is known of its present attempt."""

    test: ev.Identity
    item: pytest.Item
    attempt: int = 1
    inner: int = 0  # subtests and steps so far
    passed: list[ev.When] = field(default_factory=list)
    reports: list[pytest.TestReport] = field(default_factory=list)  # of the last attempt, where they are wanted
    told: list[ev.PhaseReported | ev.SubtestReported] = field(default_factory=list)  # of the last attempt
    is_violated: bool = False  # a measurement of the last attempt is out of limits
    phase: ev.When = "call"  # the last one that began
    began_setup: bool = False
    began_call: bool = False
    reported: list[ev.When] = field(default_factory=list)  # phases of this attempt whose report pytest got
    is_rerun: bool = False  # one of them says that the test runs again
    made: list[Any] = field(default_factory=list)  # reports of this attempt that pytest has not got
    discarded: list[tuple[Any, int]] = field(default_factory=list)  # reports of earlier attempts, with their attempt
    last_report: Any = None  # the last one that pytest got
    depth: int = 0  # how often a plugin called the protocol of this item inside itself
    is_implied: bool = False  # a plugin runs the item without calling the hook pytest_runtest_protocol
    thread: int = field(default_factory=get_ident)
    generation: int = field(default_factory=generation)  # of the process in which it began
    is_set_up: bool = False  # its set-up has begun, in this process or in the one that forked it
    context: "TestContext | None" = None  # of the `atlas` fixture, if the test uses it
    is_over: bool = False  # its protocol has ended

    def next_attempt(self) -> None:
        """A plugin runs the test again."""
        if self.context is not None:
            self.context.close_steps("passed")
        self.attempt = min(self.attempt + 1, MAX_ATTEMPTS)  # later ones are recorded with the last one
        self.inner = 0
        self.passed = []
        self.reports = []
        self.told = []
        self.is_violated = False
        self.began_setup = self.began_call = self.is_rerun = False
        self.reported = []
        self.made = []

    def has_made(self, report: Any) -> bool:
        """Whether `report` was made for this item and pytest has not got it yet."""
        return any(made is report for made in self.made) or any(made is report for made, _ in self.discarded)

    def take_made(self, report: Any) -> int:
        """Pytest gets `report`. Return the attempt that it is of: a plugin can report earlier attempts at the end."""
        self.last_report = report
        for index, made in enumerate(self.made):
            if made is report:
                del self.made[index]
                return self.attempt
        return next((attempt for made, attempt in self.discarded if made is report), self.attempt)

    @property
    def result(self) -> Result:
        """The result of the last attempt, which is over."""
        phases = [t for t in self.told if isinstance(t, ev.PhaseReported) and not t.hidden and t.attempt == self.attempt]
        subtests = [t for t in self.told if isinstance(t, ev.SubtestReported)]
        result = attempt_result(phases, subtests, self.passed, over=True)
        return "failed" if result == "passed" and self.is_violated else result
