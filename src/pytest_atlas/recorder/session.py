"""Record the events of the session, in the only process or in xdist's controller, and start and end the publisher."""

import os
import time
from collections.abc import Generator
from typing import Any, Literal

import pytest

from pytest_atlas.base import atlas_directory, private_files
from pytest_atlas.base.clock import now
from pytest_atlas.base.sanitize import Cleaner, log_lines
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import session_dir
from pytest_atlas.journal.writer import JournalWriter
from pytest_atlas.mapping import RunMapping
from pytest_atlas.settings import ini_keys, unencrypted, unknown_names
from pytest_atlas.settings.parsed import Settings

from . import environment
from .ci import CI
from .hooks import ProjectHooks
from .internal_errors import OUTPUT, InternalErrors, guarded
from .launch import PublisherProcess, why_records_only
from .reports import known_outcome
from .secret_names import refuse_secret_names, refuse_secret_nodeids
from .session_end import SessionEnd
from .session_location import SessionLocation

_open: list["SessionRecorder"] = []


def open_sessions() -> int:
    """Return the number of sessions that are being recorded in this process."""
    return len(_open)


class SessionRecorder:
    """Records the start, the end and the workers of a session."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        location: SessionLocation,
        publisher: PublisherProcess | None,
        job: CI | None,
    ) -> None:
        """Open the journal in `location`. `job`: the CI job of this session. Raises OSError if the journal can't be opened."""
        self.internal_errors = InternalErrors(session=location.session)
        self.journal = JournalWriter(location.session / session_dir.CONTROLLER, Cleaner(os.environ))
        self.dist = _dist(config)
        self._config = config
        self._settings = settings
        self._location = location
        self._job = job
        self._why_records_only = why_records_only(settings)
        self._run_key = settings.run_key or (job.key if job and settings.run == "auto" else "")
        self._begun = now()
        self._is_begun = False
        self._workers: set[str] = set()
        self._interrupted_workers: set[str] = set()
        self._publisher = publisher
        self._session_end = SessionEnd(config, settings, location.session, self.journal, self.internal_errors)
        _open.append(self)

    # ── the beginning ────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_sessionstart(self) -> None:
        """Start publishing first: the publisher creates the run while pytest collects."""
        self._is_begun = True
        self._begin_publishing()
        run = RunMapping()
        try:
            run = ProjectHooks(self._config, self.internal_errors, self.journal.clean).run()
        finally:  # also if a hook ends the session
            self._record_session(run)

    def _record_session(self, run: RunMapping) -> None:
        """Record the start of the session. A setting takes precedence over a hook, and a hook over the default."""
        settings, config, name, job = self._settings, self._config, self._location.session.name, self._job
        state = environment.git(config.rootpath)
        self.journal.write(
            ev.SessionStarted(
                at=self._begun,
                session=name,
                key=self._run_key or name,
                system_id=settings.system,
                run="" if self._has_no_key else settings.run,
                overwrite=settings.overwrite,
                job=environment.job_name(config, job),
                title=settings.title or run.title or environment.title(config, state, time.strftime("%Y-%m-%d"), job),
                description=settings.description or run.description or "",
                asset_ids=tuple(dict.fromkeys((*settings.assets, *run.assets))),
                issue_ids=tuple(dict.fromkeys((*settings.issues, *run.issues))),
                template_ids=tuple(dict.fromkeys((*settings.templates, *run.templates))),
                skipped=settings.skipped,
                report=settings.report_scope if settings.report else "",
                report_context=settings.report_context,
                summary=bool(settings.summary or settings.step_summary),
                dist=self.dist,
                environment=environment.describe(config, state, job),
            )
        )

    @property
    def _has_no_key(self) -> bool:
        """Whether `--atlas-run=auto` is set and there is no run key."""
        return self._settings.run == "auto" and not self._run_key

    def _run_key_lines(self) -> list[str]:
        if self._has_no_key:
            who = f"{self._job.name} has no variables for the run key of this job" if self._job else "this is not a CI job"
            return [f"--atlas-run=auto creates a new run: {who}, and ATLAS_RUN_KEY is not set"]
        return [f"run key {self._run_key}"] if self._settings.run == "auto" else []

    def _begin_publishing(self) -> None:
        if self._publisher is None:
            return
        try:
            self._publisher.begin()
        except OSError as error:
            self.internal_errors.report(f"the publisher could not be started: {error}")
        else:
            self._session_end.publisher = self._publisher

    def pytest_report_header(self) -> list[str]:
        """Return the Atlas, the system and the session, and warnings about the settings."""
        lines: list[str] = []
        with self.internal_errors.catch("pytest_report_header"):
            where = self._settings.url or f"local Atlas {self._location.atlas_dir}"
            if self._why_records_only:
                where = f"recording only ({self._why_records_only})"
            into = f"; into run {self._settings.run}" if self._settings.run not in ("", "auto") else ""
            lines = [f"{where}; system {self._settings.system}{into}; session {self._location.session.name}"]
            lines += [self._location.remark] if self._location.remark else []
            lines += atlas_directory.warnings(self._location.atlas_dir)
            lines += [bare] if not self._why_records_only and (bare := unencrypted(self._settings.url)) else []
            lines += self._run_key_lines()
            lines += unknown_names(os.environ, ini_keys(self._config))
        return [f"atlas: {line}" for line in log_lines(map(self.journal.clean, lines))]

    # ── xdist ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_configure_node(self, node: Any) -> None:
        """Send a worker the session directory and its settings."""
        self._workers.add(node.gateway.id)
        settings = self._settings
        node.workerinput["atlas"] = {
            "session": str(self._location.session),
            "attach": settings.attach,
            "output_limit": settings.output_limit,
            "artifacts": list(settings.artifacts),
        }

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Record the end of a worker, and take its lines and counts."""
        worker = node.gateway.id
        output = getattr(node, "workeroutput", None)  # missing if the worker crashed
        if output is None:
            self.internal_errors.take_crashed(self._location.session, worker)
        self.internal_errors.take_output(output or {})
        if output is not None and OUTPUT not in output:
            self.internal_errors.report(f"{worker} did not record its tests: pytest-atlas is not installed or not loaded there")
        if error == "keyboard-interrupt":
            self._interrupted_workers.add(worker)
        self.journal.write(ev.WorkerDown(at=now(), worker=worker, error=str(error or "")))

    @pytest.hookimpl(optionalhook=True, trylast=True)  # a plugin that runs the test again sets the outcome "rerun"
    @guarded
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Record the test during which a worker crashed."""
        worker = report.node.gateway.id
        if worker not in self._interrupted_workers:  # it has recorded the end of its test
            message = str(report.longrepr or "")
            outcome: Literal["failed", "rerun"] = "rerun" if known_outcome(report.outcome)[0] == "rerun" else "failed"
            crash = ev.TestCrashed(at=now(), worker=worker, nodeid=crashitem, message=message, outcome=outcome)
            self.journal.write(crash)

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record that a worker collected different tests: the nodeid of the report is the name of the worker."""
        if report.failed and report.nodeid in self._workers:
            self.journal.write(ev.CollectionFailed(at=now(), nodeid=report.nodeid, message=str(report.longrepr)))

    # ── the collection ───────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse tests that have the token in their nodeid, before the first one runs. Raises UsageError."""
        refuse_secret_names(session.items, self.journal.clean)

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Refuse such tests if the workers collect them. Raises UsageError."""
        refuse_secret_nodeids(ids, self.journal.clean)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @guarded
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Record the reason of the interruption: Ctrl-C, pytest.exit, or -x."""
        reason = f"{excinfo.typename}: {excinfo.value}".removesuffix(": ")
        self.journal.write(ev.SessionInterrupted(at=now(), reason=reason))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Record the end of the session after all other hooks, in which session fixtures are torn down."""
        try:
            return (yield)
        finally:
            self._end(session)

    @guarded
    def _end(self, session: pytest.Session) -> None:
        self.journal.write(ev.SessionEnded(at=now(), exit_status=int(session.exitstatus), lost=self.journal.unwritten))
        self.journal.close()
        self._session_end.publish_rest(session.testscollected)

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Wait for the publisher and print the terminal summary, after the failures that pytest prints."""
        self._session_end.wait_and_print(terminalreporter)

    def finish(self, session: pytest.Session) -> None:
        """Print the terminal summary if pytest did not call its hook, and set the exit status. All other hooks are done."""
        self._print_summary_once()
        self.fail_if_strict(session)

    @guarded
    def _print_summary_once(self) -> None:
        self._session_end.print_once()

    def fail_if_strict(self, session: pytest.Session) -> None:
        """Change the exit status of a session that passed if --atlas-strict is set and the record is incomplete."""
        if session.exitstatus == pytest.ExitCode.OK and self._fails_session():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _fails_session(self) -> bool:
        with self.internal_errors.catch("fails_session"):
            return self._session_end.fails_session
        return self._settings.strict  # an internal error makes the record incomplete

    @guarded
    def stop_waiting(self) -> None:
        """End the wait for the publisher, after a second Ctrl-C."""
        self._session_end.is_wait_wanted = False

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_unconfigure(self) -> None:
        """End the record if pytest did not call pytest_sessionfinish, or started no session."""
        self._leave()
        session = self._config.pluginmanager.get_plugin("session")
        if session is not None:  # pytest.exit(returncode=0) in a hook, or a plugin that sets the exit status
            if not self._is_begun and self._settings.strict and session.exitstatus == pytest.ExitCode.OK:
                self.internal_errors.report(
                    "--atlas-strict fails the session: pytest ended before the session started, so nothing is recorded"
                )
            self.fail_if_strict(session)
        self._session_end.print_late_errors()

    @guarded
    def _leave(self) -> None:
        _open.remove(self)
        self.journal.close()
        if self._is_begun:
            self._session_end.print_once()
        else:  # another plugin prevented the start
            if self._publisher is not None:
                self._publisher.abandon()
            private_files.delete(self.journal.path)
            self._location.session.rmdir()


class Outermost:
    """Runs after all other hooks of the end of the session."""

    def __init__(self, recorder: SessionRecorder) -> None:
        self._recorder = recorder

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Wait for the publisher if this has not happened yet, and set the exit status."""
        try:
            return (yield)
        except KeyboardInterrupt:
            self._recorder.stop_waiting()
            raise
        finally:
            self._recorder.finish(session)


def _dist(config: pytest.Config) -> str:
    """Return xdist's --dist, or "no" if it doesn't distribute: `--dist=load` without -n or --tx doesn't."""
    return str(config.getoption("dist", "no")) if config.getoption("tx", None) else "no"
