"""The sessions that a command line names."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_atlas.journal import session_dir
from pytest_atlas.publisher.record import Record, read

from .problems import USAGE, CommandError

__all__ = ["Record", "named", "read"]


DEEPEST = 4
"""How far below a folder that the user names sessions are looked for; in Jenkins' zip at archive/.atlas/sessions/<name>."""


def named(names: Sequence[str], atlas_dir: Path) -> list[Path]:
    """The folders of the sessions that `names` mean: each a session's, one with sessions below it (an artifact that was
    unzipped), or a name in `atlas_dir`. Raises CommandError.
    """
    return list(dict.fromkeys(session for name in names for session in _named(name, atlas_dir)))


def _named(name: str, atlas_dir: Path) -> list[Path]:
    path = Path(name).expanduser()
    folder = path.parent if path.name.startswith("journal") and path.is_file() else path
    if _is_session(folder):
        return [folder.resolve()]
    known = session_dir.sessions(atlas_dir)
    found = [session for session in known if session.name == name] or list(_parts(name, known))
    if len(found) == 1:
        return found
    if found:
        raise CommandError(f"{name!r} may mean {' or '.join(s.name for s in found)}: give more of the name", USAGE)
    if below := sorted(_below(folder)):
        return below
    why = "is a folder without a session" if folder.is_dir() else f"is neither a folder nor a session in {atlas_dir}"
    raise CommandError(f"{name!r} {why}. pytest-atlas sessions lists the sessions; --atlas-dir names another folder", USAGE)


def _below(folder: Path) -> Iterator[Path]:
    """The sessions in `folder` and a few levels below."""
    root = folder.resolve()
    for place, inside, _ in os.walk(root):
        path = Path(place)
        is_session = _is_session(path)
        if is_session:
            yield path
        if is_session or len(path.relative_to(root).parts) == DEEPEST:
            inside.clear()


def _parts(name: str, known: Sequence[Path]) -> Iterator[Path]:
    return (session for session in known if name and (session.name.startswith(name) or session.name.endswith(f"-{name}")))


def _is_session(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("journal*.jsonl"))
