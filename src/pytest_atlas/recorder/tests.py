"""Record the events of tests, in the process that runs them: the only process, or an xdist worker."""

from builtins import any, dict, hasattr, id, isinstance, len, next, object, set, str, tuple, type
from collections.abc import Generator, Sequence
from dataclasses import replace

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.base.file_names import safe_name, suffix
from pytest_atlas.base.forks import generation
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.spool import Spool
from pytest_atlas.journal.writer import JournalWriter
from pytest_atlas.mapping import Outcome
from pytest_atlas.settings import Attach

from . import hook_results
from .contexts import CardContext, TestContext
from .hooks import ProjectHooks
from .internal_errors import InternalErrors, guarded
from .losses import reason
from .output import output_file
from .plan import Planner
from .protocols import Protocols
from .reports import PHASES, Reader, attribute, known_outcome
from .running import Running


class TestRecorder:
    """Records the plan, and for each test its start, the phases that did not simply pass, and its end."""

    __test__ = False

    def __init__(
        self,
        config: pytest.Config,
        journal: JournalWriter,
        internal_errors: InternalErrors,
        *,
        attach: Attach,
        output_limit: int,
    ) -> None:
        self.internal_errors = internal_errors
        self._journal = journal
        self._spool = Spool(journal.path.parent, journal.clean.redact)
        self._attach = attach
        self._output_limit = output_limit
        self._reader = Reader(config.rootpath, journal.clean)
        self._hooks = ProjectHooks(config, internal_errors, journal.clean)
        self._planner = Planner(journal.clean.identity, internal_errors.report, self._hooks)
        self._protocols = Protocols()
        self._failed_starts: set[int] = set()  # ids of the items whose start could not be recorded
        self._items: Sequence[pytest.Item] = ()  # as collected
        self._generation = generation()
        self._has_artifact_hooks = False  # whether pytest_atlas_artifacts is implemented, read when a test starts

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the plan: all cards and steps, before the first test runs."""
        self._items = session.items
        for part in self._planner.plan(session.items):
            self._journal.write(part)
        self._journal.write(ev.PlanCompleted(at=now(), count=len(session.items)))

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record that a module can't be collected."""
        if report.failed:
            message, place = self._reader.failure_text(report.longrepr)
            self._journal.write(ev.CollectionFailed(at=now(), nodeid=report.nodeid, message=message, place=place))

    # ── executions and attempts ──────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record the start and the end of a test, around all its attempts."""
        interrupted = ""
        self._begin(item)
        try:
            return (yield)
        except BaseException as error:
            interrupted = type(error).__name__
            raise
        finally:
            self._end_protocol(item, interrupted)

    @guarded
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin the next attempt if this is not the first. A plugin may fork a child process for it."""
        running = self._protocols.current()
        if running is not None and (running.began_setup or running.reported) and running.item.nodeid == nodeid:
            self._next_attempt(running)

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin the set-up. Each further set-up of an item is a further attempt, whatever the plugin reports."""
        if self._protocols.has_implied:
            self._end_implied(item)
        running = self._protocols.of_item(item) or self._begin_implied(item)
        if running is None:
            return
        if not running.is_set_up:
            running.is_set_up = True
            if running.generation != generation():  # a child that was forked to run the test: its protocol began in the parent
                self._journal.write_in_child()
        if running.began_setup or running.began_call or running.is_rerun:
            self._next_attempt(running)
        running.began_setup = True

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Begin the call. A further call without a set-up is a further attempt."""
        running = self._protocols.of_item(item)
        if running is None:
            return
        if running.began_call:  # a plugin repeats the call alone
            self._next_attempt(running)
        running.began_call = True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Remember the new report, which a plugin may report, change or discard."""
        if call.when == "teardown" and generation() != self._generation:
            self._keep_in_child(item)
        report = yield
        self._take_report_of(item, call, report)
        return report

    @guarded
    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, report: pytest.TestReport) -> None:
        """Remember the report of a failed phase. Some plugins call this for attempts whose reports the hook did not create."""
        running = self._protocols.of_item(node) if isinstance(node, pytest.Item) else None
        if running is None or running.last_report is report or running.has_unreported(report):
            return
        if attribute(report, "outcome") == "failed" and not hasattr(report, "context"):
            running.unreported.append(report)

    @pytest.hookimpl(tryfirst=True)  # before the terminal reporter changes a report with failed subtests
    @guarded
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a phase or a subtest, which is over."""
        running = self._protocols.of_report(report) or self._owner_outside(report)
        if running is None:
            if not self._failed_starts:  # else the error is reported already
                one, several = (
                    "report that belongs to no test is not recorded",
                    "reports that belong to no test are not recorded",
                )
                self.internal_errors.count(one, several, str(attribute(report, "nodeid")))
            return
        if type(report) is pytest.TestReport and report.outcome == "passed" and self._take_pass(running, report):
            return
        if hasattr(report, "context"):
            self._take_subtest(running, report)
        else:
            self._take_phase(running, report)
            if running.is_implied and running.reported[-1:] == ["teardown"]:
                self._end(running, "")

    def _take_pass(self, running: Running, report: pytest.TestReport) -> bool:
        """Take the report of a phase that simply passed. Return False for any other report. This is the fast path."""
        if running.is_implied or running.is_rerun or not running.unreported or running.unreported[-1] is not report:
            return False
        when = PHASES.get(report.when or "")
        if when is None or self._has_artifact_hooks or hasattr(report, "wasxfail"):
            return False
        running.unreported.pop()
        running.last_report = report
        running.reported.append(when)
        running.passed.append(when)
        if self._keeps_reports:
            running.reports.append(report)
        return True

    def _take_subtest(self, running: Running, report: pytest.TestReport) -> None:
        running.last_report = report
        if running.unreported:
            running.unreported.pop()  # the report of a subtest is created from the report of the hook
        if self._keeps_reports:
            running.reports.append(report)
        running.inner += 1
        self._write(running, self._reader.subtest(report, running.test, running.attempt, running.inner))

    def _take_phase(self, running: Running, report: pytest.TestReport) -> None:
        when = self._reader.when(report, running.phase)
        if running.is_rerun and when != "teardown" and not running.began_setup:  # in a child process
            self._next_attempt(running)
        attempt = running.take_unreported(report)
        if self._keeps_reports:
            running.reports.append(report)
        outcome, _ = known_outcome(attribute(report, "outcome"))
        if outcome is None:
            return  # no usable report: the test counts as unreported
        if attempt == running.attempt:
            running.reported.append(when)
            running.is_rerun = running.is_rerun or outcome == "rerun"
        if outcome == "passed" and not hasattr(report, "wasxfail"):
            if attempt == running.attempt:
                running.passed.append(when)
        else:
            self._write(running, self._reader.phase(report, running.test, attempt, when))
        if self._has_artifact_hooks:
            self._keep_artifacts(running.item, running, report)

    @property
    def _keeps_reports(self) -> bool:
        return self._attach != "none" or self._hooks.has_outcome_hooks

    def _write(self, running: Running, event: ev.PhaseReported | ev.SubtestReported) -> None:
        running.events.append(event)
        self._journal.write(event)

    @guarded
    def _take_report_of(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        if (running := self._protocols.of_item(item)) is not None:
            running.unreported.append(report)
            running.phase = PHASES.get(call.when, "call")
        else:
            self._protocols.note_report_outside(report, item)

    def _next_attempt(self, running: Running) -> None:
        self._record_hidden(running)
        running.discarded += [(report, running.attempt) for report in running.unreported]
        test = running.test
        passed = tuple(dict.fromkeys(running.passed))
        self._journal.write(
            ev.AttemptEnded(nodeid=test.nodeid, occurrence=test.occurrence, at=now(), attempt=running.attempt, passed=passed)
        )
        running.next_attempt()

    def _record_hidden(self, running: Running, *, is_last: bool = False) -> None:
        """Record the reports that a plugin discarded: those of an attempt that it runs again without a report.

        A discarded phase that passed counts only in an earlier attempt: the last attempt has the reported result.
        """
        for report in running.unreported:
            when = self._reader.when(report, running.phase)
            outcome, _ = known_outcome(attribute(report, "outcome"))
            if outcome is None or when in running.reported:
                continue
            if outcome == "passed" and not hasattr(report, "wasxfail"):
                running.passed += [] if is_last else [when]
            else:
                event = self._reader.phase(report, running.test, running.attempt, when)
                self._write(running, replace(event, hidden=True))

    def _owner_outside(self, report: pytest.TestReport) -> Running | None:
        """Begin the protocol of the item that a report was created for, or that it names, while no protocol runs."""
        item = self._protocols.item_of_outside(report)
        if item is None:
            name = attribute(report, "nodeid")
            item = next((item for item in self._items if item.nodeid == name), None)
        return self._begin_implied(item) if item is not None else None

    # ── beginning and end ────────────────────────────────────────────────────────────────────────────────────────────

    @guarded
    def _begin(self, item: pytest.Item) -> None:
        if self._protocols.has_implied:
            self._end_implied(item)
        if (running := self._protocols.of_item(item)) is not None:  # a plugin calls the hook inside itself
            running.depth += 1
            return
        self._failed_starts.add(id(item))  # until it is recorded: its reports must not start it again
        self._start(Running(self._planner.identity(item), item))
        self._failed_starts.discard(id(item))

    def _begin_implied(self, item: pytest.Item) -> Running | None:
        """Begin an item that a plugin runs without its protocol. None: the start of its protocol could not be recorded."""
        if id(item) in self._failed_starts:
            return None
        running = Running(self._planner.identity(item), item, is_implied=True)
        self._start(running)
        return running

    def _start(self, running: Running) -> None:
        self._has_artifact_hooks = self._hooks.has_artifact_hooks
        self._protocols.begin(running)
        test = running.test
        self._journal.write(ev.TestStarted(nodeid=test.nodeid, occurrence=test.occurrence, at=now()))

    @guarded
    def _end_protocol(self, item: pytest.Item, interrupted: str) -> None:
        if self._protocols.has_implied:
            self._end_implied(item)
        running = self._protocols.of_item(item)
        if running is None:  # its start could not be recorded; the error is reported
            self._failed_starts.discard(id(item))
            return
        if running.depth:
            running.depth -= 1
        else:
            self._end(running, interrupted)

    def _end_implied(self, item: pytest.Item | None = None) -> None:
        """End the items that a plugin ran without their protocol in this thread, because another item begins."""
        for running in self._protocols.implied():
            if running.item is not item:
                self._end(running, "")

    def _end(self, running: Running, interrupted: str) -> None:
        ended = now()  # the duration of a test excludes that of our work and of the hooks below
        self._protocols.end(running)
        item = running.item
        if running.unreported:
            self._record_hidden(running, is_last=True)
        if running.context is not None or running.events or self._attach == "all":
            self._keep_files(running)
        self._count(running, interrupted)
        try:
            if not interrupted and self._hooks.has_outcome_hooks:
                self._record_notes(item, running)
        finally:  # also if a hook ends the session
            if running.context is not None and not interrupted:  # open steps of an interrupted test have no outcome
                self._close_steps(running)
            running.is_over = True
            self._journal.write(
                ev.TestEnded(
                    nodeid=running.test.nodeid,
                    occurrence=running.test.occurrence,
                    at=ended,
                    attempt=running.attempt,
                    passed=tuple(dict.fromkeys(running.passed)),
                    interrupted=interrupted,
                )
            )

    def _count(self, running: Running, interrupted: str) -> None:
        """Count tests without a usable result, for the terminal summary."""
        if not running.events and "call" in running.passed:
            return
        result = "unfinished" if interrupted else running.result
        unknown = next((event.reported for event in running.events if event.outcome == "unknown"), "")
        if result == "unreported":
            words = "ran, but pytest reported no result"
            self.internal_errors.count(f"test {words}", f"tests {words}", running.test.nodeid, test=id(running.item))
        elif unknown and (result == "unknown" or any(isinstance(event, ev.SubtestReported) for event in running.events)):
            words = "an outcome that is unknown to Atlas"
            first = f"{running.test.nodeid}: {unknown!r}"
            self.internal_errors.count(f"test has {words}", f"tests have {words}", first, test=id(running.item))

    @guarded
    def pytest_sessionfinish(self) -> None:
        """End the tests that a plugin ran without their protocol."""
        self._end_implied()

    # ── the `atlas` fixture ──────────────────────────────────────────────────────────────────────────────────────────

    def context(self, item: pytest.Item) -> TestContext | None:
        """Return the context of the `atlas` fixture of `item`; None if its protocol does not run."""
        running = self._protocols.of_item(item)
        return self._context(running) if running is not None else None

    def _context(self, running: Running) -> TestContext:
        """Return the context of an execution of a test. Each execution has its own; steps use it to find their test."""
        if running.context is None:
            running.context = TestContext(self._journal, self._spool, running, self.internal_errors)
        return running.context

    def context_outside_protocol(self, item: pytest.Item) -> CardContext:
        """Return a context that records for the session, because a plugin runs `item` without its protocol."""
        self.internal_errors.report(
            f"{item.nodeid} ran outside of pytest's protocol: what it recorded is in the run, not in a step",
            about=f"outside {item.nodeid}",
        )
        return CardContext(self._journal, self._spool, None, self.internal_errors, item.nodeid)

    @guarded
    def _keep_in_child(self, item: pytest.Item) -> None:
        """Record the files and the output of a test in the child that was forked to run it: the parent doesn't have them."""
        if self._journal.is_mine and (running := self._protocols.of_item(item)) is not None:
            self._keep_files(running)

    def card_context(self, node: pytest.Class | pytest.File | None) -> CardContext:
        """Return the context of a class, module or session fixture: the card of the node, or the run."""
        return CardContext(self._journal, self._spool, self._planner.wide_card(node) if node else None, self.internal_errors)

    @guarded
    def _close_steps(self, running: Running) -> None:
        """Close the steps that the test left open."""
        self._context(running).close_steps("failed" if running.result == "failed" else "passed")

    @guarded
    def _record_notes(self, item: pytest.Item, running: Running) -> None:
        """Record the notes of the hook pytest_atlas_outcome."""
        result = running.result
        if result == "unfinished" or result == "unreported" or result == "unknown":  # noqa: PLR1714  # mypy narrows by it
            return
        context = self._context(running)
        outcome = Outcome(result, running.attempt, tuple(running.reports))
        for notes in self._hooks.notes(item, outcome):
            for note in notes.notes:
                context.note(note)
            for exception in notes.exceptions:
                context.note(exception, "exception")

    @guarded
    def _keep_artifacts(self, item: pytest.Item, running: Running, report: pytest.TestReport) -> None:
        """Record the files of the hook pytest_atlas_artifacts for this phase."""
        context = self._context(running)

        def keep(result: object, complain: hook_results.Complain) -> None:
            for name, path in hook_results.files(result, complain):
                try:
                    kept = self._spool.file(path, suffix(name))
                except (OSError, ValueError) as error:  # ValueError: a NUL in the path
                    complain(f"gave {path!r}, which can't be copied ({reason(error)})")
                    continue
                identity = context.identity
                context.record(
                    ev.FileKept(
                        nodeid=identity.nodeid,
                        occurrence=identity.occurrence,
                        attempt=identity.attempt,
                        name=safe_name(name),
                        path=kept.path,
                        size=kept.size,
                        sha256=kept.sha256,
                        at=now(),
                    )
                )

        self._hooks.files(item, report, keep)

    @guarded
    def _keep_files(self, running: Running) -> None:
        """Record the files at reserved paths, and output.txt."""
        context = self._context(running)
        context.collect()
        is_bad = any(event.outcome in ("failed", "rerun", "unknown") for event in running.events)
        if self._attach == "all" or (self._attach == "failed" and is_bad):
            content = output_file(running.reports, self._journal.clean, self._output_limit)
            if content:
                context.keep("output.txt", lambda spool: spool.content(content, ".txt"))


class WorkerRecorder(TestRecorder):
    """Records the tests of an xdist worker, and sends the number of lost events to the controller."""

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_sessionfinish(self) -> None:
        """Close the journal in the last hook after which xdist sends the output of the worker."""
        self._end_implied()
        self._journal.close()
        self.internal_errors.redacted += self._journal.clean.redacted
        if self._journal.lost:
            self.internal_errors.report(
                f"{self._journal.lost} events of a worker could not be written: {self._journal.problem}"
            )
