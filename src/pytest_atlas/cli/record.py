"""Find the sessions that a command line names, and share the time of a command between them."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_atlas.base import atlas_directory, private_files
from pytest_atlas.base.clock import monotonic
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import session_dir
from pytest_atlas.session_loader import Record, read

from .problems import USAGE, CommandError

__all__ = ["Record", "TimeShares", "named", "problem", "read"]

SHARES = 4
"""One session may take 1/SHARES of the time of a command, so that the others are read as well."""
MARGIN = 0.25
"""The part of the time that is reserved for other work than reading."""


class TimeShares:
    """Divides the time of a command between the sessions that it reads."""

    def __init__(self, timeout_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._most_s = timeout_s / SHARES
        self._deadline = clock() + (1 - MARGIN) * timeout_s

    def next_s(self) -> float:
        """Return the seconds that the next session may take. Raises TimeoutError, an OSError, if no time is left."""
        left_s = self._deadline - self._clock()
        if left_s <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "Not read, because the sessions before it took too long (--timeout)")
        return min(self._most_s, left_s)


DEEPEST = 4
"""The depth of the search below a named directory. A zip of Jenkins has sessions in archive/.atlas/sessions/<name>."""


def named(names: Sequence[str], atlas_dir: Path) -> list[Path]:
    """Return the session directories for `names`: each is a session directory, a directory with sessions below it (an unzipped
    artifact), or the name of a session in `atlas_dir`. Raises CommandError.
    """
    return list(dict.fromkeys(session for name in names for session in _named(name, atlas_dir)))


def problem(session: Path, error: Exception) -> str:
    """Return a line about a session that can't be read or published: the user that it belongs to, and the error."""
    owner = atlas_directory.owner(session)
    about = f"belongs to {owner}: " if owner else ""
    words = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    return " ".join(Cleaner(os.environ)(f"{about}{words}").split())


def _named(name: str, atlas_dir: Path) -> list[Path]:
    path = Path(os.path.expanduser(name))
    directory = _without_links(path.parent if path.name.startswith("journal") and path.is_file() else path)
    if session_dir.is_session(directory):
        return [directory]
    if private_files.is_link(directory):
        raise CommandError(f"{name!r} is a link. Name the directory that it points to", USAGE)
    known = _known(atlas_dir)
    found = [session for session in known if session.name == name] or list(_parts(name, known))
    if len(found) == 1:
        return found
    if found:
        raise CommandError(f"{name!r} is ambiguous: {' or '.join(s.name for s in found)}. Give more of the name", USAGE)
    if below := sorted(_below(directory)):
        return below
    why = "is a directory without a session" if directory.is_dir() else f"is not a directory, and not a session in {atlas_dir}"
    remedy = "List the sessions with pytest-atlas sessions, or name another directory with --atlas-dir"
    raise CommandError(f"{name!r} {why}. {remedy}", USAGE)


def _below(directory: Path) -> Iterator[Path]:
    """Yield the sessions in `directory`, up to DEEPEST levels below."""
    for place, inside, _ in os.walk(directory):
        path = Path(place)
        is_session = session_dir.is_session(path)
        if is_session:
            yield path
        if is_session or len(path.relative_to(directory).parts) == DEEPEST:
            inside.clear()


def _without_links(path: Path) -> Path:
    """Return the absolute path. Links above the Atlas directory or the artifact are resolved; those below it are rejected."""
    whole = Path(os.path.abspath(path))
    parts = whole.parts
    if atlas_directory.NAME in parts:
        top = max(number for number, part in enumerate(parts) if part == atlas_directory.NAME)
    else:
        top = len(parts) - (2 if whole.parent.name == session_dir.SESSIONS else 1)
    return private_files.resolve_links(Path(*parts[:top])).joinpath(*parts[top:]) if top > 0 else whole


def _known(atlas_dir: Path) -> list[Path]:
    """Return the sessions in the Atlas directory; none if it can't be read, because the user may have named another path."""
    try:
        return session_dir.sessions(atlas_dir)
    except OSError:
        return []


def _parts(name: str, known: Sequence[Path]) -> Iterator[Path]:
    return (session for session in known if name and (session.name.startswith(name) or session.name.endswith(f"-{name}")))
