"""One publisher at a time: a lock of the operating system's on the receipts, gone with the process that holds it."""

import os
import sys
import tempfile
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # a byte that is never written: Windows locks bytes against reading, too

    def lock(descriptor: int) -> bool:
        """Take the lock on the open file, without waiting; False where another process holds it."""
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import errno
    import fcntl

    _CANT = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
    _elsewhere: list[int] = []  # open for as long as the process lives

    def lock(descriptor: int) -> bool:
        """Take the lock on the open file, without waiting; False where another process holds it.

        Some network drives have no locks. A file in this machine's temporary folder is locked then: two publishers on one
        machine are kept apart, and two machines must not publish one folder at the same time.
        """
        try:
            return _flock(descriptor)
        except OSError as error:
            if error.errno not in _CANT:
                raise
        file = os.fstat(descriptor)
        path = Path(tempfile.gettempdir()) / f"pytest-atlas-{os.getuid()}-{file.st_dev:x}-{file.st_ino:x}.lock"
        stand_in = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if not _flock(stand_in):
            os.close(stand_in)
            return False
        _elsewhere.append(stand_in)
        return True

    def _flock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
