"""The sessions that a command line names."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_atlas.journal import session_dir
from pytest_atlas.publisher.record import Record, read

from .problems import USAGE, CommandError

__all__ = ["Record", "named", "read"]


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
