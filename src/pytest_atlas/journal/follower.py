"""Follow files that are still being written: whole lines only, a torn last line waits. Knows no event type."""

import errno
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pytest_atlas.base.clock import monotonic
from pytest_atlas.base.private_files import is_file, list_files, open_to_read

from .schema import MAX_LINE_BYTES

CHUNK = 1 << 20

READ_TIMEOUT_S = 60.0
"""Seconds to read the journals, or the receipts, of one session, unless the user gave a time."""

T = TypeVar("T")


def in_time(lines: Iterable[T], path: Path, timeout_s: float, clock: Callable[[], float] = monotonic) -> Iterator[T]:
    """Yield `lines`, read from `path`. Raises TimeoutError, an OSError, after `timeout_s` seconds."""
    deadline = clock() + timeout_s
    for line in lines:
        if clock() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"Not read to its end after {timeout_s:.3g} s", str(path))
        yield line


class LineFollower:
    """The lines of one growing file, each once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.overlong = 0
        self._offset = 0
        self._rest = b""
        self._skipping = False

    def new_lines(self) -> Iterator[bytes]:
        """The lines that were completed since the last call, without their newline; none while the file is not there.

        An empty one follows each MiB in which no line ends, so that the caller can stop.

        Raises OSError where it can't be read, or is none but a link, say.
        """
        try:
            with open_to_read(self.path) as file:
                file.seek(self._offset)
                while chunk := file.read(CHUNK):
                    self._offset += len(chunk)
                    yield from self._split(chunk)
        except FileNotFoundError:
            return

    def last_line(self) -> bytes:
        """What stands behind the last newline: a line that was torn, once nobody writes any more."""
        return b"" if self._skipping else self._rest

    def _split(self, chunk: bytes) -> Iterator[bytes]:
        *whole, rest = (self._rest + chunk).split(b"\n")
        if not whole:
            yield b""
        for line in whole:
            if self._skipping:  # this is the end of an overlong line
                self._skipping = False
            elif line:
                yield line
        self._rest = rest
        if len(rest) > MAX_LINE_BYTES:
            self.overlong += not self._skipping
            self._skipping = True
        if self._skipping:
            self._rest = b""


def journals(session: Path) -> list[Path]:
    """Return the paths in a session directory that are called like a journal. Raises OSError if it can't be read."""
    return list_files(session, "journal", ".jsonl")


class JournalFollower:
    """All journal files of a session's directory, also those of workers that start later."""

    def __init__(self, session: Path) -> None:
        self._session = session
        self._files: dict[str, LineFollower] = {}
        self._bad: set[str] = set()

    def new_lines(self) -> Iterator[tuple[str, bytes]]:
        """Each new line with the name of its file. Raises OSError if the directory can't be read."""
        self._bad = set()
        try:
            paths = journals(self._session)
        except FileNotFoundError:
            paths = []
        for path in paths:
            if path.name not in self._files and is_file(path):
                self._files[path.name] = LineFollower(path)
            elif path.name not in self._files:
                self._bad.add(path.name)
        for name, follower in self._files.items():
            try:
                for line in follower.new_lines():
                    yield name, line
            except OSError:  # the other files are read; this one is counted, and tried again at the next call
                self._bad.add(name)

    @property
    def overlong(self) -> int:
        """How many lines were passed over for their length."""
        return sum(follower.overlong for follower in self._files.values())

    def no_files(self) -> int:
        """Return the number of journals that could not be read: links, directories, FIFOs, files without permission."""
        return len(self._bad)

    def torn(self) -> int:
        """How many files end with a line that was never finished. To be asked once nobody writes any more."""
        return sum(bool(follower.last_line()) for follower in self._files.values())
