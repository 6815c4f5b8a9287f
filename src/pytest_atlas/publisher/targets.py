"""The Atlas that a publisher writes to: a remote one over HTTP, or the local Atlas.

The name of a target is part of the name of its receipts file: the origin of a remote Atlas, or the uuid in the store of a local
Atlas, so that a session is not mistaken for published after its directory was moved or the store was deleted.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pytest_atlas.atlas.errors import AtlasError, Unreachable
from pytest_atlas.atlas.operations import Operation
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base import requirements
from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.records import dataclass
from pytest_atlas.local import LocalAtlas, StoreError
from pytest_atlas.local.objects import LocalObjects
from pytest_atlas.publisher.files.bucket import Bucket, plain
from pytest_atlas.publisher.files.objects import Objects, UploadFailed

R = TypeVar("R")

STORE = "atlas.db"
REMOTE_LIMIT = 32
"""Maximum number of requests in flight to a remote Atlas."""
LOCAL_LIMIT = 512
"""Maximum number of operations in one transaction of the local Atlas."""


class Sent:
    """The bytes of data files that were sent so far, counted by the threads that send them."""

    def __init__(self) -> None:
        self.bytes = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Add `count` bytes; a negative number if bytes are sent again."""
        with self._lock:
            self.bytes += count


@dataclass(frozen=True, slots=True)
class Target:
    """An Atlas with its name."""

    name: str  # for file names
    label: str  # for messages
    limit: int
    atlas: AsyncAtlas
    show_command: str = ""  # the command that shows a run, without the reference of the run
    objects: Objects | None = None  # storage for data files; None: they stay in the session directory
    sent: Sent = field(default_factory=Sent)


@asynccontextmanager
async def remote(
    url: str, token: str, bucket: Bucket | None = None, *, timeout_s: float | None = None
) -> AsyncIterator[Target]:
    """Open the Atlas at `url`, with its data files in `bucket`. Raises ValueError for an invalid address or token, and
    UnsupportedVersion.

    `timeout_s`: maximum seconds for a connection and for each part of a response; None: the default of the client.
    """
    requirements.check("httpx")
    from pytest_atlas.atlas.client import TIMEOUT_S, AsyncAtlasClient  # importing httpx takes 0.1 s

    sent = Sent()
    async with AsyncExitStack() as stack:
        if bucket:
            from pytest_atlas.publisher.files.s3 import S3Objects

            objects: Objects | None = await stack.enter_async_context(S3Objects(bucket, progress=sent.add))
        else:
            objects = None
        client = await stack.enter_async_context(AsyncAtlasClient(url, token, timeout_s=timeout_s or TIMEOUT_S))
        name, label = remote_name(client.url), origin(client.url)
        yield Target(name=name, label=label, limit=REMOTE_LIMIT, atlas=client, objects=objects, sent=sent)


@asynccontextmanager
async def local(atlas_dir: Path) -> AsyncIterator[Target]:
    """Open the local Atlas in `atlas_dir`. Raises StoreError if its store can't be opened."""
    with LocalAtlas(atlas_dir / STORE, create=True) as atlas:
        yield Target(
            name=f"local-{atlas.store_id}",
            label=f"local Atlas {atlas_dir / STORE}",
            limit=LOCAL_LIMIT,
            atlas=BatchingAtlas(atlas),
            show_command=command_line("pytest-atlas", "--atlas-dir", str(atlas_dir), "show"),
            objects=LocalPlace(atlas.objects),
        )


def origin(url: str) -> str:
    """Return the origin of `url`, such as `https://atlas.example.com`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def remote_name(url: str) -> str:
    """Return the name of the target at `url`: its origin, in characters that are valid in file names."""
    parts = urlsplit(url)
    host = (parts.hostname or "").replace(":", "-")
    return "-".join(str(part) for part in (parts.scheme, host, parts.port) if part)


class LocalPlace:
    """`Objects` in the directory of the local Atlas."""

    def __init__(self, objects: LocalObjects) -> None:
        self._objects = objects

    async def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:  # noqa: ARG002 - Objects
        """See Objects."""
        key = Bucket("local").key(run_id=run_id, sha256=sha256, name=name)
        return await asyncio.to_thread(self._objects.put, path, key)

    def is_own(self, url: str, *, run_id: str) -> bool:
        """See Objects."""
        return url.startswith(f"{self._objects.bucket}{plain(run_id)}/")

    async def copy(self, url: str, *, place: str) -> str:
        """See Objects. Not used in practice: the local Atlas accepts several registrations of one URL."""
        path = self._objects.path(url)
        if path is None:
            raise UploadFailed(f"{url} is not stored in this local Atlas", "Publish the session again", transient=False)
        return await asyncio.to_thread(self._objects.put, path, f"{place}/{path.name}")


class BatchingAtlas:
    """Sends operations to a local Atlas: concurrent operations share one transaction, and return after its commit."""

    def __init__(self, atlas: LocalAtlas) -> None:
        self._atlas = atlas
        self._waiting: list[tuple[Operation[Any], asyncio.Future[Any]]] = []

    async def send(self, operation: Operation[R], /) -> R:
        """Perform one operation, together with the others that wait."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((operation, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._write)
        return await future

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        responses: list[Any] = []
        try:
            with self._atlas.transaction():
                responses.extend(self._perform(operation) for operation, _ in waiting)
        except (StoreError, sqlite3.Error) as error:
            responses = [Unreachable(operation, str(error), in_doubt=True) for operation, _ in waiting]
        for (_, future), response in zip(waiting, responses, strict=True):
            if future.cancelled():
                continue
            if isinstance(response, AtlasError):
                future.set_exception(response)
            else:
                future.set_result(response)

    def _perform(self, operation: Operation[Any]) -> Any:
        try:
            return self._atlas.send(operation)
        except AtlasError as error:  # only this operation fails; the others of the transaction are performed
            return error
