"""How files of a session are opened: readable by their owner only, and never through a link or from what is no file.

A session's folder may come from anywhere: a link in it would have us read or write what it points to, and a pipe would keep
us waiting for ever. On Windows, where modes say nothing, the folder that `session_dir` makes keeps others out. Standard
library only.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


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


def is_file(path: Path) -> bool:
    """Whether there is a file at `path`, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _refuse_link(path: str | Path) -> None:
    if not _NO_LINK and os.path.islink(path):  # Windows
        raise OSError(errno.ELOOP, "Is a link", str(path))
