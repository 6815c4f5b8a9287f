"""The `.atlas` directory: its creation, its permissions, the temporary one. Standard library only."""

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from os import close, lstat, makedirs, stat_result, write
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_IWGRP, S_IWOTH

from . import private_files

NAME = ".atlas"
GITIGNORE = ".gitignore"
PARTS = ("sessions", "objects")
"""The directories that sessions and the local Atlas create in it."""

_USER = getattr(os, "geteuid", lambda: 0)


def make(path: Path) -> None:
    """Create the directory with mode 0700 and a `.gitignore`, or complete an existing one named `.atlas`. Raises OSError.

    An existing directory with another name is not changed, because it can be anything, for example a checkout.
    """
    is_new = not path.is_dir()
    if is_new:
        makedirs(path.parent, exist_ok=True)
        private_files.make_directory(path)
    elif private_files.is_link(path):
        raise OSError(f"{path} is a link. Name the directory with --atlas-dir or ATLAS_DIR")
    if is_new or path.name == NAME:
        with suppress(*(() if is_new else (OSError,)), FileExistsError):
            descriptor = private_files.create(path / GITIGNORE)
            try:
                write(descriptor, b"*\n")
            finally:
                close(descriptor)


def warnings(path: Path) -> Iterator[str]:
    """Yield a line for each directory that other users can change: the results in it can be forged. On POSIX only."""
    if os.name == "nt":
        return
    for directory in (path, *(path / part for part in PARTS)):
        with suppress(OSError):
            found = lstat(directory)
            mode = S_IMODE(found.st_mode)
            if S_ISDIR(found.st_mode) and _is_writable_by_others(found):
                yield f"{directory} can be changed by other users (mode {mode:o}). Run chmod go-w {shlex.quote(str(directory))}"


def _is_writable_by_others(found: stat_result) -> bool:
    """Return whether others can write. A group with the number of its user is, by convention, private."""
    return bool(found.st_mode & S_IWOTH or (found.st_mode & S_IWGRP and found.st_gid != found.st_uid))


def owner(path: Path) -> str:
    """Return the name of the user that `path` belongs to, empty for the current user or an unknown one. On POSIX only."""
    if sys.platform == "win32":
        return ""
    try:
        user = lstat(path).st_uid
    except OSError:
        return ""
    if user == _USER():
        return ""
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user id {user}"


def temporary() -> Path:
    """Return a private directory for this user in the temporary directory, for a user without another place. Raises OSError.

    It is the same one each time, unless another user has prepared a directory of this name; then a new one is created.
    """
    base = private_files.resolve_links(tempfile.gettempdir())
    path = base / (f"pytest-atlas-{_USER()}" if os.name != "nt" else "pytest-atlas")  # Windows: one for each user
    with suppress(OSError):
        private_files.make_directory(path)
        found = lstat(path)
        if os.name == "nt" or (found.st_uid == _USER() and not S_IMODE(found.st_mode) & 0o077):
            return path
    return Path(tempfile.mkdtemp(prefix="pytest-atlas-", dir=base))
