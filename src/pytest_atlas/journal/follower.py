"""Read the complete lines of growing files; an incomplete last line is read later. Independent of the events."""

import errno
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pytest_atlas.base.clock import monotonic
from pytest_atlas.base.private_files import is_file, list_files, open_to_read

from .schema import MAX_LINE_BYTES

CHUNK = 1 << 20

READ_TIMEOUT_S = 60.0
"""Seconds to read the journals, or the receipts, of one session, by default."""

T = TypeVar("T")


def in_time(lines: Iterable[T], path: Path, timeout_s: float, clock: Callable[[], float] = monotonic) -> Iterator[T]:
    """Yield `lines`, read from `path`. Raises TimeoutError, an OSError, after `timeout_s` seconds."""
    deadline = clock() + timeout_s
    for line in lines:
        if clock() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, f"Not read to its end after {timeout_s:.3g} s", str(path))
        yield line


class LineFollower:
    """Reads each line of one growing file once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.overlong = 0
        self._offset = 0
        self._rest = b""
        self._skipping = False

    def new_lines(self) -> Iterator[bytes]:
        """Yield the lines that were completed since the last call, without newline; none if the file does not exist yet.

        Yields an empty line after each MiB without the end of a line, so that the caller can stop.

        Raises OSError if it can't be read, or is not a regular file.
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
        """The text after the last newline: an incomplete line, if the writer has ended."""
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
    """Return the paths in a session directory with the name of a journal. Raises OSError if it can't be read."""
    return list_files(session, "journal", ".jsonl")


class JournalFollower:
    """Reads all journals of a session directory, also those of workers that start later."""

    def __init__(self, session: Path) -> None:
        self._session = session
        self._files: dict[str, LineFollower] = {}
        self._bad: set[str] = set()

    def new_lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield each new line with the name of its file. Raises OSError if the directory can't be read."""
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
        """The number of lines that were skipped because of their length."""
        return sum(follower.overlong for follower in self._files.values())

    def no_files(self) -> int:
        """Return the number of journals that could not be read: links, directories, FIFOs, files without permission."""
        return len(self._bad)

    def torn(self) -> int:
        """The number of files that end with an incomplete line. Valid after the end of all writers."""
        return sum(bool(follower.last_line()) for follower in self._files.values())
