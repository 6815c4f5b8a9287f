"""Where sessions live: `<atlas dir>/sessions/<UTC time>-<8 hex>/`, readable by their owner only. Standard library only."""

import os
from datetime import UTC, datetime
from pathlib import Path

SESSIONS = "sessions"
CONTROLLER = "journal.jsonl"
LOG = "publisher.log"


def prepare(atlas_dir: Path) -> None:
    """Make the folder, with its own .gitignore. Raises OSError where it can't be made or written."""
    atlas_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (atlas_dir / SESSIONS).mkdir(mode=0o700, exist_ok=True)
    ignore = atlas_dir / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", "utf-8")
    if not os.access(atlas_dir / SESSIONS, os.W_OK):
        raise PermissionError(f"{atlas_dir / SESSIONS} is not writable")


def create(atlas_dir: Path, at: float) -> Path:
    """Make the folder of a session that begins at `at` (Unix seconds); its name is the session's id."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    session = atlas_dir / SESSIONS / f"{stamp}-{os.urandom(4).hex()}"
    session.mkdir(mode=0o700)
    return session


def sessions(atlas_dir: Path) -> list[Path]:
    """The folders of all sessions, oldest first."""
    root = atlas_dir / SESSIONS
    return sorted(path for path in root.iterdir() if any(path.glob("journal*.jsonl"))) if root.is_dir() else []


def worker_journal(worker: str) -> str:
    """The name of a journal file for one xdist worker process: a restarted worker never meets another's."""
    return f"journal-{worker}-{os.urandom(4).hex()}.jsonl"
