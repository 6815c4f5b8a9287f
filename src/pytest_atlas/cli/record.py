"""A recorded session as its journals tell it, and the sessions that a command line names."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_atlas.journal import decode, process, session_dir
from pytest_atlas.journal.events import JournalOpened
from pytest_atlas.journal.follower import JournalFollower
from pytest_atlas.publisher.facts import Facts

from .problems import USAGE, CommandError


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
    return opened.host == platform.node() and process.runs(opened.pid, opened.at)


def named(names: Sequence[str], atlas_dir: Path) -> list[Path]:
    """The folders of the sessions that `names` mean, each a path or a name in `atlas_dir`. Raises CommandError."""
    return list(dict.fromkeys(_named(name, atlas_dir) for name in names))


def _named(name: str, atlas_dir: Path) -> Path:
    path = Path(name).expanduser()
    folder = path.parent if path.name.startswith("journal") and path.is_file() else path
    if _is_session(folder):
        return folder.resolve()
    known = session_dir.sessions(atlas_dir)
    found = [session for session in known if session.name == name] or list(_parts(name, known))
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"{name!r} may mean {' or '.join(s.name for s in found)}: give more of the name", USAGE)
    why = "is a folder without a journal" if folder.is_dir() else f"is neither a folder nor a session in {atlas_dir}"
    raise CommandError(f"{name!r} {why}. pytest-atlas sessions lists the sessions; --atlas-dir names another folder", USAGE)


def _parts(name: str, known: Sequence[Path]) -> Iterator[Path]:
    return (session for session in known if name and (session.name.startswith(name) or session.name.endswith(f"-{name}")))


def _is_session(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("journal*.jsonl"))
