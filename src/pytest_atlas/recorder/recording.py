"""Register the plugins that record a session, or the tests of an xdist worker."""

import os
from builtins import str, tuple
from pathlib import Path
from typing import Any

import pytest

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import session_dir
from pytest_atlas.journal.writer import JournalWriter
from pytest_atlas.settings import SettingError
from pytest_atlas.settings.parsed import Settings

from .artifacts import ArtifactCollector
from .ci import ci
from .internal_errors import InternalErrors
from .launch import PublisherProcess
from .session import Outermost, SessionRecorder
from .session_location import SessionLocation
from .tests import TestRecorder, WorkerRecorder
from .worker_notes import WorkerNotes


def record_session(
    config: pytest.Config, settings: Settings, where: SessionLocation, publisher: PublisherProcess | None, *, is_inner: bool
) -> None:
    """Record this session in `where`. Raises SettingError if the journal can't be opened. `is_inner`: see `recorder.record`."""
    job = None if is_inner else ci(os.environ, settings.run_key)
    try:
        recorder = SessionRecorder(config, settings, where, publisher, job)
    except OSError as error:
        if publisher is not None:
            publisher.abandon()
        raise SettingError(
            f"--atlas-dir: {str(where.session)!r} can't be written ({error}). Name a writable directory"
        ) from None
    config.pluginmanager.register(recorder, "atlas-session")
    config.pluginmanager.register(Outermost(recorder), "atlas-outermost")
    if recorder.dist == "no":  # else the workers run and record the tests
        _record_tests(
            config,
            TestRecorder(
                config, recorder.journal, recorder.internal_errors, attach=settings.attach, output_limit=settings.output_limit
            ),
            settings.artifacts,
        )


def record_tests_of_worker(config: pytest.Config, settings: dict[str, Any]) -> None:
    """Record the tests of this xdist worker. Its errors go to the controller, which prints them."""
    worker = config.workerinput["workerid"]  # type: ignore[attr-defined]  # xdist's
    session = Path(settings["session"])
    clean = Cleaner(os.environ)
    notes = WorkerNotes(session, worker, clean)
    internal_errors = InternalErrors(config.workeroutput, session, notes)  # type: ignore[attr-defined]  # xdist's
    path = session / session_dir.worker_journal(worker)
    try:
        journal = JournalWriter(path, clean, worker=worker, on_lost=lambda *lost: notes.add("lost event", *lost))
    except OSError as error:
        internal_errors.report(f"{worker} can't write its journal, so its tests are not recorded: {error}")
        return
    _record_tests(
        config,
        WorkerRecorder(config, journal, internal_errors, attach=settings["attach"], output_limit=settings["output_limit"]),
        tuple(settings["artifacts"]),
    )


def _record_tests(config: pytest.Config, tests: TestRecorder, artifacts: tuple[str, ...]) -> None:
    config.pluginmanager.register(tests, "atlas-tests")
    if artifacts:
        config.pluginmanager.register(ArtifactCollector(tests, artifacts, tests.internal_errors), "atlas-artifacts")
