"""One publisher at a time: an operating system lock on the receipts, which ends with the process that holds it."""

import errno
import os

from pytest_atlas.base import atlas_directory, private_files
from pytest_atlas.base.locks import try_lock

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
_locked: list[int] = []  # descriptors of lock files, open until the process ends


def lock(descriptor: int) -> bool:
    """Lock the open file without waiting; return False if another process holds the lock.

    Some network drives have no locks. Then a file in the temporary directory is locked, which excludes only publishers on
    the same machine.
    """
    try:
        return try_lock(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    file = os.fstat(descriptor)
    path = atlas_directory.temporary() / f"{file.st_dev:x}-{file.st_ino:x}.lock"
    lock_file = private_files.open_to_append(path)
    if not try_lock(lock_file):
        os.close(lock_file)
        return False
    _locked.append(lock_file)
    return True
