"""Session directories: `<atlas dir>/sessions/<UTC time>-<8 hex>/`, readable by their owner only. Standard library only."""

import re
from builtins import bool, type
from datetime import UTC, datetime
from os import urandom
from pathlib import Path
from typing import NamedTuple

from pytest_atlas.base import atlas_directory
from pytest_atlas.base.private_files import is_directory, is_file, is_link, list_files, list_names, make_directory

SESSIONS = "sessions"
CONTROLLER = "journal.jsonl"
LOG = "publisher.log"

NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
"""The form of the name of a session directory."""


def create(atlas_dir: Path, at: float) -> Path:
    """Create the directory of a session that starts at `at` (Unix seconds); its name is the session id.

    Creates `atlas_dir`, which is absolute, if it doesn't exist. Raises OSError, also if `atlas_dir` or a directory in it is
    a link.
    """
    atlas_directory.make(atlas_dir)
    make_directory(atlas_dir / SESSIONS)
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    session = atlas_dir / SESSIONS / f"{stamp}-{urandom(4).hex()}"
    make_directory(session, exist_ok=False)
    return session


def sessions(atlas_dir: Path) -> list[Path]:
    """Return the directories of all sessions, oldest first, also those of other users that can't be read.

    Raises OSError if `sessions` itself can't be read.
    """
    try:
        found = list_names(atlas_dir / SESSIONS)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [path for name in found if is_session(path := atlas_dir / SESSIONS / name)]


def is_session(path: Path) -> bool:
    """Return whether `path` is a directory with a journal, or one with the name of a session that can't be read."""
    if not is_directory(path):
        return False
    try:
        return bool(list_files(path, "journal", ".jsonl"))
    except OSError:
        return NAME.fullmatch(path.name) is not None


class NotASession(NamedTuple):
    """An entry of `sessions` that can't be read as a session."""

    path: Path
    reason: str


def unreadable(atlas_dir: Path) -> list[NotASession]:
    """Return the entries of `sessions` that are not sessions: links, FIFOs, directories without a journal, …

    A plain file with another name than a session is not listed: file managers and editors create some. Raises OSError if
    `sessions` itself can't be read.
    """
    try:
        names = list_names(atlas_dir / SESSIONS)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = ((path, _why_unreadable(path)) for name in names if not is_session(path := atlas_dir / SESSIONS / name))
    return [NotASession(path, reason) for path, reason in found if reason]


def _why_unreadable(path: Path) -> str:
    """Return why an entry of `sessions` is not a session; empty for a plain file that is not called like a session."""
    if is_link(path):
        return "it is a link"
    if is_directory(path):
        try:
            list_names(path)
        except OSError as error:
            return error.strerror or type(error).__name__
        return "the directory has no journal"
    if is_file(path) and not NAME.fullmatch(path.name):
        return ""
    return "it is not a directory"


def worker_journal(worker: str) -> str:
    """Return the name of a new journal for one process of an xdist worker; a restarted worker gets another one."""
    return f"journal-{worker}-{urandom(4).hex()}.jsonl"
