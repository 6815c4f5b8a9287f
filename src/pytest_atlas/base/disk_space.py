"""Free disk space, checked before a large file is written: a session directory can come from anywhere."""

import errno
import shutil
from pathlib import Path


class DiskSpaceError(OSError):
    """A file needs more than half of the free space of its disk."""


def require(directory: Path, size: int) -> None:
    """Check that a file of `size` bytes takes at most half of the space that is free now. Raises DiskSpaceError.

    So the files of one session never fill a disk, however many there are. A sparse file counts with its whole size, because
    its copy is not sparse. `directory` exists; any OSError of it is raised.
    """
    free = shutil.disk_usage(directory).free
    if size > free // 2:
        raise DiskSpaceError(
            errno.ENOSPC,
            f"{_mib(size)} MiB are needed, and {_mib(free)} MiB are free; at most half of it is used",
            str(directory),
        )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f}"
