"""The data files of the local Atlas: a directory next to its store, and `s3://` URLs that contain the id of the store.

A URL is untrusted text. The file name begins with a hash of the URL. So no URL leads out of the directory, no two URLs share a
file (on Windows and macOS, `A` and `a` are the same name), and each name is short and valid on every system.
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

DIRECTORY = "objects"
"""Name of the directory next to the store."""

CHUNK = 1 << 20
"""Number of bytes that are copied at once."""

INCOMING = "incoming"
ABANDONED_S = 24 * 3600.0
"""Age in seconds from which an unfinished copy is deleted: its process must have died."""

_UNFINISHED = re.compile(r"[0-9a-f]{32}")
"""Names of unfinished copies; no other file is deleted."""

_MAX_READABLE = 80
"""Most characters of the file name in a URL that are part of the name on the disk, for people."""


class LocalObjects:
    """Files in `directory`, which is created with the first file and private to its owner. Safe for threads and processes."""

    def __init__(self, directory: Path, store_id: str) -> None:
        self.directory = directory
        self.bucket = f"s3://local-atlas-{store_id}/"

    def __repr__(self) -> str:
        return f"<LocalObjects {self.directory} {self.bucket}>"

    def put(self, path: Path, key: str) -> str:
        """Copy the file at `path` and return its URL. When this returns, the complete copy is on the disk.

        An existing file with this key is replaced, unless it has the same content. Raises OSError if `path` can't be read or
        is not a regular file, or if the directory can't be written; DiskSpaceError if the copy needs more than half of the
        free space; ValueError without a key.
        """
        if not key:
            raise ValueError(f"{path}: the key is empty. Give the key under which the file is stored")
        url = self.bucket + quote(key, safe="/", errors="surrogatepass")
        target = self._place(url)
        if not _have_same_content(path, target):
            with self._temporary_file() as temporary:
                disk_space.require(self.directory, path.stat().st_size)
                _copy(path, temporary)
                pf.make_directory(target.parent)
                pf.move(temporary, target)
            pf.sync_directory(target.parent)
            pf.sync_directory(self.directory)
        return url

    def path(self, url: str) -> Path | None:
        """Return the path for a URL of this store, in the directory; None for any other URL. The file can be missing."""
        return self._place(url) if url.startswith(self.bucket) and url != self.bucket else None

    def exists(self, url: str) -> bool:
        """Return whether `url` belongs to this store and its file exists."""
        path = self.path(url)
        return path is not None and pf.is_file(path)

    def open(self, url: str) -> BinaryIO:
        """Open the file of a URL for reading. Raises FileNotFoundError, also if the URL does not belong to this store."""
        path = self.path(url)
        if path is None:
            raise FileNotFoundError(f"{url!r} is not stored in this local Atlas, but in S3")
        return pf.open_to_read(path)

    def remove(self, url: str) -> None:
        """Delete the file of a URL of this store, if it exists. Raises OSError, for example for an open file on Windows."""
        path = self.path(url)
        if path is not None:
            pf.delete(path)

    def _place(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", url.rpartition("/")[2])[-_MAX_READABLE:].rstrip(".")
        return self.directory / digest[:2] / f"{digest[2:34]}-{readable}"

    @contextmanager
    def _temporary_file(self) -> Iterator[Path]:
        """Yield the path of an unfinished file on the same file system. If it still exists after the block, it is deleted."""
        incoming = self.directory / INCOMING
        atlas_directory.make(self.directory.parent)
        pf.make_directory(self.directory)
        pf.make_directory(incoming)
        _remove_abandoned(incoming)
        temporary = incoming / uuid4().hex
        try:
            yield temporary
        finally:
            pf.delete(temporary)


def _remove_abandoned(directory: Path) -> None:
    """Delete the unfinished copies of processes that have died."""
    for name in filter(_UNFINISHED.fullmatch, pf.list_names(directory)):
        with suppress(OSError):  # another process has deleted or opened it, or it is not a file
            if pf.modified_at(directory / name) < time.time() - ABANDONED_S:
                pf.delete(directory / name)


def _have_same_content(a: Path, b: Path) -> bool:
    """Return whether `b` exists and has the content of `a`. Raises OSError if a file can't be read."""
    if not pf.is_file(b):
        return False
    with pf.open_to_read(a) as one, pf.open_to_read(b) as other:
        if os.fstat(one.fileno()).st_size != os.fstat(other.fileno()).st_size:
            return False
        return hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()


def _copy(source: Path, target: Path) -> None:
    """Copy a file, as a reflink if possible, and wait until it is on the disk."""
    with pf.open_to_read(source) as read, os.fdopen(pf.create(target), "wb", buffering=0) as written:
        if not _copy_in_kernel(read.fileno(), written.fileno()):
            while chunk := read.read(CHUNK):
                view = memoryview(chunk)
                while view:
                    view = view[written.write(view) :]
        os.fsync(written.fileno())


def _copy_in_kernel(source: int, target: int) -> bool:
    """Let the kernel copy the rest of `source`, on btrfs and XFS as a reflink. Return whether it did."""
    if sys.platform != "linux" or not hasattr(os, "copy_file_range"):  # glibc before 2.27 lacks it
        return False
    try:
        first = copied = os.copy_file_range(source, target, CHUNK)
        while copied:
            copied = os.copy_file_range(source, target, 64 * CHUNK)
    except OSError:  # not supported between these disks. Bytes copied before remain: the positions of both files have moved
        return False
    return first > 0  # some file systems return 0 for a file that is not empty (https://lwn.net/Articles/846403/)
