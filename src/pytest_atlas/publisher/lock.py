"""One publisher at a time: a lock of the operating system's on the receipts, gone with the process that holds it."""

import errno
import os

from pytest_atlas.base import atlas_directory, private_files
from pytest_atlas.base.locks import try_lock

_CANT = {errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
_elsewhere: list[int] = []  # open for as long as the process lives


def lock(descriptor: int) -> bool:
    """Take the lock on the open file, without waiting; False where another process holds it.

    Some network drives have no locks. A file in this machine's temporary folder is locked then: two publishers on one
    machine are kept apart, and two machines must not publish one folder at the same time.
    """
    try:
        return try_lock(descriptor)
    except OSError as error:
        if error.errno not in _CANT:
            raise
    file = os.fstat(descriptor)
    path = atlas_directory.temporary() / f"{file.st_dev:x}-{file.st_ino:x}.lock"
    stand_in = private_files.open_to_append(path)
    if not try_lock(stand_in):
        os.close(stand_in)
        return False
    _elsewhere.append(stand_in)
    return True
