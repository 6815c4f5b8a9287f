"""Locks of the operating system on open files: gone with the process that holds them.

Functions are bound at import, because a test can patch the originals. Standard library only.
"""

import sys
from pathlib import Path

from .private_files import open_to_read

if sys.platform == "win32":
    from msvcrt import LK_NBLCK, locking
    from os import SEEK_SET, lseek

    _FAR = 1 << 30  # a byte that is never written: Windows locks bytes against reading, too

    def try_lock(descriptor: int, *, shared: bool = False) -> bool:  # noqa: ARG001 - POSIX's
        """Lock the open file, without waiting. Return False if another process holds the lock."""
        lseek(descriptor, _FAR, SEEK_SET)
        try:
            locking(descriptor, LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

    def try_lock(descriptor: int, *, shared: bool = False) -> bool:
        """Lock the open file, without waiting. Return False if another process holds the lock.

        Raises OSError if that is not possible: some network drives have no locks.
        """
        try:
            flock(descriptor, (LOCK_SH if shared else LOCK_EX) | LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(path: Path) -> bool | None:
    """Whether a process holds the lock on the file at `path`; None if that can't be determined."""
    try:
        with open_to_read(path) as file:
            return not try_lock(file.fileno(), shared=True)
    except OSError:
        return None
