"""Inside pytest: writes the facts of a session into its journal. Standard library and pytest only; no thread, no socket."""

from pathlib import Path
from typing import Any

import pytest

from pytest_atlas.journal import session_dir
from pytest_atlas.settings import Misuse, Settings

from .faults import Faults
from .session import Outermost, SessionRecorder, open_sessions
from .tests import TestRecorder

__all__ = ["open_sessions", "record", "record_as_worker"]


def record(config: pytest.Config, settings: Settings) -> None:
    """Record this session. Raises Misuse where the folder that the user named can't be written."""
    atlas_dir, remark = _place(config, settings)
    is_controller = config.getoption("dist", "no") != "no"
    recorder = SessionRecorder(config, settings, atlas_dir, remark=remark)
    config.pluginmanager.register(recorder, "atlas-session")
    config.pluginmanager.register(Outermost(recorder), "atlas-outermost")
    if not is_controller:
        tests = TestRecorder(config, recorder.journal, recorder.faults)
        config.pluginmanager.register(tests, "atlas-tests")


def record_as_worker(config: pytest.Config, told: dict[str, Any]) -> None:
    """Record what this xdist worker runs. What goes wrong is told to the controller, which tells the user."""
    from os import environ

    from pytest_atlas.journal.text import Cleaner
    from pytest_atlas.journal.writer import JournalWriter

    worker = config.workerinput["workerid"]  # type: ignore[attr-defined]  # xdist's
    faults = Faults(config.workeroutput)  # type: ignore[attr-defined]  # xdist's
    path = Path(told["session"]) / session_dir.worker_journal(worker)
    try:
        journal = JournalWriter(path, Cleaner(environ), worker=worker)
    except OSError as error:
        faults.say(f"{worker} can't write its journal, so its tests are not recorded: {error}")
        return
    config.pluginmanager.register(TestRecorder(config, journal, faults, closes=True), "atlas-tests")


def _place(config: pytest.Config, settings: Settings) -> tuple[Path, str]:
    """The folder to record into, and a remark where it is not the usual one."""
    if settings.atlas_dir is not None:
        named = (config.invocation_params.dir / settings.atlas_dir.expanduser()).absolute()
        try:
            session_dir.prepare(named)
        except OSError as error:
            raise Misuse(f"--atlas-dir: {str(named)!r} can't be written ({error}). Name a folder that can") from None
        return named, ""
    import tempfile

    usual = Path(config.rootpath) / ".atlas"
    why = ""
    for place in (usual, Path.home() / ".atlas", Path(tempfile.gettempdir()) / f"atlas-{_user()}"):
        try:
            session_dir.prepare(place)
        except OSError as error:
            why = why or str(error)
        else:
            return place, "" if place == usual else f"recording into {place}, since {usual} can't be written ({why})"
    raise Misuse(f"--atlas-dir: no folder to record into can be written ({why}). Name one that can")


def _user() -> str:
    import os

    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
