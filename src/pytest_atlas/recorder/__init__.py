"""Inside pytest: writes the facts of a session into its journal. Standard library and pytest only; no thread, no socket.

The publisher starts as early as possible: while it imports what it needs, this process imports the rest of the recorder.
"""

import os
from typing import Any

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.settings import Settings

from . import job_summary, launch, session_location

__all__ = ["record", "record_as_worker"]


def record(config: pytest.Config, settings: Settings, *, is_inner: bool = False) -> None:
    """Record this session. Raises SettingError where there is no folder to record into, or no file for its summary.

    `is_inner`: it runs inside a test, so the CI job around it, with that job's run, is the outer session's.
    """
    settings = job_summary.checked(config, settings, {} if is_inner else os.environ)
    where = session_location.make(config, settings, now())
    publisher = _publisher(settings, where)
    from .recording import record_session

    record_session(config, settings, where, publisher, is_inner=is_inner)


def _publisher(settings: Settings, where: session_location.Place) -> launch.PublisherProcess | None:
    if launch.why_records_only(settings):
        return None
    arguments = ["--atlas-dir", str(where.atlas_dir)]
    if settings.url:
        arguments += ["--url", settings.url]
    if settings.bucket:
        arguments += ["--bucket", settings.bucket]
    return launch.PublisherProcess(where.session, arguments)


def record_as_worker(config: pytest.Config, told: dict[str, Any]) -> None:
    """Record what this xdist worker runs. What goes wrong is told to the controller, which tells the user."""
    from .recording import record_tests_of_worker

    record_tests_of_worker(config, told)
