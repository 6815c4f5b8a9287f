"""The parts of a session: cards, tests with their executions, inner steps, data files and failed collections.

An execution is one run of a test's protocol in one process; a plugin can repeat the test in it, so it has one or more attempts.
"""

import hashlib
from array import array
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Literal

from pytest_atlas.base.content_types import content_type
from pytest_atlas.descriptions import MAX_ATTEMPTS
from pytest_atlas.journal import events as ev

from .keys import nodeid_of_first, test_key

STEP = 1000
"""Distance between the orders of cards and of steps. Inner steps have the numbers between two tests."""
INNER_LIMIT = 999

MEASUREMENTS_FILE = "measurements.csv"
"""Name of the data file with all measurements of a card."""

PASSED = ev.ALL_PASSED
"""The phases of a test that passed without anything to report."""
MAX_EXECUTIONS = 4 * MAX_ATTEMPTS
"""If a test has more executions, old ones that only passed or only failed are counted instead of kept."""
MAX_FAILURES = 3
"""Maximum number of earlier executions of a loop whose failures are shown in full. The list of attempts has the others."""


@dataclass(slots=True)
class Card:
    """A card, and the order of its next step."""

    key: str
    planned: ev.PlannedCard
    order: int
    next_step: int = STEP

    def take_order(self) -> int:
        """Return the order of a new step."""
        order, self.next_step = self.next_step, self.next_step + STEP
        return order


@dataclass(slots=True)
class Inside:
    """The events of the `atlas` fixture in one execution. They are indexed, because a test can have thousands of steps."""

    steps: dict[tuple[int, str], list[ev.StepOpened]] = field(default_factory=lambda: defaultdict(list))
    """The opened steps of all attempts, by ordinal and title."""
    opened: dict[tuple[int, int], ev.StepOpened] = field(default_factory=dict)  # by attempt and ordinal
    closed: dict[tuple[int, int], ev.StepClosed] = field(default_factory=dict)  # by attempt and ordinal
    measured: dict[int, list[ev.Measured]] = field(default_factory=lambda: defaultdict(list))  # by attempt
    noted: dict[int, list[ev.Noted]] = field(default_factory=lambda: defaultdict(list))  # by attempt
    recorded: dict[tuple[int, int], list[ev.Measured | ev.Noted]] = field(default_factory=lambda: defaultdict(list))
    """Measurements and notes, by attempt and the ordinal of the enclosing step."""

    def apply(self, event: ev.StepOpened | ev.StepClosed | ev.Measured | ev.Noted) -> None:
        """Add one event."""
        match event:
            case ev.StepOpened():
                self.steps[event.ordinal, event.title].append(event)
                self.opened[event.attempt, event.ordinal] = event
            case ev.StepClosed():
                self.closed[event.attempt, event.ordinal] = event
            case ev.Measured():
                self.measured[event.attempt].append(event)
                self.recorded[event.attempt, event.step].append(event)
            case ev.Noted():
                self.noted[event.attempt].append(event)
                self.recorded[event.attempt, event.step].append(event)


def subtest_title(event: ev.SubtestReported) -> str:
    """Return the title of the step of a subtest."""
    return event.title or f"subtest {event.ordinal}"


@dataclass(slots=True, eq=False)
class Reported:
    """The events of an execution other than its start and its end."""

    attempts: int = 1
    boundaries: dict[int, ev.AttemptEnded] = field(default_factory=dict)  # by the number of the attempt that ended
    phases: list[ev.PhaseReported] = field(default_factory=list)
    subtests: list[ev.SubtestReported] = field(default_factory=list)
    subtests_at: dict[tuple[int, str], list[ev.SubtestReported]] = field(default_factory=lambda: defaultdict(list))
    """By ordinal and title."""
    inside: Inside | None = None  # None if the test did not use the `atlas` fixture
    passed: tuple[ev.When, ...] = PASSED  # the phases of the last attempt that passed without anything to report
    interrupted: str = ""  # the exception that ended the protocol


JUST_PASSED = Reported()
"""Shared by all executions without other events, such as most tests of a large session. It is never changed."""


@dataclass(slots=True, eq=False)
class Execution:
    """One run of a test's protocol in one process."""

    source: str  # the journal that it is recorded in
    worker: str
    started: float
    ended: float | None = None
    reported: Reported = JUST_PASSED

    @property
    def has_just_passed(self) -> bool:
        """Whether the execution has ended without other events."""
        return self.ended is not None and self.reported is JUST_PASSED

    @property
    def has_just_failed(self) -> bool:
        """Whether the execution has ended in one attempt, and its only other events are failed phases."""
        reported = self.reported
        is_plain = reported.attempts == 1 and not (reported.subtests or reported.inside or reported.interrupted)
        return (
            self.ended is not None
            and is_plain
            and bool(reported.phases)
            and all(phase.outcome == "failed" and not phase.hidden for phase in reported.phases)
        )

    def apply(self, event: ev.PhaseReported | ev.SubtestReported | ev.AttemptEnded | ev.TestEnded) -> None:
        """Add one event."""
        match event:
            case ev.AttemptEnded():
                self._count(event.attempt + 1)
                self.writable().boundaries[event.attempt] = event
            case ev.PhaseReported():
                self._count(event.attempt)
                self.writable().phases.append(event)
            case ev.SubtestReported():
                self._count(event.attempt)
                self.writable().subtests.append(event)
                self.reported.subtests_at[event.ordinal, subtest_title(event)].append(event)
            case ev.TestEnded():
                self._count(event.attempt)
                self.ended = event.at
                if (event.passed, event.interrupted) != (self.reported.passed, self.reported.interrupted):
                    self.writable().passed, self.reported.interrupted = event.passed, event.interrupted

    def apply_inside(self, event: ev.StepOpened | ev.StepClosed | ev.Measured | ev.Noted) -> Inside:
        """Add one event of the `atlas` fixture, and return all of them."""
        self.writable().inside = inside = self.reported.inside or Inside()
        inside.apply(event)
        return inside

    def opened(self, attempt: int, ordinal: int) -> ev.StepOpened | None:
        """Return the step with this ordinal if the attempt opened it."""
        return self.reported.inside.opened.get((attempt, ordinal)) if self.reported.inside else None

    def titles_around(self, attempt: int, ordinal: int) -> list[str]:
        """Return the titles of an opened step and of the steps around it, the outermost one first; empty without a step."""
        titles: list[str] = []
        while step := self.opened(attempt, ordinal):
            titles.insert(0, step.title)
            if step.inside >= ordinal:  # not from this version: a step is opened after the one around it
                break
            ordinal = step.inside
        return titles

    def writable(self) -> Reported:
        """Return `reported` as an object that belongs to this execution only."""
        if self.reported is JUST_PASSED:
            self.reported = Reported()
        return self.reported

    def _count(self, attempt: int) -> None:
        if attempt > self.reported.attempts:
            self.writable().attempts = attempt


@dataclass(slots=True)
class _Executions:
    """Several executions of a test, and the last one in each journal. Most executions of a long loop are only counted."""

    all: list[Execution] = field(default_factory=list)
    last: dict[str, Execution] = field(default_factory=dict)
    counted: dict[str, "array[float]"] = field(default_factory=dict)  # by journal: the starts of those that are only counted
    failures: int = 0  # of those that are only counted
    most: int = MAX_EXECUTIONS

    def add(self, execution: Execution) -> None:
        self.all.append(execution)
        self.last[execution.source] = execution
        if len(self.all) > self.most:
            removed = set(self._uninteresting())
            for each in removed:
                insort(self.counted.setdefault(each.source, array("d")), each.started)
                self.failures += each.has_just_failed
            self.all = [each for each in self.all if each not in removed]
            self.most = max(MAX_EXECUTIONS, 2 * len(self.all))

    def _uninteresting(self) -> Iterator[Execution]:
        """Yield the executions that change neither the status of the step, nor its times, nor its listed attempts."""
        ordered = sorted(self.all, key=lambda each: each.started)
        # An execution after one that did not end can be its replacement.
        followers = [each for before, each in pairwise(ordered) if before.ended is not None]
        passed = [each for each in followers if each.has_just_passed]
        failed = [each for each in followers if each.has_just_failed]
        old = [*passed[:-MAX_ATTEMPTS], *failed[MAX_FAILURES:-MAX_ATTEMPTS]]
        yield from (each for each in old if self.last[each.source] is not each)


class Test:
    """A test, from the plan or from its first event. It is compact, because a session can have 100,000 of them."""

    __slots__ = ("_executions", "_planned", "card", "doc", "key", "order")
    __test__ = False

    def __init__(self, planned: ev.PlannedTest, card: str, doc: str, order: int) -> None:
        """`card`: the key of its card. `order`: the order of its step."""
        self.key = test_key(planned.nodeid, planned.occurrence)
        self.card = card
        self.doc = doc
        self.order = order
        is_plain = planned.name == _last_part(planned.nodeid) and not (planned.title or planned.step_type or planned.occurrence)
        self._planned = None if is_plain else planned
        self._executions: Execution | _Executions | None = None  # most tests have one

    @property
    def nodeid(self) -> str:
        """The nodeid."""
        return self._planned.nodeid if self._planned else nodeid_of_first(self.key)

    @property
    def planned(self) -> ev.PlannedTest:
        """The test in the plan. The index of its card can be missing; `card` has the key."""
        return self._planned or ev.PlannedTest(self.nodeid, _last_part(self.nodeid), -1)

    @property
    def executions(self) -> Sequence[Execution]:
        """The executions in the order in which they were read, without those that are only counted."""
        if isinstance(self._executions, _Executions):
            return self._executions.all
        return (self._executions,) if self._executions else ()

    def add(self, execution: Execution) -> None:
        """Append an execution."""
        if self._executions is None:
            self._executions = execution
            return
        if isinstance(self._executions, Execution):
            first, self._executions = self._executions, _Executions()
            self._executions.add(first)
        self._executions.add(execution)

    @property
    def counted_failures(self) -> int:
        """The number of failed executions that are only counted."""
        return self._executions.failures if isinstance(self._executions, _Executions) else 0

    def counted(self, *, before: float = inf, source: str = "") -> int:
        """Return the number of executions that are only counted and started `before` a time, in all journals or in one."""
        counted = self._executions.counted if isinstance(self._executions, _Executions) else {}
        return sum(bisect_left(times, before) for journal, times in counted.items() if source in ("", journal))

    def last_in(self, source: str) -> Execution | None:
        """Return the last execution in this journal."""
        if isinstance(self._executions, _Executions):
            return self._executions.last.get(source)
        return self._executions if self._executions and self._executions.source == source else None


def _last_part(nodeid: str) -> str:
    """Return the name of most tests."""
    return nodeid.rpartition("::")[2]


@dataclass(slots=True)
class InnerStep:
    """A subtest, or a step that a test opened. `outer`: the titles of the enclosing steps."""

    key: str
    test: Test
    ordinal: int
    title: str
    outer: tuple[str, ...] = ()
    executions: dict[Execution, None] = field(default_factory=dict)
    """The executions that opened or reported the step, in the order in which they were read."""

    @property
    def order(self) -> int:
        """The numbers after that of the test. From the 999th on, inner steps share the last number."""
        return self.test.order + min(self.ordinal, INNER_LIMIT)


@dataclass(slots=True)
class File:
    """A data file of a step, a card or the run. Several files can share the content of one path."""

    key: str
    owner: str  # the key of the step, the card or the run
    event: ev.FileKept
    made_from: Literal["", "measurements", "limits"] = ""
    """Events of the journal from which its content is made when it is published; empty for a file on the disk."""

    @property
    def content_type(self) -> str:
        """The given content type, or that of the file name."""
        return self.event.content_type or content_type(self.event.name)


def measurements_file(card: str) -> ev.FileKept:
    """Return the file with the measurements of the card with this key. Its content is made when it is published."""
    path = f"files/measurements-{hashlib.sha256(card.encode()).hexdigest()[:16]}.csv"
    return ev.FileKept(name=MEASUREMENTS_FILE, path=path, size=0, at=0.0)


@dataclass(slots=True)
class Collection:
    """A collector that failed."""

    key: str
    card: str
    event: ev.CollectionFailed
    order: int
