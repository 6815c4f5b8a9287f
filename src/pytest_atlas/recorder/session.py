"""Facts of the session, written by the only process or by xdist's controller; the publisher started, waited for, told of."""

import os
import time
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_atlas.journal import events as ev
from pytest_atlas.journal import session_dir
from pytest_atlas.journal.text import Cleaner
from pytest_atlas.journal.writer import JournalWriter, now
from pytest_atlas.settings import Settings, unknown_names

from . import environment
from .closing import Closing, wait
from .faults import OUTPUT, Faults, guarded
from .launch import PublisherProcess

_open: list["SessionRecorder"] = []


def open_sessions() -> int:
    """How many sessions are being recorded in this process."""
    return len(_open)


class SessionRecorder:
    """Begins and ends the record of a session. The hooks' order at the end is the design's (section 6)."""

    def __init__(self, config: pytest.Config, settings: Settings, atlas_dir: Path, *, remark: str = "") -> None:
        self.faults = Faults()
        self.settings = settings
        self._config = config
        self._atlas_dir = atlas_dir
        self._begun = now()
        self._folder = session_dir.create(atlas_dir, self._begun)
        self.journal = JournalWriter(self._folder / session_dir.CONTROLLER, Cleaner(os.environ))
        self._remarks = [remark] if remark else []
        self._remarks += unknown_names(os.environ, _ini_keys(config))
        self._publisher: PublisherProcess | None = None
        self._closing: Closing | None = None
        self._interrupts = 0
        self._pid = os.getpid()
        self._called_from = os.getcwd()
        _open.append(self)

    # ── the beginning ────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_sessionstart(self) -> None:
        """Start the publisher first: it needs a tenth of a second to be there, in which pytest collects."""
        self._start_publisher()
        settings, config = self.settings, self._config
        state = environment.git(config.rootpath)
        self.journal.write(
            ev.SessionStarted(
                at=self._begun,
                session=self._folder.name,
                key=settings.run_key or self._folder.name,
                system_id=settings.system,
                title=settings.title or environment.title(config, state, time.strftime("%Y-%m-%d")),
                description=settings.description,
                asset_ids=settings.assets,
                issue_ids=settings.issues,
                template_ids=settings.templates,
                skipped=settings.skipped,
                dist=config.getoption("dist", "no"),
                environment=environment.describe(config, state),
            )
        )

    def _start_publisher(self) -> None:
        if self.settings.records_only:
            return
        arguments = ["--atlas-dir", str(self._atlas_dir)]
        if self.settings.url:
            arguments += ["--url", self.settings.url]
        try:
            self._publisher = PublisherProcess(self._folder, arguments)
        except OSError as error:
            self.faults.say(f"the publisher could not be started: {error}")

    def pytest_report_header(self) -> list[str]:
        """Which Atlas, which system, which session; and what is odd about the settings."""
        if self._config.get_verbosity() <= -2:
            return []
        where = self.settings.url or f"local Atlas in {self._atlas_dir}"
        if self.settings.records_only:
            where = f"recorded only, {self._why_not_sent()}"
        return [
            f"atlas: {where}; system {self.settings.system}; session {self._folder.name}",
            *(f"atlas: {r}" for r in self._remarks),
        ]

    def _why_not_sent(self) -> str:
        if not self.settings.records_only:
            return ""
        return "by --atlas-offline" if self.settings.offline else "since ATLAS_URL is set and ATLAS_TOKEN is not"

    # ── xdist ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to write."""
        node.workerinput["atlas"] = {"session": str(self._folder)}

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker is gone."""
        for line in getattr(node, "workeroutput", {}).get(OUTPUT, ()):
            self.faults.say(line)
        self.journal.write(ev.WorkerDown(at=now(), worker=node.gateway.id, error=str(error or "")))

    @guarded
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of what workers report only a crash: the worker can't tell of it any more."""
        if report.when == "???":  # type: ignore[comparison-overlap]  # a crash, as xdist marks it
            crashed = report.node.gateway.id
            message = str(report.longrepr or "")
            self.journal.write(ev.TestCrashed(at=now(), worker=crashed, nodeid=report.nodeid, message=message))

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """The controller says that a worker collected other tests: the report's nodeid is the worker's name."""
        if report.failed and self._config.pluginmanager.hasplugin("dsession") and report.nodeid.startswith("gw"):
            mismatch = ev.CollectionFailed(at=now(), nodeid=report.nodeid, message=str(report.longrepr))
            self.journal.write(mismatch)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @guarded
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C or pytest.exit."""
        self._interrupts += isinstance(excinfo.value, KeyboardInterrupt)
        reason = f"{excinfo.typename}: {excinfo.value}".removesuffix(": ")
        self.journal.write(ev.SessionInterrupted(at=now(), reason=reason))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Session fixtures are torn down when the others are through: now the last fact is known."""
        try:
            return (yield)
        finally:
            self._end(int(session.exitstatus))

    @guarded
    def _end(self, exit_status: int) -> None:
        self.journal.write(ev.SessionEnded(at=now(), exit_status=exit_status, lost=self.journal.unwritten))
        self.journal.close()
        if self._publisher:
            self._publisher.end()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Behind pytest's own failures, which the user reads while we wait."""
        with self.faults.caught("pytest_terminal_summary"):
            self._close(_Progress(terminalreporter))
            if self._config.get_verbosity() > -2 and self._closing:
                terminalreporter.section("atlas", sep="-", **({"yellow": True} if not self._closing.complete else {}))
                for line in self._closing.lines():
                    terminalreporter.line(line)

    pytest_terminal_summary = pytest.hookimpl(trylast=True)(pytest_terminal_summary)

    def finish(self, session: pytest.Session) -> None:
        """When all hooks are through: the summary was not called in some sessions, and strictness sets the exit status."""
        with self.faults.caught("pytest_sessionfinish"):
            if self._closing is None:
                self._close(None)
                self._print_closing()
            if self.settings.strict and self._closing and not self._closing.complete and session.exitstatus in (0, 5):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _close(self, progress: "_Progress | None") -> None:
        """Wait for the publisher, once; know what is to be said."""
        if self._closing is not None or os.getpid() != self._pid:
            return
        interrupted = False
        status = None
        if self._publisher:
            try:
                if self._interrupts < 2:
                    status = wait(self._publisher, self.settings.timeout_s, progress or (lambda _: None))
            except KeyboardInterrupt:  # it ends the wait and nothing else
                interrupted = True
            status = self._publisher.status() or status
            self._publisher.leave()
        if progress:
            progress.clear()
        unwritten = (
            f"{self.journal.unwritten} facts could not be recorded: {self.journal.problem}" if self.journal.unwritten else ""
        )
        self._closing = Closing(
            session=_as_the_user_names_it(self._folder, self._called_from),
            status=status,
            why_not_sent=self._why_not_sent(),
            faults=tuple(f"atlas: {line}" for line in self.faults.lines),
            unwritten=unwritten,
            interrupted=interrupted,
        )

    def _print_closing(self) -> None:
        """Where pytest calls no summary: without a terminal plugin, or when a hook of somebody's raised."""
        if self._config.get_verbosity() > -2 and self._closing and not self._closing.complete:
            print("\natlas: " + "\natlas: ".join(self._closing.lines()))  # nobody else does any more

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """The last resort, where even pytest_sessionfinish was not called."""
        with self.faults.caught("pytest_unconfigure"):
            if self._closing is None:
                self.journal.close()
                if self._publisher:
                    self._publisher.end()
                self._close(None)
                self._print_closing()
        if self in _open:
            _open.remove(self)


class Outermost:
    """Runs when every other hook of the session's end is through."""

    def __init__(self, recorder: SessionRecorder) -> None:
        self._recorder = recorder

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Wait if nobody has, and set the exit status."""
        try:
            return (yield)
        finally:
            self._recorder.finish(session)


class _Progress:
    """A line that is rewritten while we wait; nothing where there is no terminal."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._shown = ""
        self._live = reporter.isatty and reporter.config.get_verbosity() > -2

    def __call__(self, line: str) -> None:
        if self._live and line != self._shown:
            self._reporter.rewrite(line, erase=True)
            self._shown = line

    def clear(self) -> None:
        if self._shown:
            self._reporter.rewrite("", erase=True)


def _ini_keys(config: pytest.Config) -> list[str]:
    """The keys of the ini file. pytest deprecates the only way to them, without another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(getattr(config, "inicfg", ()))


def _as_the_user_names_it(folder: Path, called_from: str) -> str:
    """Relative to where pytest was called from, where that is shorter and inside."""
    try:
        return str(folder.relative_to(called_from))
    except ValueError:
        return str(folder)
