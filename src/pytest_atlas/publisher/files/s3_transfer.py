"""Objects into one bucket with boto3's transfer manager, in whatever thread calls. Importing this imports boto3.

What is uploaded is hashed on its way, once: the last piece of a file is handed to the transfer manager only if the whole is
what was recorded, so an object under a hash's key never holds anything else. Memory: IN_MEMORY pieces of a file at most.
"""

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256 as new_sha256
from os import fstat
from pathlib import Path
from typing import Any, BinaryIO

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]
from s3transfer.exceptions import CancelledError  # type: ignore[import-untyped]
from s3transfer.manager import TransferConfig, TransferManager  # type: ignore[import-untyped]
from s3transfer.subscribers import BaseSubscriber  # type: ignore[import-untyped]

from pytest_atlas.base.private_files import open_to_read

from .bucket import Bucket, split, url_of
from .objects import UploadFailed, stopped
from .s3_errors import failure, status_of

PART = 8 << 20
"""Bytes from which a file goes in parts of that size (in larger ones beyond 80 GB: S3 takes 10,000 parts)."""
IN_MEMORY = 4
"""Most parts in memory, of all files together; each one more costs up to 20 MiB and was no faster."""
REQUESTS_AT_ONCE = 8
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60


class NotS3Error(Exception):
    """An answer of success without what S3 answers."""


FOREIGN = (BotoCoreError, ClientError, ResponseParserError, CancelledError, NotS3Error)
"""What boto3 raises, and we about its answers."""

ANSWERS = {"PutObject": "ETag", "CreateMultipartUpload": "UploadId", "UploadPart": "ETag"}
"""What S3's answer to an operation always holds: a portal or proxy may say 200 to anything."""


class Transfers:
    """One client and one transfer manager, shared by all threads."""

    def __init__(self, bucket: Bucket, progress: Callable[[int], None], threads: int) -> None:
        """Connects to nothing yet. Raises UploadFailed where AWS's settings can't be used."""
        self._bucket = bucket
        self._progress = progress
        self._endpoint = ""
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, max_pool_connections=REQUESTS_AT_ONCE + threads
        )
        with self._translated("a data file", ValueError):  # of an endpoint that is no URL
            self._client: Any = boto3.session.Session().client("s3", config=config)
        self._endpoint = self._client.meta.endpoint_url
        for operation, part in ANSWERS.items():
            self._client.meta.events.register(f"after-call.s3.{operation}", partial(_check_answer, part))
        self._closing = False
        self._manager: Any = TransferManager(self._client, _transfer_config(threads))

    def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        """Upload the file at `path` unless the same object is there, and return its URL. Raises UploadFailed."""
        key = self._bucket.key(run_id=run_id, sha256=sha256, name=name)
        with _opened(path, name) as (file, size), self._translated(name):
            if self._same(self._head(self._bucket.name, key), size, sha256) is not True:
                self._upload(_Recorded(file, size, sha256, name), key, content_type)
                if size >= PART:
                    self._verify(key, size, sha256, name)
        return url_of(self._bucket.name, key)

    def copy(self, url: str, target: str) -> str:
        """Copy the object at `url` to the key `target` of its bucket, unless it is there, and return its URL."""
        bucket, key = split(url)
        with self._translated(key.rpartition("/")[2]):
            head = self._client.head_object(Bucket=bucket, Key=key)
            size, metadata = head["ContentLength"], head["Metadata"]
            if self._same(self._head(bucket, target), size, metadata.get("sha256", "")) is not True:
                # A copy in parts takes over neither type nor metadata by itself, so they are given again.
                extra = {"ContentType": head["ContentType"], "Metadata": metadata, "MetadataDirective": "REPLACE"}
                source = {"Bucket": bucket, "Key": key}
                self._manager.copy(source, bucket, target, extra_args=extra).result()
        return url_of(bucket, target)

    def close(self) -> None:
        """Stop what is under way and wait until it has stopped; parts already in S3 are taken back."""
        self._closing = True
        # Not `shutdown(cancel=True)`: s3transfer 0.19 mixes up its arguments there, a TypeError while anything is under way.
        stopped = RuntimeError("the publisher was stopped")
        self._manager.__exit__(type(stopped), stopped, None)
        self._client.close()

    # ── one upload ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _upload(self, file: "_Recorded", key: str, content_type: str) -> None:
        extra: dict[str, Any] = {"ContentType": content_type, "Metadata": {"sha256": file.sha256}}
        if file.size < PART and self._client.meta.config.request_checksum_calculation == "when_supported":
            # S3 itself checks the whole object by this; for parts the manager gives one checksum each.
            extra["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        watch = _Watched(file, self._progress)
        self._manager.upload(file, self._bucket.name, key, extra_args=extra, subscribers=[watch]).result()

    def _verify(self, key: str, size: int, sha256: str, name: str) -> None:
        """One look at what came of many parts; a bench that may not look has S3's word for each of them."""
        if self._same(self._head(self._bucket.name, key), size, sha256) is False:
            raise UploadFailed(
                f"{name!r} is not in {self._bucket} as it was sent",
                "It is tried again; if that goes on, something else writes there or removes it",
                transient=True,
            )

    def _head(self, bucket: str, key: str) -> dict[str, Any] | None:
        """What S3 says of an object: {} if there is none, None if it does not tell (403: we may write and not read).

        A refusal of HEAD has no body, so no reason: the upload that follows is refused with one.
        """
        try:
            return dict(self._client.head_object(Bucket=bucket, Key=key))
        except ClientError as error:
            return {} if status_of(error.response) == 404 else None

    @staticmethod
    def _same(head: dict[str, Any] | None, size: int, sha256: str) -> bool | None:
        if head is None:
            return None
        return (head.get("ContentLength"), head.get("Metadata", {}).get("sha256", "")) == (size, sha256)

    @contextmanager
    def _translated(self, file: str, *more: type[Exception]) -> Iterator[None]:
        try:
            yield
        except (*FOREIGN, *more) as error:
            # Without its cause: a traceback in the log would show what the words of `error` may hold (an endpoint's password).
            raise failure(error, file=file, bucket=str(self._bucket), endpoint=self._endpoint) from None
        except RuntimeError:  # of an executor that takes nothing any more
            if not self._closing:
                raise
            raise stopped(file) from None


def _check_answer(part: str, parsed: dict[str, Any], **_: Any) -> None:
    if status_of(parsed) < 300 and part not in parsed:
        raise NotS3Error


def _transfer_config(threads: int) -> Any:
    return TransferConfig(
        multipart_threshold=PART,
        multipart_chunksize=PART,
        max_request_concurrency=REQUESTS_AT_ONCE,
        max_submission_concurrency=threads,
        max_in_memory_upload_chunks=IN_MEMORY,
    )


# ── the file on its way ──────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[BinaryIO, int]]:
    """The file and its size. Any error of the disk, when opening or later, is this file's failure."""
    try:
        with open_to_read(path) as file:
            yield file, fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise UploadFailed(f"{name!r} is gone: {path}", "Put it back and push again", transient=False) from None
    except OSError as error:
        what = f"{name!r} can't be read: {error.strerror or type(error).__name__}: {path}"
        raise UploadFailed(what, "Make it readable and push again", transient=False) from error


class _Recorded:
    """A file as the transfer manager reads it: no seeking, and no end unless all of it was as recorded.

    The manager reads until nothing comes, so a file that grew is found out too.
    """

    def __init__(self, file: BinaryIO, size: int, sha256: str, name: str) -> None:
        self.size = size
        self.sha256 = sha256
        self.given_up: Callable[[], bool] = lambda: False
        self._file = file
        self._name = name
        self._left = size
        self._hash = new_sha256()

    def read(self, amount: int = -1) -> bytes:
        """The next `amount` bytes."""
        if self.given_up():  # a part was refused: the rest of a large file need not be read
            raise CancelledError
        data = self._file.read(amount)
        self._hash.update(data)
        self._left -= len(data)
        if self._left <= 0 or not data:
            self._check()
        return data

    def _check(self) -> None:
        if self._hash.hexdigest() != self.sha256:
            raise UploadFailed(
                f"{self._name!r} changed after it was recorded, so it was not uploaded",
                "Attach a file when nothing writes to it any more, or reserve its place with atlas.path",
                transient=False,
            )


class _Watched(BaseSubscriber):  # type: ignore[misc]  # s3transfer is not typed
    """Joins a file and its transfer: one tells its size, the other its progress and its end."""

    def __init__(self, file: _Recorded, progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress

    def on_queued(self, future: Any, **_: Any) -> None:
        future.meta.provide_transfer_size(self._file.size)  # else a file beyond 80 GB has too many parts
        self._file.given_up = future.done

    def on_progress(self, bytes_transferred: int, **_: Any) -> None:
        self._progress(bytes_transferred)
