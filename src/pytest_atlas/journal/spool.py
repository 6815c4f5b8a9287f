"""Copy attachments into `files/` of the session, at the time of the call, because the test can delete or overwrite them.

A copy is reflinked if the disk supports it, otherwise copied in chunks; never hard-linked, because the next test may open the
same path for writing. Memory stays constant. Paths are strings: pathlib looks up builtins, which a test can replace. Standard
library only.
"""

import sys
from builtins import len, str
from collections.abc import Callable
from hashlib import sha256 as sha256_of
from os import chmod, sep, unlink, urandom
from os import stat as stat_of
from pathlib import Path
from shutil import copyfileobj
from shutil import move as move_file
from typing import BinaryIO

from pytest_atlas.base.originals import open_file
from pytest_atlas.base.private_files import Replacement, create, is_file, make_directory, open_to_read
from pytest_atlas.base.private_files import move as rename
from pytest_atlas.base.records import dataclass

if sys.platform == "linux":
    from fcntl import ioctl

CHUNK = 1 << 20
HASHED_HERE = 1 << 20
"""Files up to this size are hashed in the test, so that equal files are stored once; larger ones by the publisher."""

_FICLONE = 0x40049409  # Linux: linux/fs.h


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file of the session."""

    path: str  # relative to the session directory, with slashes
    size: int  # bytes
    sha256: str = ""  # hexadecimal; empty if the publisher computes it


class Spool:
    """The directory `files/` of a session. Names are random or hashes, so that several processes can write."""

    def __init__(self, session: Path, redact: Callable[[str], str] = str) -> None:
        """`redact` removes secrets from a text."""
        self._redact = redact
        self._session = f"{session}{sep}"
        self._directory = f"{session}{sep}files"

    def reserve(self, suffix: str) -> str:
        """Return a new path for a file with this suffix. The file doesn't exist yet."""
        make_directory(self._directory)
        return f"{self._directory}{sep}{urandom(8).hex()}{suffix}"

    def new_directory(self) -> Path:
        """Create a directory for one file with any name."""
        directory = self.reserve("")
        make_directory(directory, exist_ok=False)
        return Path(directory)

    def content(self, data: bytes, suffix: str) -> Spooled:
        """Store `data`. Equal contents are stored once."""
        digest = sha256_of(data).hexdigest()
        new = self.reserve(".new")
        path = f"{self._directory}{sep}{digest[:32]}{suffix}"
        if not (is_file(path) and stat_of(path).st_size == len(data)):
            with _DeletedOnError(new):
                with open_file(create(new), "wb") as file:
                    file.write(data)
                rename(new, path)
        return self._spooled(path, digest)

    def text(self, text: str, suffix: str) -> Spooled:
        """Store a text without secrets."""
        return self.content(self._redact(text).encode("utf-8", "backslashreplace"), suffix)

    def file(self, source: Path | str, suffix: str, *, move: bool = False) -> Spooled:
        """Store a file of the test. Raises OSError."""
        if move:
            path = self.reserve(suffix)
            with _DeletedOnError(path):
                move_file(source, path)
            return self._spooled(path)
        if stat_of(source).st_size <= HASHED_HERE:
            with open_file(source, "rb") as stream:
                return self.content(stream.read(), suffix)
        with open_file(source, "rb") as stream:
            return self.stream(stream, suffix)

    def stream(self, stream: BinaryIO, suffix: str) -> Spooled:
        """Store the rest of a stream, from its position on."""
        path = self.reserve(suffix)
        with _DeletedOnError(path), open_file(create(path), "wb") as target:
            if not _reflink(stream, target):
                copyfileobj(stream, target, CHUNK)
        return self._spooled(path)

    def written(self, path: Path | str) -> Spooled:
        """Describe a file that another program wrote at a reserved path."""
        return self._spooled(path)

    def make(self, write: Callable[[str], object], suffix: str) -> Spooled:
        """Store a file that `write` creates at a reserved path."""
        path = self.reserve(suffix)
        with _DeletedOnError(path):
            write(path)
            if suffix == ".json":  # can contain the environment
                with open_to_read(path) as made:
                    text = made.read().decode("utf-8")
                with Replacement(path) as redacted:
                    redacted.write(self._redact(text))
        return self._spooled(path)

    def _spooled(self, path: Path | str, sha256: str = "") -> Spooled:
        try:
            chmod(path, 0o600)
        except OSError:  # a file of another user's program; the permissions of the directory exclude other users
            pass
        relative = str(path)[len(self._session) :].replace("\\", "/")
        return Spooled(relative, stat_of(path).st_size, sha256)


class _DeletedOnError:
    """A context manager that deletes an incomplete file if the block raises: it would take space on a full disk."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            try:
                unlink(self._path)
            except OSError:
                pass


def _reflink(source: BinaryIO, target: BinaryIO) -> bool:
    """Share the blocks of two files until one is changed. Return False if the disk, the system or the stream can't."""
    if sys.platform == "linux":
        try:
            if not source.tell():
                ioctl(target.fileno(), _FICLONE, source.fileno())
                return True
        except (OSError, AttributeError, ValueError):  # an object with only `read`, or a file without a descriptor
            pass
    return False
