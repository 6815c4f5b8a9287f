"""A recorded session as its journals tell it, read once and whole."""

import platform
from dataclasses import dataclass
from pathlib import Path

from pytest_atlas.base import liveness
from pytest_atlas.journal import decode, session_dir
from pytest_atlas.journal.events import JournalOpened
from pytest_atlas.journal.follower import JournalFollower
from pytest_atlas.publisher.wanted.facts import Facts


@dataclass(frozen=True, slots=True)
class Record:
    """A session's folder and what its journals hold."""

    path: Path
    facts: Facts
    is_running: bool  # its pytest still runs, on this machine

    @property
    def state(self) -> str:
        """How it ended, in a word or two."""
        if self.is_running:
            return "running"
        if self.facts.ended is None:
            return "died"
        return "interrupted" if self.facts.interrupted else f"exit {self.facts.ended.exit_status}"


def read(session: Path) -> Record:
    """Read the session in the folder `session`. Raises OSError where that can't be."""
    facts, opened = Facts(), None
    for source, line in JournalFollower(session).new_lines():
        event = decode.event(line)
        if isinstance(event, JournalOpened) and source == session_dir.CONTROLLER:
            opened = opened or event
        if event is not None:
            facts.apply(source, event)
    is_running = facts.ended is None and opened is not None and _runs_here(opened)
    if not is_running:
        facts.pytest_is_gone()
    return Record(session, facts, is_running)


def _runs_here(opened: JournalOpened) -> bool:
    return opened.host == platform.node() and liveness.runs(opened.pid, opened.at)
