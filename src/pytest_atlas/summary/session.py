"""Read a session directory and return its job summary. The directory is not changed."""

import os
from collections.abc import Sequence
from pathlib import Path

from pytest_atlas import session_loader
from pytest_atlas.base.private_files import is_file, list_files, modified_at
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.base.secrets import known_only
from pytest_atlas.journal import baseline
from pytest_atlas.journal import status as st

from .findings import session_findings
from .job_summary import render


def job_summary(session: Path, status: st.Status | None, pending: Sequence[str]) -> str:
    """Return the job summary of the session in this directory, without secrets of the environment. Raises OSError.

    Args:
        session: the session directory.
        status: the status of the publisher; the summary is about its target.
        pending: lines about entities that are not published yet.

    """
    loaded = session_loader.read(session)
    found = session_findings(
        loaded.model,
        status=status,
        previous=baseline.read(session, status.target) if status else None,
        pending=pending,
        is_running=loaded.may_run,
    )
    return Cleaner(known_only(os.environ))(render(found))


def newest_status(session: Path, target: str = "") -> st.Status | None:
    """Return the newest publisher status in a session directory: of this target, or of any if `target` is empty."""
    regular = filter(is_file, list_files(session, "status-", ".json"))
    newest_first = sorted(regular, key=modified_at, reverse=True)
    statuses = (status for path in newest_first if (status := st.read(path)))
    return next((status for status in statuses if target in ("", status.target)), None)
