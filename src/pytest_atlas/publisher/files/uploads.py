"""Upload data files before they are registered, a few at a time.

A receipt has the URL of an uploaded file; the queue then registers it. The failure policy (C6) decides about failures.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from pytest_atlas.base.disk_space import DiskSpaceError
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher import failures
from pytest_atlas.publisher.failures import FileError
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.receipts import Receipts
from pytest_atlas.publisher.reconcile.pace import Pace
from pytest_atlas.publisher.reconcile.queue import Queue
from pytest_atlas.session.model import File
from pytest_atlas.session.state import RUN, SessionState

from .contents import Contents
from .objects import Objects, UploadFailed
from .traces import TraceUnreadableError

AT_ONCE = 8


class Uploads:
    """Uploads the files that the queue requests. Without `objects`, files stay in the session directory."""

    def __init__(
        self,
        session: Path,
        objects: Objects | None,
        *,
        state: SessionState,
        receipts: Receipts,
        queue: Queue,
        clock: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        self.transient = ""  # the last transient failure
        self.in_progress: set[str] = set()
        self.contents = Contents(session, state, clock)
        self._uploads: dict[tuple[str, str], asyncio.Future[tuple[str, int]]] = {}  # by path and name
        self._stop_reason = ""  # of a failure that applies to all files
        self._objects = objects
        self._state = state
        self._receipts = receipts
        self._queue = queue
        self._clock = clock
        self._pace = Pace(AT_ONCE, jitter)

    def take(self) -> list[str]:
        """Return the files to upload now. Each is in progress until `upload` returns."""
        room = self._pace.room(self._clock(), len(self.in_progress))
        keys = [self._queue.to_upload.pop() for _ in range(min(room, len(self._queue.to_upload)))]
        self.in_progress.update(keys)
        return keys

    async def upload(self, key: str) -> None:
        """Upload one file. A file that belongs to several entities is uploaded once."""
        if self._stop_reason:
            self.in_progress.discard(key)
            self._skip(key, self._stop_reason)
            return
        file, sent = self._state.files[key], self._clock()
        name = (file.event.path, file.event.name)
        if name not in self._uploads:
            self._uploads[name] = asyncio.ensure_future(self._upload(file))
        try:
            url, size = await self._uploads[name]
        except (UploadFailed, DiskSpaceError, TraceUnreadableError, OSError, ValueError) as error:
            self._uploads.pop(name, None)
            self._failed(key, error, sent)
        else:
            self.transient = ""
            self._pace.succeeded()
            self._receipts.write(rc.Uploaded(key=key, url=url, size=size))
            self._queue.touch(key)
        finally:
            self.in_progress.discard(key)

    async def copy(self, key: str, owner_id: str) -> bool:
        """Copy a file for a server that rejects a second registration of a URL (C7). Return whether this succeeded."""
        assert self._objects is not None
        known = self._receipts.observed.get(key)
        try:
            url = await self._objects.copy(known.url, place=owner_id)
        except (UploadFailed, OSError, ValueError) as error:
            log.warning("%s: %s", key, error)
            return False
        self._receipts.write(rc.Uploaded(key=key, url=url, size=known.size))
        return True

    def is_shared(self, key: str) -> bool:
        """Return whether the URL of the file is registered for another entity already."""
        return self._receipts.observed.is_registered_elsewhere(key)

    async def _upload(self, file: File) -> tuple[str, int]:
        """Upload a file, and return its URL and size."""
        assert self._objects is not None, "without a bucket, the queue requests no upload"
        content = await self.contents.prepare(file)
        url = await self._objects.put(
            content.path,
            run_id=self._receipts.observed.get(RUN).id,
            name=file.event.name,
            sha256=content.sha256,
            content_type=file.content_type,
        )
        return url, content.size

    def _failed(self, key: str, error: FileError, sent: float) -> None:
        if failures.action(error, "file") is failures.Action.RETRY:
            log.warning("%s: %s", key, error)
            self.transient = str(error)
            self._pace.failed(self._clock(), sent, None, overloaded=False)
            self._queue.to_upload.add([key])
            return
        is_named = isinstance(error, UploadFailed | DiskSpaceError | TraceUnreadableError)
        if isinstance(error, UploadFailed) and error.every_file:
            self._stop_reason = self._stop_reason or str(error)
        self._skip(key, self._stop_reason or (str(error) if is_named else f"it can't be read any more: {error}"))

    def _skip(self, key: str, why: str) -> None:
        log.warning("%s: %s", key, why)
        self._receipts.write(rc.Rejected(key=key, why=why))
        self._queue.touch(key)
