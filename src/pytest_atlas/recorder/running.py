"""The test that is running, and what is told of it beside pytest's reports: by itself, and by what it left behind."""

import os
from _thread import get_ident
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.results import Result, attempt_result
from pytest_atlas.journal.schema import MAX_ATTEMPTS
from pytest_atlas.journal.spool import Spool
from pytest_atlas.journal.writer import JournalWriter

from .faults import Faults


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
    reserved: list[tuple[str, Path]] = field(default_factory=list)  # names and paths of files that others write
    pid: int = field(default_factory=os.getpid)  # of the process in which it began
    is_set_up: bool = False  # its set-up has begun, in this process or in the one that forked it
    teller: "Teller | None" = None  # of what is told inside the test, once somebody tells

    def next_attempt(self) -> None:
        """A plugin runs the test again."""
        self.attempt = min(self.attempt + 1, MAX_ATTEMPTS)  # what comes later is recorded with the last one
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


class Teller:
    """Writes what the `atlas` fixture of the running test has to tell. A fault in it is none of the test's."""

    def __init__(self, journal: JournalWriter, spool: Spool, running: Running, faults: Faults) -> None:
        self.spool = spool
        self._journal = journal
        self._running = running
        self._faults = faults

    def tell(self, event: type[Any], /, **facts: Any) -> None:
        """Record an event of the running attempt."""
        test = self._running.test
        if facts.get("verdict") == "fail":
            self._running.is_violated = True
        attempt = self._running.attempt
        with self._faults.caught("the atlas fixture"):
            self._journal.write(event(nodeid=test.nodeid, occurrence=test.occurrence, attempt=attempt, **facts))

    def next_ordinal(self) -> int:
        """The next number of a step or subtest."""
        self._running.inner += 1
        return self._running.inner

    def reserve(self, name: str) -> Path:
        """A path that is looked at when the test's teardown is over."""
        path = self.spool.folder_of_its_own() / name
        self._running.reserved.append((name, path))
        return path

    def collect(self) -> None:
        """Keep what was written at the reserved paths; say what was not."""
        for name, path in self._running.reserved:
            if path.is_file():
                kept = self.spool.written(path)
                self.tell(ev.FileKept, name=name, path=kept.path, size=kept.size, at=now())
            else:
                self.tell(ev.Noted, kind="note", text=f"{name} was never written")


class WideTeller:
    """Writes what a fixture that is wider than a test keeps: for a card, or for the run."""

    def __init__(self, journal: JournalWriter, spool: Spool, card: ev.PlannedCard | None, faults: Faults) -> None:
        self.spool = spool
        self._journal = journal
        self._card = card
        self._faults = faults
        self._reserved: list[tuple[str, Path]] = []

    def tell(self, event: type[Any], /, **facts: Any) -> None:
        """Record a file of the card or the run."""
        with self._faults.caught("the atlas fixture"):
            self._journal.write(event(card=self._card, **facts))

    def next_ordinal(self) -> int:
        """There are no steps here."""
        return 0

    def reserve(self, name: str) -> Path:
        """A path that is looked at when the fixture is torn down."""
        path = self.spool.folder_of_its_own() / name
        self._reserved.append((name, path))
        return path

    def collect(self) -> None:
        """Keep what was written at the reserved paths."""
        for name, path in self._reserved:
            if path.is_file():
                kept = self.spool.written(path)
                self.tell(ev.FileKept, name=name, path=kept.path, size=kept.size, at=now())
            else:
                self._faults.say(f"{name} was never written at the path that atlas.path gave")
