"""The page of a session that is in a folder: reads what is there, and leaves it as it is."""

import os
from collections.abc import Sequence
from pathlib import Path

from pytest_atlas import session_loader
from pytest_atlas.base.private_files import is_file, list_files, modified_at
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.base.secrets import known_only
from pytest_atlas.journal import baseline
from pytest_atlas.journal import status as st

from .page import Known, page


def summary(session: Path, status: st.Status | None, pending: Sequence[str]) -> str:
    """The page of the session in folder `session`, as it stands in the Atlas that `status` tells of. Raises OSError."""
    it = session_loader.read(session)
    known = Known(
        facts=it.facts,
        status=status,
        previous=baseline.read(session, status.target) if status else None,
        pending=pending,
        is_running=it.may_run,
    )
    return Cleaner(known_only(os.environ))(page(known))


def last_word(session: Path, target: str = "") -> st.Status | None:
    """What the publisher to `target` said last; without a target, what any said last."""
    regular = filter(is_file, list_files(session, "status-", ".json"))
    known = sorted(regular, key=modified_at, reverse=True)
    statuses = (status for path in known if (status := st.read(path)))
    return next((status for status in statuses if target in ("", status.target)), None)
