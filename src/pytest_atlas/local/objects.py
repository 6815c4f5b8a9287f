"""Where the local Atlas keeps data files: a folder beside its store, and `s3://` URLs of its own. Knows no SQL.

A URL is untrusted text. The name on the disk begins with a hash of it, so that no URL leads out of the folder, no two share
a file (Windows and macOS take `A` and `a` for one name), and none is too long or refused by any system.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

from pytest_atlas.base import atlas_directory, disk_space
from pytest_atlas.base import private_files as pf

FOLDER = "objects"
"""The folder's name, beside the store."""

CHUNK = 1 << 20
"""Bytes that are copied or compared at once."""

INCOMING = "incoming"
ABANDONED_S = 24 * 3600.0
"""Age in seconds from which an unfinished copy is taken for a dead process's."""

_UNFINISHED = re.compile(r"[0-9a-f]{32}")
"""The form of the names of unfinished copies; no other file is deleted."""

_READABLE = 80
"""Most characters of a file's own name that are kept on the disk, for those who look into the folder."""


class LocalObjects:
    """Files in `folder`, which is made, readable by its owner only, with the first of them. Safe for threads and processes."""

    def __init__(self, folder: Path, store_id: str) -> None:
        self.folder = folder
        self.bucket = f"s3://local-atlas-{store_id}/"

    def __repr__(self) -> str:
        return f"<LocalObjects {self.folder} {self.bucket}>"

    def put(self, path: Path, key: str) -> str:
        """Copy the file at `path` and return its URL; on the disk when this returns, whole or not at all.

        A file of the same content that is there under this key already is left as it is; another content is replaced.
        Raises OSError where `path` can't be read or is no regular file, or the folder can't be written; DiskSpaceError if the
        copy needs more than half of the free space; ValueError without a key.
        """
        if not key:
            raise ValueError(f"{path} needs a key to be kept under")
        url = self.bucket + quote(key, safe="/", errors="surrogatepass")
        target = self._place(url)
        if not _same(path, target):
            with self._arriving() as temporary:
                disk_space.require(self.folder, path.stat().st_size)
                _copy(path, temporary)
                pf.make_directory(target.parent)
                pf.move(temporary, target)
            pf.sync_directory(target.parent)
            pf.sync_directory(self.folder)
        return url

    def path(self, url: str) -> Path | None:
        """Where the file of one of our URLs is or would be; None for any other URL. Never outside of the folder."""
        return self._place(url) if url.startswith(self.bucket) and url != self.bucket else None

    def exists(self, url: str) -> bool:
        """Whether `url` is one of ours and its file is here."""
        path = self.path(url)
        return path is not None and pf.is_file(path)

    def open(self, url: str) -> BinaryIO:
        """The file behind one of our URLs, to be read and closed. Raises FileNotFoundError, for a foreign URL too."""
        path = self.path(url)
        if path is None:
            raise FileNotFoundError(f"{url!r} is not kept here, but somewhere in S3")
        return pf.open_to_read(path)

    def remove(self, url: str) -> None:
        """Delete the file of one of our URLs, if it is here. Raises OSError: on Windows an open file can't be deleted."""
        path = self.path(url)
        if path is not None:
            pf.delete(path)

    def _place(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", url.rpartition("/")[2])[-_READABLE:].rstrip(".")
        return self.folder / digest[:2] / f"{digest[2:34]}-{readable}"

    @contextmanager
    def _arriving(self) -> Iterator[Path]:
        """A name for an unfinished file, on the same file system; whatever is left of it is removed."""
        folder = self.folder / INCOMING
        atlas_directory.make(self.folder.parent)
        pf.make_directory(self.folder)
        pf.make_directory(folder)
        _remove_abandoned(folder)
        temporary = folder / uuid4().hex
        try:
            yield temporary
        finally:
            pf.delete(temporary)


def _remove_abandoned(folder: Path) -> None:
    """What processes that died while copying left behind."""
    for name in filter(_UNFINISHED.fullmatch, pf.list_names(folder)):
        with suppress(OSError):  # another process has deleted it, has it open, or it is no file
            if pf.modified_at(folder / name) < time.time() - ABANDONED_S:
                pf.delete(folder / name)


def _same(a: Path, b: Path) -> bool:
    """Whether both files are there with the same content. Raises OSError where one can't be read."""
    if not pf.is_file(b):
        return False
    with pf.open_to_read(a) as one, pf.open_to_read(b) as other:
        if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
            return False
        return hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()


def _copy(source: Path, target: Path) -> None:
    """Copy a file in chunks, or by reference where the disk can, and wait until the disk has it."""
    with pf.open_to_read(source) as read, os.fdopen(pf.create(target), "wb", buffering=0) as written:
        if not _copied_by_the_kernel(read.fileno(), written.fileno()):
            while chunk := read.read(CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[written.write(view) :]
        os.fsync(written.fileno())


def _copied_by_the_kernel(source: int, target: int) -> bool:
    """Whether the kernel copied what is left of `source`: a reflink on btrfs and XFS, no detour through this process else."""
    if sys.platform != "linux" or not hasattr(os, "copy_file_range"):  # glibc before 2.27 lacks it
        return False
    try:
        first = copied = os.copy_file_range(source, target, CHUNK)
        while copied:
            copied = os.copy_file_range(source, target, 64 * CHUNK)
    except OSError:  # not between these two disks; what was copied before is kept: both files' positions moved along
        return False
    return first > 0  # some file systems say 0 of files that are not empty (https://lwn.net/Articles/846403/)
