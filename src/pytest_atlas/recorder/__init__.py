"""Inside pytest: write the events of a session to its journal. Standard library and pytest only; no thread, no socket.

The publisher starts as early as possible: it imports its modules while this process imports the rest of the recorder.
"""

import os
from typing import Any

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.settings.parsed import Settings

from . import job_summary, launch, session_location

__all__ = ["record", "record_as_worker"]


def record(config: pytest.Config, settings: Settings, *, is_inner: bool = False) -> None:
    """Record this session. Raises SettingError if the session directory or the file of the job summary can't be written.

    `is_inner`: the session runs inside a test, so the CI job and its run belong to the outer session.
    """
    settings = job_summary.prepare(config, settings, {} if is_inner else os.environ)
    where = session_location.make(config, settings, now())
    publisher = _publisher(settings, where)
    from .recording import record_session

    record_session(config, settings, where, publisher, is_inner=is_inner)


def _publisher(settings: Settings, where: session_location.SessionLocation) -> launch.PublisherProcess | None:
    if launch.why_records_only(settings):
        return None
    arguments = ["--atlas-dir", str(where.atlas_dir)]
    if settings.url:
        arguments += ["--url", settings.url]
    if settings.bucket:
        arguments += ["--bucket", settings.bucket]
    return launch.PublisherProcess(where.session, arguments)


def record_as_worker(config: pytest.Config, worker_settings: dict[str, Any]) -> None:
    """Record the tests of this xdist worker. `worker_settings`: `workerinput["atlas"]` of the controller."""
    from .recording import record_tests_of_worker

    record_tests_of_worker(config, worker_settings)
