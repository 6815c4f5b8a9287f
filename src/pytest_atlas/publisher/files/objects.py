"""The interface of a storage for data files, which returns an s3:// URL for each object. `s3.py` implements it for S3.

The publisher decides by the attributes of UploadFailed, never by its message.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pytest_atlas.base.private_files import open_to_read

_PIECE = 1 << 20


class UploadFailed(Exception):  # noqa: N818 - the name states the event
    """A file was not uploaded: the problem, the remedy, and whether a retry can succeed.

    `every_file`: the problem is one of the storage or the connection, so it applies to all files.
    """

    def __init__(self, what: str, remedy: str, *, transient: bool, every_file: bool = False) -> None:
        super().__init__(f"{what}. {remedy}")
        self.what = what
        self.remedy = remedy
        self.transient = transient
        self.every_file = every_file


class Objects(Protocol):
    """A storage for data files."""

    async def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        """Store the file at `path`, which has this hash, and return its s3:// URL.

        If the same file is stored again, the URL is the same, and nothing is sent. Raises UploadFailed.
        """
        ...

    def is_own(self, url: str, *, run_id: str) -> bool:
        """Return whether `url` can be a data file that `put` or `copy` stored for this run. Sends no request."""
        ...

    async def copy(self, url: str, *, place: str) -> str:
        """Copy the object at `url` for `place` (the uuid of a step or card), and return the URL of the copy.

        For a server that rejects a second registration of a URL (C7). Raises UploadFailed.
        """
        ...


STOPPED = ("the upload of {file} was stopped", "pytest-atlas push sends it later")


def stopped(name: str) -> UploadFailed:
    """Return the failure of a file that was not uploaded before the publisher stopped."""
    what, remedy = STOPPED
    return UploadFailed(what.format(file=repr(name)), remedy, transient=False)


def sha256_of(path: Path, check: Callable[[], None] = lambda: None) -> tuple[str, int]:
    """Return the SHA-256 of a file in hex and its size in bytes, in constant memory. Raises OSError.

    `check` is called for each MiB and may raise.
    """
    digest = hashlib.sha256()
    with open_to_read(path) as file:
        while piece := file.read(_PIECE):
            check()
            digest.update(piece)
        return digest.hexdigest(), file.tell()
