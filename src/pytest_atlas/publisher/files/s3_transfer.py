"""Upload objects into one bucket with the transfer manager of boto3. Importing this module imports boto3.

A file is hashed while it is read: the transfer manager gets the last part only if the hash is the recorded one. The content of
an object therefore always matches the hash in its key. At most IN_MEMORY parts are in memory.
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
"""Bytes. Larger files are sent in parts of this size (in larger ones beyond 80 GB: S3 allows 10,000 parts)."""
IN_MEMORY = 4
"""Maximum number of parts in memory, for all files. More parts take up to 20 MiB each and are not faster."""
REQUESTS_AT_ONCE = 8
CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60


class NotS3Error(Exception):
    """A successful response without the fields of an S3 response."""


FOREIGN = (BotoCoreError, ClientError, ResponseParserError, CancelledError, NotS3Error)
"""Exceptions of boto3 and of the check of its responses."""

RESPONSE_FIELDS = {"PutObject": "ETag", "CreateMultipartUpload": "UploadId", "UploadPart": "ETag"}
"""The field that each response of S3 to an operation has: a portal or proxy may respond to every request with 200."""


class Transfers:
    """One client and one transfer manager, shared by all threads."""

    def __init__(self, bucket: Bucket, progress: Callable[[int], None], threads: int) -> None:
        """Create the client; no connection is opened. Raises UploadFailed if the AWS settings are invalid."""
        self._bucket = bucket
        self._progress = progress
        self._endpoint = ""
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, max_pool_connections=REQUESTS_AT_ONCE + threads
        )
        with self._translated("a data file", ValueError):  # an endpoint that is not a URL
            self._client: Any = boto3.session.Session().client("s3", config=config)
        self._endpoint = self._client.meta.endpoint_url
        for operation, part in RESPONSE_FIELDS.items():
            self._client.meta.events.register(f"after-call.s3.{operation}", partial(_check_response, part))
        self._closing = False
        self._manager: Any = TransferManager(self._client, _transfer_config(threads))

    def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        """Upload the file at `path` unless the same object exists, and return its URL. Raises UploadFailed."""
        key = self._bucket.key(run_id=run_id, sha256=sha256, name=name)
        with _opened(path, name) as (file, size), self._translated(name):
            if self._same(self._head(self._bucket.name, key), size, sha256) is not True:
                self._upload(_Recorded(file, size, sha256, name), key, content_type)
                if size >= PART:
                    self._verify(key, size, sha256, name)
        return url_of(self._bucket.name, key)

    def copy(self, url: str, target: str) -> str:
        """Copy the object at `url` to the key `target` of its bucket unless it exists, and return the URL of the copy."""
        bucket, key = split(url)
        with self._translated(key.rpartition("/")[2]):
            head = self._client.head_object(Bucket=bucket, Key=key)
            size, metadata = head["ContentLength"], head["Metadata"]
            if self._same(self._head(bucket, target), size, metadata.get("sha256", "")) is not True:
                # A copy in parts has no type and metadata unless they are given.
                extra = {"ContentType": head["ContentType"], "Metadata": metadata, "MetadataDirective": "REPLACE"}
                source = {"Bucket": bucket, "Key": key}
                self._manager.copy(source, bucket, target, extra_args=extra).result()
        return url_of(bucket, target)

    def close(self) -> None:
        """Stop uploads in progress, and wait until they have stopped; parts in S3 are deleted."""
        self._closing = True
        # Not `shutdown(cancel=True)`: with s3transfer 0.19 it raises TypeError while an upload is in progress.
        stopped = RuntimeError("the publisher was stopped")
        self._manager.__exit__(type(stopped), stopped, None)
        self._client.close()

    # ── one upload ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _upload(self, file: "_Recorded", key: str, content_type: str) -> None:
        extra: dict[str, Any] = {"ContentType": content_type, "Metadata": {"sha256": file.sha256}}
        if file.size < PART and self._client.meta.config.request_checksum_calculation == "when_supported":
            # S3 verifies the whole object with this checksum; for parts, the transfer manager adds one each.
            extra["ChecksumSHA256"] = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        watch = _Watched(file, self._progress)
        self._manager.upload(file, self._bucket.name, key, extra_args=extra, subscribers=[watch]).result()

    def _verify(self, key: str, size: int, sha256: str, name: str) -> None:
        """Verify an object that was sent in parts. Without the right to read, only the checksums of the parts were verified."""
        if self._same(self._head(self._bucket.name, key), size, sha256) is False:
            raise UploadFailed(
                f"{name!r} in {self._bucket} differs from the uploaded file",
                "It is retried; if this continues, another program writes or deletes objects there",
                transient=True,
            )

    def _head(self, bucket: str, key: str) -> dict[str, Any] | None:
        """Return the metadata of an object: {} if it does not exist, None if we have no right to read it (403).

        An error response to HEAD has no body; the response to the following upload has the reason.
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
            # Without its cause: a traceback in the log would show the message of `error`, which can contain a password.
            raise failure(error, file=file, bucket=str(self._bucket), endpoint=self._endpoint) from None
        except RuntimeError:  # the executor is shut down
            if not self._closing:
                raise
            raise stopped(file) from None


def _check_response(part: str, parsed: dict[str, Any], **_: Any) -> None:
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


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file, and return it with its size. Every OSError is translated into UploadFailed."""
    try:
        with open_to_read(path) as file:
            yield file, fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise UploadFailed(f"{name!r} does not exist any more: {path}", "Restore it and push again", transient=False) from None
    except OSError as error:
        what = f"{name!r} can't be read: {error.strerror or type(error).__name__}: {path}"
        raise UploadFailed(what, "Make it readable and push again", transient=False) from error


class _Recorded:
    """A file as the transfer manager reads it: without seeking, and its end is returned only if the hash matches.

    The manager reads to the end of the file, so a file that has grown is detected too.
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
        """Return the next `amount` bytes."""
        if self.given_up():  # a part was rejected, so the rest is not read
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
                "Attach a file after it is complete, or reserve its path with atlas.path",
                transient=False,
            )


class _Watched(BaseSubscriber):  # type: ignore[misc]  # s3transfer is not typed
    """Connects a file and its transfer: passes the size to the transfer, and progress and end to the file."""

    def __init__(self, file: _Recorded, progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress

    def on_queued(self, future: Any, **_: Any) -> None:
        future.meta.provide_transfer_size(self._file.size)  # otherwise a file beyond 80 GB has too many parts
        self._file.given_up = future.done

    def on_progress(self, bytes_transferred: int, **_: Any) -> None:
        self._progress(bytes_transferred)
