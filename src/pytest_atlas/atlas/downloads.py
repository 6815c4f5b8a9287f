"""Download a registered data file from S3 or from the directory of a local Atlas. boto3 is imported at the first S3 URL.

The file name and the URL come from a server and are untrusted. The name is converted to one safe file name, and the file is
created exclusively: a download is always in its directory, and never replaces a file.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable
from uuid import uuid4

from pytest_atlas.base.file_names import safe_name

from .errors import DownloadError
from .models import DataFile
from .protocols import AsyncAtlas, SyncAtlas

CHUNK = 1 << 20
"""Bytes per copied piece."""

_S3 = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)
_LOCAL_BUCKET = "s3://local-atlas-"


@runtime_checkable
class _KeepsFiles(Protocol):
    """A local Atlas, with the content of data files in `objects`."""

    @property
    def objects(self) -> Any: ...


def download(
    atlas: SyncAtlas | AsyncAtlas, file: DataFile, directory: str | os.PathLike[str], *, name: str | None = None
) -> Path:
    """Copy the content of a data file into `directory` and return the path of the copy.

    `atlas` is the Atlas that `file` was read from. The files of a local Atlas are in its directory. All other files are read
    from S3 with boto3, which has credentials, region and endpoint from its configuration (`AWS_PROFILE`, …). The copy has
    the name of the file (or `name`) with unsafe characters replaced. `directory` is created if it does not exist. The call
    blocks, also with an asynchronous client.

    Raises FileExistsError if the name exists in `directory`, and DownloadError if the content can't be read or written.
    In both cases, no incomplete copy remains.
    """
    target = Path(directory) / _file_name(file, name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            raise _exists(target)
        with _content(atlas, file) as content:
            _write(content, target)
    except FileExistsError:
        raise
    except OSError as error:
        raise DownloadError(f"{file.file_name!r} from {file.s3_url} could not be downloaded to {target}: {error}") from error
    return target


def _file_name(file: DataFile, name: str | None) -> str:
    """Return a safe file name without directories. The name of a hidden file gets the prefix `_`."""
    last = re.split(r"[/\\]", name or file.file_name)[-1].strip()
    if not last.strip("._ "):
        last = f"file-{file.uuid}"
    return safe_name(f"_{last}" if last.startswith(".") else last)


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} exists and is not replaced. Move it, or give another directory or name")


def _content(atlas: SyncAtlas | AsyncAtlas, file: DataFile) -> Any:
    """Open the content of `file` as a binary stream. Raises DownloadError and OSError."""
    if isinstance(atlas, _KeepsFiles) and atlas.objects.path(file.s3_url) is not None:
        return atlas.objects.open(file.s3_url)
    found = _S3.fullmatch(file.s3_url)
    if found is None:
        raise DownloadError(f"{file.file_name!r} can't be downloaded: {file.s3_url!r} is not an s3:// URL of an object")
    if file.s3_url.startswith(_LOCAL_BUCKET):
        raise DownloadError(
            f"{file.file_name!r} can't be downloaded: {file.s3_url} is in the directory of a local Atlas. "
            "Open this local Atlas with LocalAtlas(path) and pass it"
        )
    return _from_s3(file, found[1], found[2])


@contextmanager
def _from_s3(file: DataFile, bucket: str, key: str) -> Iterator[IO[bytes]]:
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
    except ImportError as error:
        raise DownloadError(
            f"{file.file_name!r} is in S3, and boto3 is not installed. Install it: pip install boto3"
        ) from error
    try:
        with closing(boto3.client("s3")) as s3, closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
            yield body
    except (BotoCoreError, ClientError) as error:
        raise DownloadError(f"{file.file_name!r} could not be read from {file.s3_url}: {error}") from error


def _write(content: IO[bytes], target: Path) -> None:
    """Write a complete file or none; never through a link, and never over an existing file."""
    temporary = target.with_name(f".{uuid4().hex}.part")
    try:
        with open(temporary, "xb") as written:
            shutil.copyfileobj(content, written, CHUNK)
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # reserves the name
        except FileExistsError:
            raise _exists(target) from None
        os.replace(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
