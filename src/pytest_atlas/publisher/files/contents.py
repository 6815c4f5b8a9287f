"""Prepare the contents of data files for an upload: find the file, write the CSV of a trace, hash it."""

import asyncio
import threading
from collections.abc import Callable
from os import stat_result
from pathlib import Path
from typing import NamedTuple

from pytest_atlas.base.private_files import Replacement, is_file, make_directory
from pytest_atlas.session import measurements, trace_limits
from pytest_atlas.session.model import File
from pytest_atlas.session.state import SessionState

from . import session_files, traces
from .objects import sha256_of, stopped

MAX_CSV_BYTES = 8 << 30
"""Largest sum of the CSVs of one session's traces."""


class Content(NamedTuple):
    """A file as it is sent."""

    path: Path
    size: int  # bytes
    sha256: str  # hex


class Contents:
    """Prepares files in threads, and knows when the last part of a file was read."""

    def __init__(self, session: Path, state: SessionState, clock: Callable[[], float]) -> None:
        self.progress_at = float("-inf")  # seconds of the clock
        self._session = session.absolute()
        self._state = state
        self._clock = clock
        self._is_stopped = False
        self._csv_bytes = 0
        self._csv_lock = threading.Lock()  # CSVs are written in threads

    def stop(self) -> None:
        """End the reading of files."""
        self._is_stopped = True

    async def prepare(self, file: File) -> Content:
        """Return the content of `file`. Raises OSError, ValueError, DiskSpaceError, TraceUnreadableError or UploadFailed."""
        return await asyncio.to_thread(self._prepare, file)

    def _prepare(self, file: File) -> Content:
        path = session_files.locate(self._session, file.event.path, is_there=not file.made_from)
        if file.made_from:
            make_directory(path.parent)
            with Replacement(path) as made:
                made.write(self._text(file))
        elif file.event.columns:
            raw, path = path, path.with_suffix(".csv")
            if not is_file(path):
                columns, rate = file.event.columns, file.event.rate
                traces.write_csv(raw, columns, rate, path, check=self._check(raw), count_bytes=self._count_csv)
        sha256, size = sha256_of(path, self._check(path))
        return Content(path, size, sha256)

    def _text(self, file: File) -> str:
        """Return the content of a file that is made from the journal."""
        return measurements.text(self._state, file.owner) if file.made_from == "measurements" else trace_limits.text(file.event)

    def _count_csv(self, size: int) -> None:
        """Count `size` more bytes of CSVs. Raises TraceUnreadableError if there are too many."""
        with self._csv_lock:
            if self._csv_bytes + size > MAX_CSV_BYTES:
                raise traces.TraceUnreadableError(
                    f"the CSVs of this session's traces are larger than {MAX_CSV_BYTES >> 30} GiB; record fewer samples"
                )
            self._csv_bytes += size

    def _check(self, path: Path) -> Callable[[], None]:
        """Return a function to call for each part of the file: it stops the reading, or counts the part as progress."""
        counts = is_dense(path.stat())

        def check() -> None:
            if self._is_stopped:
                raise stopped(path.name)
            if counts:
                self.progress_at = self._clock()

        return check


def is_dense(stat: stat_result) -> bool:
    """Return whether at least half of a file is on the disk.

    Reading a sparse file is not progress: a few bytes on the disk can represent any number of zeros.
    """
    return getattr(stat, "st_blocks", stat.st_size) * 512 >= stat.st_size // 2
