"""Where sessions live: `<atlas dir>/sessions/<UTC time>-<8 hex>/`, readable by their owner only. Standard library only."""

import os
from datetime import UTC, datetime
from pathlib import Path

SESSIONS = "sessions"
CONTROLLER = "journal.jsonl"
LOG = "publisher.log"


def create(atlas_dir: Path, at: float) -> Path:
    """Make the folder of a session that begins at `at` (Unix seconds); its name is the session's id.

    Makes `atlas_dir` where it is not there, readable by its owner only and ignored by git; one that is there is left as it is,
    since it may be anything, a checkout's root included. Raises OSError where that can't be.
    """
    if not atlas_dir.is_dir():
        atlas_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (atlas_dir / ".gitignore").write_text("*\n", "utf-8")
    (atlas_dir / SESSIONS).mkdir(mode=0o700, exist_ok=True)
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
