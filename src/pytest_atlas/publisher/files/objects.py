"""Where a publisher puts data files before it registers them: a place that keeps objects and gives each an s3:// URL.

Knows no S3: `s3.py` is one such place. The publisher decides by what hangs on UploadFailed, never by its words.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pytest_atlas.base.private_files import open_to_read

_PIECE = 1 << 20


class UploadFailed(Exception):  # noqa: N818 - said of one file, it is what happened to it
    """A file did not arrive: what happened to what, what to do, and whether the same call may succeed later.

    `every_file`: the reason lies in the place or the way to it, and so concerns all files alike.
    """

    def __init__(self, what: str, remedy: str, *, transient: bool, every_file: bool = False) -> None:
        super().__init__(f"{what}. {remedy}")
        self.what = what
        self.remedy = remedy
        self.transient = transient
        self.every_file = every_file


class Objects(Protocol):
    """A place that keeps data files."""

    async def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        """Bring the file at `path`, whose content has this hash, and return its s3:// URL.

        The same file put again has the same URL and is not sent again. Raises UploadFailed.
        """
        ...

    def is_own(self, url: str, *, run_id: str) -> bool:
        """Whether `url` can be a data file that `put` or `copy` stored here for this run. Text only; nothing is requested."""
        ...

    async def copy(self, url: str, *, place: str) -> str:
        """Give `place` (a step's or card's id) an object of its own with the content of `url`, and return its URL.

        For a server that takes no URL twice (contract C7). Raises UploadFailed.
        """
        ...


STOPPED = ("the upload of {file} was stopped", "pytest-atlas push sends it later")


def stopped(name: str) -> UploadFailed:
    """What becomes of a file whose turn did not come before the end."""
    what, remedy = STOPPED
    return UploadFailed(what.format(file=repr(name)), remedy, transient=False)


def sha256_of(path: Path, check: Callable[[], None] = lambda: None) -> tuple[str, int]:
    """The SHA-256 of a file's content in hex and its size in bytes, in constant memory. Raises OSError.

    `check` is called for each MiB and may raise.
    """
    digest = hashlib.sha256()
    with open_to_read(path) as file:
        while piece := file.read(_PIECE):
            check()
            digest.update(piece)
        return digest.hexdigest(), file.tell()
