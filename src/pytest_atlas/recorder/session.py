"""Facts of the session, written by the only process or by xdist's controller; the publisher is started, and told of the end."""

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
from pytest_atlas.settings import Settings, ini_keys, unencrypted, unknown_names

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
    """How many sessions are being recorded in this process."""
    return len(_open)


class SessionRecorder:
    """Begins and ends the record of a session. The hooks' order at the end is the design's (section 6)."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        location: SessionLocation,
        publisher: PublisherProcess | None,
        job: CI | None,
    ) -> None:
        """Open the journal in `place`; `job`: the CI job that this session is of. Raises OSError where that can't be."""
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
        """Let the publisher begin first: it creates the run while pytest collects."""
        self._is_begun = True
        self._begin_publishing()
        run = RunMapping()
        try:
            run = ProjectHooks(self._config, self.internal_errors, self.journal.clean).run()
        finally:  # also where a hook ends the session
            self._record_session(run)

    def _record_session(self, run: RunMapping) -> None:
        """What the session is: the user's own words count over the hooks' for the run, and those over ours."""
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
        """Whether the user wants the run of an earlier attempt, and nothing says which that is."""
        return self._settings.run == "auto" and not self._run_key

    def _about_the_key(self) -> list[str]:
        if self._has_no_key:
            who = f"{self._job.name} has no variables that make a key for this job" if self._job else "this is no CI job"
            return [f"--atlas-run=auto makes a new run: {who}, and ATLAS_RUN_KEY is not set"]
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
        """Which Atlas, which system, which session; and what is odd about the settings."""
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
            lines += self._about_the_key()
            lines += unknown_names(os.environ, ini_keys(self._config))
        return [f"atlas: {line}" for line in log_lines(map(self.journal.clean, lines))]

    # ── xdist ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to write."""
        self._workers.add(node.gateway.id)
        settings = self._settings
        told = {
            "session": str(self._location.session),
            "attach": settings.attach,
            "output_limit": settings.output_limit,
            "artifacts": list(settings.artifacts),
        }
        node.workerinput["atlas"] = told

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """A worker is gone."""
        worker = node.gateway.id
        output = getattr(node, "workeroutput", None)  # missing if the worker crashed
        self.internal_errors.take_output(output or {})
        if output is not None and OUTPUT not in output:
            self.internal_errors.report(f"{worker} did not record its tests: pytest-atlas is not installed or not loaded there")
        if error == "keyboard-interrupt":
            self._interrupted_workers.add(worker)
        self.journal.write(ev.WorkerDown(at=now(), worker=worker, error=str(error or "")))

    @pytest.hookimpl(optionalhook=True, trylast=True)  # a plugin that runs the test again sets the outcome "rerun"
    @guarded
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """A worker died while it ran a test, and can't tell of it any more."""
        worker = report.node.gateway.id
        if worker not in self._interrupted_workers:  # that one has told of its test's end itself
            message = str(report.longrepr or "")
            outcome: Literal["failed", "rerun"] = "rerun" if known_outcome(report.outcome)[0] == "rerun" else "failed"
            crash = ev.TestCrashed(at=now(), worker=worker, nodeid=crashitem, message=message, outcome=outcome)
            self.journal.write(crash)

    @guarded
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """The controller says that a worker collected other tests: the report's nodeid is the worker's name."""
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
        """The same, if the workers collect the tests."""
        refuse_secret_nodeids(ids, self.journal.clean)

    # ── the end ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @guarded
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C, pytest.exit, or pytest's own wish to stop."""
        reason = f"{excinfo.typename}: {excinfo.value}".removesuffix(": ")
        self.journal.write(ev.SessionInterrupted(at=now(), reason=reason))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Session fixtures are torn down when the others are through: now the last fact is known."""
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
        """Behind pytest's own failures, which the user reads while we wait."""
        self._session_end.wait_and_print(terminalreporter)

    def finish(self, session: pytest.Session) -> None:
        """Print the terminal summary if pytest did not call its hook, and set the exit status. All other hooks are done."""
        self._print_summary_once()
        self.fail_if_strict(session)

    @guarded
    def _print_summary_once(self) -> None:
        self._session_end.print_unless_printed()

    def fail_if_strict(self, session: pytest.Session) -> None:
        """Change the exit status of a session that passed if --atlas-strict is set and the record is incomplete."""
        if session.exitstatus == pytest.ExitCode.OK and self._fails_session():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _fails_session(self) -> bool:
        with self.internal_errors.catch("fails_session"):
            return self._session_end.fails_session
        return self._settings.strict  # an internal error makes the record incomplete, too

    @guarded
    def stop_waiting(self) -> None:
        """The user is impatient: a second Ctrl-C."""
        self._session_end.is_wait_wanted = False

    @pytest.hookimpl(trylast=True)
    @guarded
    def pytest_unconfigure(self) -> None:
        """The last resort, where even pytest_sessionfinish was not called; or there was no session at all."""
        self._leave()
        session = self._config.pluginmanager.get_plugin("session")
        if session is not None:  # pytest.exit(returncode=0) in a hook, or a plugin that sets the exit status
            if not self._is_begun and self._settings.strict and session.exitstatus == pytest.ExitCode.OK:
                self.internal_errors.report(
                    "--atlas-strict fails the session: pytest ended before its start, so nothing is recorded"
                )
            self.fail_if_strict(session)
        self._session_end.print_late_errors()

    @guarded
    def _leave(self) -> None:
        _open.remove(self)
        self.journal.close()
        if self._is_begun:
            self._session_end.print_unless_printed()
        else:  # another plugin refused to start
            if self._publisher is not None:
                self._publisher.abandon()
            private_files.delete(self.journal.path)
            self._location.session.rmdir()


class Outermost:
    """Runs when every other hook of the session's end is through."""

    def __init__(self, recorder: SessionRecorder) -> None:
        self._recorder = recorder

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Wait if that has not happened yet, and set the exit status."""
        try:
            return (yield)
        except KeyboardInterrupt:
            self._recorder.stop_waiting()
            raise
        finally:
            self._recorder.finish(session)


def _dist(config: pytest.Config) -> str:
    """The --dist of xdist where it distributes: `--dist=load` without -n or --tx does not."""
    return str(config.getoption("dist", "no")) if config.getoption("tx", None) else "no"
