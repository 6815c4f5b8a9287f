"""The directory of the arrays of traces, `.atlas/cache`. It can be deleted at any time, also while it is used.

The arrays of a file are in `<sha256 of URL, size and time of change>/`. They are written into a directory with another name,
which is then renamed, so that an incomplete one is never read.
"""

import hashlib
import logging
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import BinaryIO
from uuid import uuid4

from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.base import atlas_directory
from pytest_atlas.base import private_files as pf

from .build import build
from .pyramid import DESCRIPTION, Pyramid

LOG = logging.getLogger(__name__)

DIRECTORY = "cache"
"""Name of the directory next to the store."""
MAX_BYTES = 2 << 30
"""Largest size of all arrays; the ones that were not used for the longest time are deleted."""
MAX_OPEN = 32
"""Maximum number of traces that stay mapped into memory, and of files whose problem is remembered."""
ABANDONED_S = 3600.0

_NAME = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{32}")
_FILE = re.compile(r"(time|\d+(\.low|\.high)?)\.npy|trace\.json(\.new)?")
"""Names of the files that are deleted; a directory with other files remains."""


class TraceCache:
    """Traces by the URL of their file. Safe for threads and processes."""

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._building: dict[str, Lock] = {}
        self._started: set[str] = set()
        self._open: OrderedDict[str, Pyramid | UnreadableError] = OrderedDict()

    def is_ready(self, url: str, file: BinaryIO) -> bool:
        """Return whether the arrays of a file exist, so that `get` is fast."""
        key = _key(url, file)
        return key in self._open or pf.is_file(self.directory / key / DESCRIPTION)

    def start(self, url: str, open_file: Callable[[], BinaryIO], *, is_gzip: bool = False) -> None:
        """Write the arrays of a file in a thread, unless this has started already. `is_ready` is true when it has ended."""
        with self._lock:
            if url in self._started:
                return
            self._started.add(url)

        def read() -> None:
            try:
                with open_file() as file:
                    self._get_or_remember(url, file, is_gzip=is_gzip)
            except OSError as error:  # the file was deleted
                LOG.warning("%s: %s", url, error)
            finally:
                with self._lock:
                    self._started.discard(url)

        Thread(target=read, name="trace", daemon=True).start()

    def _get_or_remember(self, url: str, file: BinaryIO, *, is_gzip: bool) -> None:
        """Call `get`. Its error is remembered for the next request, which would otherwise start to read again."""
        try:
            self.get(url, file, is_gzip=is_gzip)
        except UnreadableError:
            pass
        except OSError as error:
            LOG.warning("%s: %s", url, error)
            with self._lock:
                self._open[_key(url, file)] = UnreadableError(f"its arrays can't be written: {error}")

    def get(self, url: str, file: BinaryIO, *, is_gzip: bool = False) -> Pyramid:
        """Return the trace in an open file. Its arrays are written first if they don't exist.

        Raises UnreadableError if the file is not a trace or can't be read, and OSError if the cache can't be written.
        """
        key = _key(url, file)
        with self._lock:
            building = self._building.setdefault(key, Lock())
        with building:
            found = self._open.get(key) or self._load(key) or self._build(key, file, is_gzip=is_gzip)
        with self._lock:
            self._building.pop(key, None)
            self._open[key] = found
            self._open.move_to_end(key)
            while len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        if isinstance(found, UnreadableError):
            raise UnreadableError(str(found))
        return found

    def _load(self, key: str) -> Pyramid | None:
        path = self.directory / key
        if not os.path.lexists(path):
            return None
        try:
            found = Pyramid(path)
        except (OSError, ValueError, TypeError, KeyError):  # damaged, or of another version
            _delete(path)
            return None
        with suppress(OSError):
            os.utime(path)
        return found

    def _build(self, key: str, file: BinaryIO, *, is_gzip: bool) -> Pyramid | UnreadableError:
        atlas_directory.make(self.directory.parent)
        pf.make_directory(self.directory)
        unfinished = self.directory / f"{key}.{uuid4().hex}"
        pf.make_directory(unfinished)
        try:
            build(file, unfinished, is_gzip=is_gzip)
            with suppress(OSError):  # another process was faster
                os.rename(unfinished, self.directory / key)
            found = Pyramid(self.directory / key)
        except UnreadableError as error:
            return error
        finally:
            _delete(unfinished)
        self._remove_old(keep=key)
        return found

    def _remove_old(self, keep: str) -> None:
        """Delete unfinished directories of processes that have died, and the oldest ones beyond the limit."""
        sizes: list[tuple[float, int, Path]] = []
        for name in pf.list_names(self.directory):
            path = self.directory / name
            with suppress(OSError):
                used = path.lstat().st_mtime
                if _UNFINISHED.fullmatch(name) and used < time.time() - ABANDONED_S:
                    _delete(path)
                elif _NAME.fullmatch(name) and pf.is_directory(path):
                    sizes.append((used, sum((path / one).lstat().st_size for one in pf.list_names(path)), path))
        total = sum(size for _, size, _ in sizes)
        for _, size, path in sorted(sizes):
            if total > self._max_bytes and path.name != keep:
                _delete(path)
                total -= size


def _key(url: str, file: BinaryIO) -> str:
    found = os.fstat(file.fileno())
    return hashlib.sha256(f"{url}\0{found.st_size}\0{found.st_mtime_ns}".encode("utf-8", "surrogatepass")).hexdigest()


def _delete(directory: Path) -> None:
    """Delete a directory of the cache. Files that pytest-atlas does not create remain."""
    with suppress(OSError):  # does not exist, or is in use on Windows
        for name in filter(_FILE.fullmatch, pf.list_names(directory)):
            pf.delete(directory / name)
        directory.rmdir()
