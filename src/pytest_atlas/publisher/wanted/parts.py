"""What a session is made of, as far as its journals tell: cards, tests, what processes saw of them, and the steps inside."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pytest_atlas.base.content_types import content_type
from pytest_atlas.journal import events as ev

STEP = 1000
"""Orders are given in thousands, which leaves room for the steps that are opened inside a test."""
INNER_LIMIT = 999

R = TypeVar("R")
_NONE: Mapping[int, list[ev.SubtestReported]] = {}


@dataclass(slots=True)
class Card:
    """A card with the order of its next step."""

    key: str
    planned: ev.PlannedCard
    order: int
    next_step: int = STEP


@dataclass(slots=True)
class Inside:
    """What a test said of itself through the `atlas` fixture, in one process. Indexed: a test may have thousands of steps."""

    steps: dict[int, list[ev.StepOpened]] = field(default_factory=lambda: defaultdict(list))  # by ordinal, of all attempts
    opened: dict[tuple[int, int], ev.StepOpened] = field(default_factory=dict)  # by attempt and ordinal
    closed: dict[tuple[int, int], ev.StepClosed] = field(default_factory=dict)  # by attempt and ordinal
    measured: list[ev.Measured] = field(default_factory=list)
    noted: list[ev.Noted] = field(default_factory=list)
    told: dict[tuple[int, int], list[ev.Measured | ev.Noted]] = field(default_factory=lambda: defaultdict(list))
    """What was measured and noted, by attempt and the ordinal of the step around it."""

    def take(self, event: ev.StepOpened | ev.StepClosed | ev.Measured | ev.Noted) -> None:
        """Take one fact."""
        match event:
            case ev.StepOpened():
                self.steps[event.ordinal].append(event)
                self.opened[event.attempt, event.ordinal] = event
            case ev.StepClosed():
                self.closed[event.attempt, event.ordinal] = event
            case ev.Measured():
                self.measured.append(event)
                self.told[event.attempt, event.step].append(event)
            case ev.Noted():
                self.noted.append(event)
                self.told[event.attempt, event.step].append(event)


@dataclass(slots=True, eq=False)
class Execution:
    """One run of a test's protocol in one process: its attempts, as reported."""

    source: str  # the journal that it is recorded in
    worker: str
    started: float
    attempts: int = 1
    boundaries: dict[int, ev.AttemptEnded] | None = None  # by the number of the attempt that ended, if there were several
    # Most tests of a large session report nothing, so that lists are made when they are needed.
    phases: Sequence[ev.PhaseReported] = ()
    subtests: Sequence[ev.SubtestReported] = ()
    subtests_at: Mapping[int, list[ev.SubtestReported]] = field(default_factory=lambda: _NONE)  # by ordinal
    inside: "Inside | None" = None  # what the test said of itself, where it did
    end: ev.TestEnded | None = None

    def take(self, event: ev.PhaseReported | ev.SubtestReported | ev.AttemptEnded | ev.TestEnded) -> None:
        """Take one fact."""
        self.attempts = max(self.attempts, event.attempt)
        match event:
            case ev.AttemptEnded():
                self.attempts = max(self.attempts, event.attempt + 1)
                self.boundaries = self.boundaries or {}
                self.boundaries[event.attempt] = event
            case ev.PhaseReported():
                self.phases = _with(self.phases, event)
            case ev.SubtestReported():
                self.subtests = _with(self.subtests, event)
                if not isinstance(self.subtests_at, defaultdict):
                    self.subtests_at = defaultdict(list)
                self.subtests_at[event.ordinal].append(event)
            case ev.TestEnded():
                self.end = event


def _with(events: Sequence[R], event: R) -> list[R]:
    """Append `event` to the list `events`, or begin one."""
    if not isinstance(events, list):
        return [event]
    events.append(event)
    return events


@dataclass(slots=True)
class Test:
    """A test, planned or met."""

    __test__ = False

    key: str
    card: str
    planned: ev.PlannedTest
    doc: str
    order: int
    executions: list[Execution] = field(default_factory=list)  # in the order in which they were read

    def last_in(self, source: str) -> Execution | None:
        """The last execution that this journal tells of."""
        return next((execution for execution in reversed(self.executions) if execution.source == source), None)


@dataclass(slots=True)
class Inner:
    """A step inside a test: a subtest's, or one that the test opened. `outer` are the titles of the steps around it."""

    key: str
    test: Test
    ordinal: int
    title: str
    outer: tuple[str, ...] = ()

    @property
    def order(self) -> int:
        """Right behind its test; from the 999th on they share the last number."""
        return self.test.order + min(self.ordinal, INNER_LIMIT)


@dataclass(slots=True)
class File:
    """A data file on a step, a card or the run. Several files may share the content at one path."""

    key: str
    owner: str  # the key of the step, the card or the run
    event: ev.FileKept
    is_measurements: bool = False  # made of the journal when it is published

    @property
    def content_type(self) -> str:
        """As given, or what the name says."""
        return self.event.content_type or content_type(self.event.name)


@dataclass(slots=True)
class Collection:
    """A collector that failed."""

    key: str
    card: str
    event: ev.CollectionFailed
    order: int
