"""Facts of tests, written by the process that runs them: the only one, or an xdist worker."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.spool import Spool
from pytest_atlas.journal.writer import JournalWriter
from pytest_atlas.mapping import Outcome
from pytest_atlas.settings import Attach

from . import answers
from .faults import Faults, guarded
from .hooks import ProjectHooks
from .output import kept
from .plan import Planner
from .reports import Reader
from .running import Running, Teller, WideTeller


class TestRecorder:
    """Writes the plan, and of each test its start, what its phases have to say, and its end."""

    __test__ = False

    def __init__(
        self, config: pytest.Config, journal: JournalWriter, faults: Faults, *, attach: Attach, output_limit: int
    ) -> None:
        self.faults = faults
        self._journal = journal
        self._spool = Spool(journal.path.parent, journal.clean.redact)
        self._attach = attach
        self._output_limit = output_limit
        self._reader = Reader(config.rootpath, journal.clean)
        self._hooks = ProjectHooks(config, faults, journal.clean)
        self._planner = Planner(journal.clean.identity, faults.say, self._hooks)
        self._running: dict[str, Running] = {}  # by nodeid as pytest has it; a plugin may run tests in several threads

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """All cards and steps are known before the first test runs."""
        for part in self._planner.plan(session.items):
            self._journal.write(part)
        self._journal.write(ev.PlanCompleted(at=now(), count=len(session.items)))

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that can't be collected."""
        if report.failed:
            message, place = self._reader.told(report.longrepr)
            self._journal.write(ev.CollectionFailed(at=now(), nodeid=report.nodeid, message=message, place=place))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """A test, with all its attempts."""
        interrupted = ""
        self._begin(item)
        try:
            return (yield)
        except BaseException as error:
            interrupted = type(error).__name__
            raise
        finally:
            self._end(item, interrupted)

    @guarded
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """An attempt begins: a plugin that runs a test again says so each time."""
        if nodeid in self._running:
            self._running[nodeid].next_attempt()

    @pytest.hookimpl(tryfirst=True)  # before the terminal's own, which makes "failed" of a passed report with failed subtests
    @guarded
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase or a subtest is over."""
        running = self._running.get(report.nodeid)
        if running is None:
            return
        attempt = max(1, running.attempt)
        if self._attach != "none" or self._hooks.see_outcomes:
            running.reports.append(report)
        if hasattr(report, "context"):
            running.inner += 1
            self._tell(running, self._reader.subtest(report, running.test, attempt, running.inner))
        elif report.outcome == "passed" and not hasattr(report, "wasxfail"):
            running.passed.append(report.when)
        else:
            self._tell(running, self._reader.phase(report, running.test, attempt))
        if running.item and self._hooks.give_files and not hasattr(report, "context"):
            self._keep_artifacts(running.item, running, report)

    def _tell(self, running: Running, fact: ev.PhaseReported | ev.SubtestReported) -> None:
        running.told.append(fact)
        self._journal.write(fact)

    def teller(self, item: pytest.Item) -> Teller | None:
        """Who writes what the `atlas` fixture of `item` has to tell; None where its protocol is not under way."""
        running = self._running.get(item.nodeid)
        if running is None:
            return None
        if running.teller is None:  # one for each test: steps know by it whose they are
            running.teller = Teller(self._journal, self._spool, running, self.faults)
        return running.teller

    def is_set_up_here(self, item: pytest.Item) -> None:
        """Write here from now on, if this is a child that was forked to run `item`: its protocol began in the parent."""
        running = self._running.get(item.nodeid)
        if running is not None and not running.is_set_up:
            running.is_set_up = True
            if running.pid != os.getpid():
                self._journal.write_in_child()

    def keep_in_child(self, item: pytest.Item) -> None:
        """Such a child's test is over: keep the files and the output that its parent does not know of."""
        if (running := self._running.get(item.nodeid)) is not None and self._journal.is_mine:
            self._keep_files(running)

    def wide_teller(self, node: pytest.Class | pytest.File | None) -> WideTeller:
        """Who writes what a wider fixture keeps: for the card of a class or module, or for the run."""
        return WideTeller(self._journal, self._spool, self._planner.wide_card(node) if node else None, self.faults)

    @guarded
    def _begin(self, item: pytest.Item) -> None:
        test = self._planner.identity(item)
        self._running[item.nodeid] = Running(test, item)
        self._journal.write(ev.TestStarted(nodeid=test.nodeid, occurrence=test.occurrence, at=now()))

    @guarded
    def _end(self, item: pytest.Item, interrupted: str) -> None:
        ended = now()  # what we and projects' hooks do from here on is none of the test's time
        running = self._running.pop(item.nodeid, None)
        if running is None:  # its start could not be recorded, which is told
            return
        self._keep_files(running)
        try:
            if not interrupted and self._hooks.see_outcomes:
                self._ask_for_notes(item, running)
        finally:  # also where a hook ends the session
            self._journal.write(
                ev.TestEnded(
                    nodeid=running.test.nodeid,
                    occurrence=running.test.occurrence,
                    at=ended,
                    attempt=max(1, running.attempt),
                    passed=tuple(running.passed),
                    interrupted=interrupted,
                )
            )

    @guarded
    def _ask_for_notes(self, item: pytest.Item, running: Running) -> None:
        """What the projects' hooks have to say to the test's outcome."""
        if (result := running.result) == "unfinished":
            return
        teller = Teller(self._journal, self._spool, running, self.faults)
        outcome = Outcome(result, max(1, running.attempt), tuple(running.reports))
        for said in self._hooks.notes(item, outcome):
            for note in said.notes:
                teller.tell(ev.Noted, kind="note", text=note)
            for exception in said.exceptions:
                teller.tell(ev.Noted, kind="exception", text=exception)

    @guarded
    def _keep_artifacts(self, item: pytest.Item, running: Running, report: pytest.TestReport) -> None:
        """What the projects' hooks give for this phase."""
        from pytest_atlas.base.content_types import safe_name  # 15 ms, for those who have such a hook

        teller = Teller(self._journal, self._spool, running, self.faults)

        def keep(answer: object, complain: answers.Complain) -> None:
            for name, path in answers.files(answer, complain):
                try:
                    kept = self._spool.file(path, Path(name).suffix)
                except OSError as error:
                    complain(f"gave {str(path)!r}, which can't be kept ({error.strerror or error})")
                    continue
                teller.tell(ev.FileKept, name=safe_name(name), path=kept.path, size=kept.size, sha256=kept.sha256, at=now())

        self._hooks.files(item, report, keep)

    @guarded
    def _keep_files(self, running: Running) -> None:
        """What is known only now: the files that others wrote for the test, and what it printed."""
        teller = Teller(self._journal, self._spool, running, self.faults)
        try:
            teller.collect()
            is_bad = any(r.outcome in ("failed", "rerun") for r in running.reports)
            if self._attach == "all" or (self._attach == "failed" and is_bad):
                self._keep_output(teller, kept(running.reports, self._journal.clean, self._output_limit))
        except OSError as error:  # a full disk, say: no fault of ours, and the facts of the test are what matters
            self.faults.say(f"files of tests could not be kept: {error.strerror}")

    def _keep_output(self, teller: Teller, content: bytes) -> None:
        if content:
            file = self._spool.content(content, ".txt")
            teller.tell(ev.FileKept, name="output.txt", path=file.path, size=file.size, sha256=file.sha256, at=now())


class WorkerRecorder(TestRecorder):
    """Of an xdist worker, which tells the controller at its end what could not be written."""

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_sessionfinish(self) -> None:
        """The last hook whose words xdist still carries."""
        self._journal.close()
        self.faults.redacted += self._journal.clean.redacted
        if self._journal.lost:
            self.faults.say(f"{self._journal.lost} facts of a worker could not be written: {self._journal.problem}")
