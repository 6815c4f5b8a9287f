"""One publisher at a time: a lock of the operating system's on the receipts, gone with the process that holds it."""

import os
import sys

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
    import fcntl

    def lock(descriptor: int) -> bool:
        """Take the lock on the open file, without waiting; False where another process holds it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
