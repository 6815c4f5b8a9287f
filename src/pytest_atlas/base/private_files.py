"""How files of a session are opened: readable by their owner only, and never through a link or from what is no file.

A session's folder may come from anywhere: a link in it would have us read or write what it points to, and a pipe would keep
us waiting for ever. On Windows, where modes say nothing, the folder that `session_dir` makes keeps others out. Standard
library only.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)

IN_USE_S = 2.0
"""Longest to wait for a reader to let go of a file that is to be replaced."""


def opener(path: str | Path, flags: int) -> int:
    """For `open(…, opener=opener)`: a file that is made is its owner's only. Raises OSError, for a link too."""
    _refuse_link(path)
    return os.open(path, flags | _NO_LINK, 0o600)


def open_to_read(path: Path) -> BinaryIO:
    """The file at `path`. Raises OSError, also for a link, a folder, a pipe or a device."""
    _refuse_link(path)
    descriptor = os.open(path, os.O_RDONLY | _NO_LINK | _NO_WAIT | _BINARY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Is no file", str(path))
    return os.fdopen(descriptor, "rb")


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A new text file that stands at `path` when the block is over, whole; what was there is never written through.

    Where an error leaves the block, what was there stays. Raises OSError.
    """
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(new, "x", encoding="utf-8", newline="", opener=opener) as file:
        yield file
    deadline = time.monotonic() + IN_USE_S
    while True:
        try:
            os.replace(new, path)
        except PermissionError:  # Windows and its network drives: somebody reads it right now, which takes a millisecond
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def is_file(path: Path) -> bool:
    """Whether there is a file at `path`, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _refuse_link(path: str | Path) -> None:
    if not _NO_LINK and os.path.islink(path):  # Windows
        raise OSError(errno.ELOOP, "Is a link", str(path))


def open_to_append(path: Path) -> int:
    """A descriptor of the file at `path`, made where it is not there, readable by its owner only. Raises OSError."""
    return opener(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0))


def ends_torn(descriptor: int) -> bool:
    """Whether the file ends without a newline: its last line was torn by a crash, or by a full disk."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def sync_folder(folder: Path) -> None:
    """Make a new file's name survive power loss. Windows can't open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
