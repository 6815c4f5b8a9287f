"""Read from git's index which files are tracked. git is not started: it may not be installed, it rejects a repository of
another user, and it runs programs that the configuration of the repository names.

Format: https://git-scm.com/docs/index-format
"""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_HEADER = 12
_BEFORE_ID = 40
_FLAGS = 2
_EXTENDED = 0x4000


def is_tracked(directory: Path) -> bool:
    """Return whether an enclosing repository tracks a file below `directory`; True if its index can't be read."""
    path = directory.resolve()
    return any(_tracks(root, path) for root in path.parents if (root / ".git").exists())


def _tracks(root: Path, path: Path) -> bool:
    try:
        git = _git_directory(root / ".git")
        indexes = tuple(
            (index, index.stat().st_mtime_ns) for index in (git / "index", *git.glob("sharedindex.*")) if index.is_file()
        )
        id_size = 32 if "sha256" in _text(git / "config") or "sha256" in _text(git.parent.parent / "config") else 20
        return os.fsencode(path.name) in _names_in(os.fsencode(path.parent.relative_to(root).as_posix()), indexes, id_size)
    except (OSError, ValueError, IndexError):
        return True


@lru_cache(maxsize=16)
def _names_in(directory: bytes, indexes: tuple[tuple[Path, int], ...], id_size: int) -> "_Names":
    """Return the names in `directory` with tracked files. Cached for all sessions: an index can have 100,000 entries."""
    prefix = b"" if directory == b"." else directory + b"/"
    names = set[bytes]()
    for index, _ in indexes:
        for path in paths(index.read_bytes(), id_size):
            if path.endswith(b"/") and prefix.startswith(path):  # a directory of a sparse index
                return _All()
            if path.startswith(prefix):
                names.add(path[len(prefix) :].split(b"/", 1)[0])
    return frozenset(names)


class _All:
    """Contains every name."""

    def __contains__(self, _: object) -> bool:
        return True


_Names = frozenset[bytes] | _All


def _git_directory(entry: Path) -> Path:
    """Return the git directory: `.git`, or the directory that the file `.git` of a worktree or submodule names."""
    if entry.is_dir():
        return entry
    return entry.parent / _text(entry).removeprefix("gitdir:").strip()


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""


def paths(index: bytes, id_size: int = 20) -> Iterator[bytes]:
    """Yield the path of each entry. `id_size`: bytes of an object id. Raises ValueError or IndexError for invalid content."""
    version, count = int.from_bytes(index[4:8]), int.from_bytes(index[8:12])
    if index[:4] != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("not a git index of version 2, 3 or 4")
    at, name = _HEADER, b""
    for _ in range(count):
        start, at = at, at + _BEFORE_ID + id_size
        flags, at = int.from_bytes(index[at : at + _FLAGS]), at + _FLAGS
        at += _FLAGS if version > 2 and flags & _EXTENDED else 0
        if version == 4:
            cut, at = _number(index, at)
            name = name[: len(name) - cut]
        else:
            name = b""
        end = index.index(b"\0", at)
        name += index[at:end]
        at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
        yield name


def _number(index: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length and the position after it."""
    byte = index[at]
    value = byte & 127
    while byte & 128:
        at += 1
        byte = index[at]
        value = ((value + 1) << 7) | (byte & 127)
    return value, at + 1
