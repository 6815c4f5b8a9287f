"""Upload data files into S3 (C7) with boto3 in threads. boto3 is imported with the first file.

boto3 finds credentials, region, profile and endpoint in its configuration (AWS_PROFILE, AWS_ENDPOINT_URL_S3, …).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeVar

from .bucket import Bucket, beside, split
from .objects import stopped

if TYPE_CHECKING:
    from .s3_transfer import Transfers

R = TypeVar("R")

FILES_AT_ONCE = 8
CLOSE_TIMEOUT_S = 5.0
"""Seconds for uploads in progress to stop."""


class S3Objects:
    """`Objects` in a bucket, for all files of a publisher. `async with` or `close` ends its threads.

    `progress` is called with the number of bytes sent, from any thread; a negative number if bytes are sent again.
    """

    def __init__(self, bucket: Bucket, *, progress: Callable[[int], None] = lambda _: None) -> None:
        self._bucket = bucket
        self._progress = progress
        self._pool = ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="s3")
        self._connecting = Lock()
        self._transfers: Transfers | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<S3Objects {self._bucket}>"

    async def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        """See Objects. A cancelled upload may still take effect; a repeated upload has the same URL."""

        def upload() -> str:
            return self._connected(name).put(path, run_id=run_id, name=name, sha256=sha256, content_type=content_type)

        return await self._in_a_thread(upload)

    def is_own(self, url: str, *, run_id: str) -> bool:
        """See Objects."""
        return self._bucket.holds(url, run_id=run_id)

    async def copy(self, url: str, *, place: str) -> str:
        """See Objects. Raises ValueError if `url` is not an object below the bucket's prefix."""
        if not self._bucket.holds(url):
            raise ValueError(f"{url!r} is not below {self._bucket}, so it is not copied")
        _, key = split(url)
        target = beside(key, place)
        return await self._in_a_thread(lambda: self._connected(url).copy(url, target))

    async def close(self) -> None:
        """Stop uploads in progress and end the threads. Files that wait are not sent."""
        self._closed = True
        with suppress(TimeoutError):  # S3 does not respond: boto3 can't be interrupted, so its threads continue
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._transfers:
                    await asyncio.to_thread(self._transfers.close)
                await asyncio.to_thread(self._pool.shutdown)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _in_a_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _connected(self, file: str) -> "Transfers":
        with self._connecting:  # boto3 creates clients in one thread at a time
            if self._closed:
                raise stopped(file)
            if self._transfers is None:
                from .s3_transfer import Transfers

                self._transfers = Transfers(self._bucket, self._progress, FILES_AT_ONCE)
            return self._transfers
