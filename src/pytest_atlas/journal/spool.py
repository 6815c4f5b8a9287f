"""Copy what is attached into the session's `files/`, at once: what the test deletes or overwrites afterwards is kept.

Reflinked where the disk can, else copied in chunks; never hard-linked, since the next test may open the same path for
writing. Memory stays constant. Standard library only.
"""

import sys
from builtins import len, str
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256 as sha256_of
from os import chmod, unlink, urandom
from os import stat as stat_of
from pathlib import Path
from shutil import copyfileobj
from shutil import move as move_file
from typing import BinaryIO

from pytest_atlas.base.originals import open_file
from pytest_atlas.base.private_files import create, is_file, make_directory, open_to_read, replacing
from pytest_atlas.base.private_files import move as rename

if sys.platform == "linux":
    from fcntl import ioctl

CHUNK = 1 << 20
HASHED_HERE = 1 << 20
"""Files of at most a MiB are hashed while they are copied, so that equal ones are stored once; larger ones by the publisher."""

_FICLONE = 0x40049409  # Linux: linux/fs.h


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file of the session."""

    path: str  # relative to the session's folder, with slashes
    size: int  # bytes
    sha256: str = ""  # hex; empty where the publisher is to find it


class Spool:
    """The `files/` of a session. Each process writes names of its own, so that several may write at once."""

    def __init__(self, session: Path, redact: Callable[[str], str] = str) -> None:
        """`redact` takes the secrets out of texts."""
        self._redact = redact
        self._session = session
        self._folder = session / "files"

    def reserve(self, suffix: str) -> Path:
        """A path of its own for a file with this suffix; nothing is there yet."""
        make_directory(self._folder)
        return self._folder / f"{urandom(8).hex()}{suffix}"

    def folder_of_its_own(self) -> Path:
        """A new folder, for a file whose name is not ours to choose."""
        folder = self.reserve("")
        make_directory(folder, exist_ok=False)
        return folder

    def content(self, data: bytes, suffix: str) -> Spooled:
        """Store `data`; the same content is stored once."""
        digest = sha256_of(data).hexdigest()
        new = self.reserve(".new")
        path = self._folder / f"{digest[:32]}{suffix}"
        if not (is_file(path) and stat_of(path).st_size == len(data)):
            with _whole_or_not(new):
                with open_file(create(new), "wb") as file:
                    file.write(data)
                rename(new, path)
        return self._spooled(path, digest)

    def text(self, text: str, suffix: str) -> Spooled:
        """Store a text, without the secrets in it."""
        return self.content(self._redact(text).encode("utf-8", "backslashreplace"), suffix)

    def file(self, source: Path, suffix: str, *, move: bool = False) -> Spooled:
        """Store a file of the test's. Raises OSError."""
        if move:
            path = self.reserve(suffix)
            with _whole_or_not(path):
                move_file(source, path)
            return self._spooled(path)
        if stat_of(source).st_size <= HASHED_HERE:
            with open_file(source, "rb") as stream:
                return self.content(stream.read(), suffix)
        with open_file(source, "rb") as stream:
            return self.stream(stream, suffix)

    def stream(self, stream: BinaryIO, suffix: str) -> Spooled:
        """Store what can be read from `stream`, from where it stands."""
        path = self.reserve(suffix)
        with _whole_or_not(path), open_file(create(path), "wb") as target:
            if not _reflink(stream, target):
                copyfileobj(stream, target, CHUNK)
        return self._spooled(path)

    def written(self, path: Path) -> Spooled:
        """What somebody else wrote at a reserved path."""
        return self._spooled(path)

    def make(self, write: Callable[[Path], object], suffix: str) -> Spooled:
        """Let an object write itself to a reserved path."""
        path = self.reserve(suffix)
        with _whole_or_not(path):
            write(path)
            if suffix == ".json":  # the environment, say
                with open_to_read(path) as made:
                    text = made.read().decode("utf-8")
                with replacing(path) as redacted:
                    redacted.write(self._redact(text))
        return self._spooled(path)

    def _spooled(self, path: Path, sha256: str = "") -> Spooled:
        with suppress(OSError):  # what another user's program wrote stays as that made it; the folder keeps others out
            chmod(path, 0o600)
        relative = str(path)[len(str(self._session)) + 1 :].replace("\\", "/")
        return Spooled(relative, stat_of(path).st_size, sha256)


@contextmanager
def _whole_or_not(path: Path) -> Iterator[None]:
    """Remove an incomplete file if an error leaves the block: it would occupy a disk that is full."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            unlink(path)
        raise


def _reflink(source: BinaryIO, target: BinaryIO) -> bool:
    """Share the blocks of two files until one is written to; False if the disk, the system or the stream can't."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError, ValueError):  # an object that only has `read`, or a file without a descriptor
            if not source.tell():
                ioctl(target.fileno(), _FICLONE, source.fileno())
                return True
    return False
