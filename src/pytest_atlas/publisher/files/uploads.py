"""Bring the contents of data files to where Atlas finds them, a few at a time, before they are registered.

What is uploaded is said in a receipt; the queue then registers it. A file that can't be had or that its place refuses is
set aside for itself; a place that does not answer is tried again.
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_atlas.base.disk_space import DiskSpaceError
from pytest_atlas.base.private_files import Replacement, is_file, make_directory
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.receipts import Ledger
from pytest_atlas.publisher.reconcile.pace import Pace
from pytest_atlas.publisher.reconcile.queue import Queue
from pytest_atlas.session import measurements
from pytest_atlas.session.model import File
from pytest_atlas.session.state import RUN, SessionState

from . import session_files, traces
from .objects import Objects, UploadFailed, sha256_of, stopped

AT_ONCE = 8
MAX_CSV_BYTES = 8 << 30
"""Largest sum of the CSVs that are made of one session's traces."""


class Content(NamedTuple):
    """A file as it is sent."""

    path: Path
    size: int  # bytes
    sha256: str  # hex


class Uploads:
    """Uploads what the queue asks for. Without a place (`objects` is None) files stay where they are."""

    def __init__(
        self,
        session: Path,
        objects: Objects | None,
        *,
        facts: SessionState,
        ledger: Ledger,
        queue: Queue,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        sent: Callable[[], int] = lambda: 0,
    ) -> None:
        """`sent`: the bytes that `objects` has sent so far."""
        self._sent = sent
        self._sent_before = 0
        self._progress_at = float("-inf")
        self._is_stopped = False
        self._csv_bytes = 0
        self._csv_lock = threading.Lock()  # CSVs are made in threads
        self.trouble = ""  # the last passing failure
        self.under_way: set[str] = set()
        self._arrivals: dict[tuple[str, str], asyncio.Future[tuple[str, int]]] = {}  # by path and name
        self._no_use = ""  # why no file can be brought, where the place itself is the reason
        self._session = session.absolute()
        self._objects = objects
        self._facts = facts
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._pace = Pace(AT_ONCE, jitter)
        facts.keep_files(objects is None)

    @property
    def progress_at(self) -> float:
        """When a part of a file was last read or sent, in seconds of the clock."""
        if (sent := self._sent()) != self._sent_before:
            self._sent_before, self._progress_at = sent, self._clock()
        return self._progress_at

    def stop(self) -> None:
        """End the reading of files in threads."""
        self._is_stopped = True

    def next(self) -> list[str]:
        """The files to be brought now; each is under way until `bring` returns."""
        room = self._pace.room(self._clock(), len(self.under_way))
        keys = [self._queue.to_upload.pop() for _ in range(min(room, len(self._queue.to_upload)))]
        self.under_way.update(keys)
        return keys

    async def bring(self, key: str) -> None:
        """Upload one file."""
        if self._no_use:
            self.under_way.discard(key)
            self._set_aside(key, self._no_use)
            return
        file, sent = self._facts.files[key], self._clock()
        what = (file.event.path, file.event.name)
        if what not in self._arrivals:  # else the same file is on its way, or there, for another place
            self._arrivals[what] = asyncio.ensure_future(self._arrive(file))
        try:
            url, size = await self._arrivals[what]
        except UploadFailed as failed:
            self._arrivals.pop(what, None)
            log.warning("%s: %s", key, failed)
            if failed.transient:
                self.trouble = str(failed)
                self._pace.failed(self._clock(), sent, None, overloaded=False)
                self._queue.to_upload.add([key])
            else:
                self._no_use = self._no_use or (str(failed) if failed.every_file else "")
                self._set_aside(key, self._no_use or str(failed))
        except (DiskSpaceError, traces.TraceUnreadableError) as error:
            self._arrivals.pop(what, None)
            self._set_aside(key, str(error))
        except (OSError, ValueError) as error:
            self._arrivals.pop(what, None)
            self._set_aside(key, f"it can't be read any more: {error}")
        else:
            self.trouble = ""
            self._pace.succeeded()
            self._ledger.write(rc.Uploaded(key=key, url=url, size=size))
            self._queue.touch(key)
        finally:
            self.under_way.discard(key)

    async def copy(self, key: str, owner_id: str) -> bool:
        """Give a file an object of its own, for a server that takes no URL twice (C7). Whether that went well."""
        assert self._objects is not None
        seen = self._ledger.observed.get(key)
        try:
            url = await self._objects.copy(seen.url, place=owner_id)
        except (UploadFailed, OSError, ValueError) as error:
            log.warning("%s: %s", key, error)
            return False
        self._ledger.write(rc.Uploaded(key=key, url=url, size=seen.size))
        return True

    def is_shared(self, key: str) -> bool:
        """Whether the file's URL is registered for another place already."""
        return self._ledger.observed.is_registered_elsewhere(key)

    async def _arrive(self, file: File) -> tuple[str, int]:
        """The URL and the size of a file, once it is there."""
        assert self._objects is not None, "without a place nothing is asked for"
        content = await asyncio.to_thread(self._content, file)
        url = await self._objects.put(
            content.path,
            run_id=self._ledger.observed.get(RUN).id,
            name=file.event.name,
            sha256=content.sha256,
            content_type=file.content_type,
        )
        return url, content.size

    def _set_aside(self, key: str, why: str) -> None:
        log.warning("%s: %s", key, why)
        self._ledger.write(rc.Rejected(key=key, why=why))
        self._queue.touch(key)

    def _content(self, file: File) -> Content:
        """The file itself; of a trace its CSV, of a card's measurements their table. Raises OSError or ValueError."""
        path = session_files.locate(self._session, file.event.path, is_there=not file.is_measurements)
        if file.is_measurements:
            make_directory(path.parent)
            with Replacement(path) as made:
                made.write(measurements.text(self._facts, file.owner))
        elif file.event.columns:
            raw, path = path, path.with_suffix(".csv")
            if not is_file(path):
                traces.write_csv(
                    raw, file.event.columns, file.event.rate, path, check=self._check(raw), count_bytes=self._count_csv
                )
        sha256, size = sha256_of(path, self._check(path))
        return Content(path, size, sha256)

    def _count_csv(self, size: int) -> None:
        """Count `size` more bytes of CSVs. Raises TraceUnreadableError if there are too many."""
        with self._csv_lock:
            if self._csv_bytes + size > MAX_CSV_BYTES:
                raise traces.TraceUnreadableError(
                    f"the CSVs of this session's traces are larger than {MAX_CSV_BYTES >> 30} GiB; record fewer samples"
                )
            self._csv_bytes += size

    def _check(self, path: Path) -> Callable[[], None]:
        """Return what is called for each piece of the file at `path`: it ends the reading, or counts it as progress.

        Reading a sparse file is no progress: a few bytes on the disk can stand for any number of zeros.
        """
        stat = path.stat()
        is_dense = getattr(stat, "st_blocks", stat.st_size) * 512 >= stat.st_size // 2

        def check() -> None:
            if self._is_stopped:
                raise stopped(path.name)
            if is_dense:
                self._progress_at = self._clock()

        return check
