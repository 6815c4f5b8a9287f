"""The edge where data files are read: bounded, in constant memory, and with one error for all that can be wrong with them."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import BinaryIO, Protocol, TextIO, cast

MOST_BYTES = 256 << 20
"""Largest file that is read, in bytes, unpacked."""
MOST_BYTES_IN_ALL = 1 << 30
"""Most bytes of all files of one report."""
MOST_PAST_BYTES = 64 << 20
"""Most bytes of earlier runs' measurements."""

_LONGEST_LINE = 1 << 18


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 are read as Latin-1, in which older tools write `µ` and `°`."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("pytest_atlas_latin_1", _as_latin_1)


class UnreadableError(Exception):
    """A file that can't be analysed; the words say why."""


class Objects(Protocol):
    """Where the files are."""

    def exists(self, url: str) -> bool:
        """Whether the file of this URL is here."""
        ...

    def open(self, url: str) -> BinaryIO:
        """The file, to be read and closed."""
        ...


@dataclass(slots=True)
class Budget:
    """How many bytes may still be read."""

    left: int

    def take(self, size: int) -> None:
        """Raises UnreadableError where that is too much."""
        if size > MOST_BYTES:
            raise UnreadableError(f"skipped: {size / 2**20:,.0f} MiB, only files up to {MOST_BYTES >> 20} MiB are read")
        if size > self.left:
            raise UnreadableError("skipped: the files before it were as much as one report reads")
        self.left -= size


@dataclass(frozen=True, slots=True)
class Table:
    """An open text table: its first row and all that follow, or all its lines. Reading on may raise UnreadableError."""

    delimiter: str
    header: list[str]
    rows: Iterator[list[str]]
    lines: Iterator[str]  # all, also the first one; not to be used together with `rows`


@contextmanager
def opened(objects: Objects, url: str, *, packed: bool, budget: Budget) -> Iterator[Table]:
    """The table at `url`, until the block ends. Raises UnreadableError, in the block too."""
    try:
        with objects.open(url) as file:
            budget.take(file.seek(0, io.SEEK_END))
            file.seek(0)
            unpacked = _unpacked(file) if packed else file
            with io.TextIOWrapper(unpacked, "utf-8-sig", errors="pytest_atlas_latin_1", newline="") as lines:
                yield _table(lines)
    except (OSError, EOFError, zlib.error, csv.Error) as error:  # OSError: gone, no rights, no gzip
        raise UnreadableError(f"unreadable: {error}") from error


def _table(lines: TextIO) -> Table:
    first = _line(lines)
    if not first.strip() or "\0" in first:
        raise UnreadableError("unreadable: no text in its first line" if first else "empty")
    delimiter = max(",;\t", key=first.count)
    rest = iter(partial(_line, lines), "")
    rows = csv.reader(rest, delimiter=delimiter)
    return Table(delimiter, next(csv.reader([first], delimiter=delimiter)), rows, chain([first], rest))


def _line(lines: TextIO) -> str:
    """The next line. With a limit: a file that is one endless line must not be taken into memory."""
    line = lines.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise UnreadableError(f"not understood: a line of over {_LONGEST_LINE >> 10} KiB")
    return line


def _unpacked(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Bounded(cast("io.RawIOBase", gzip.GzipFile(fileobj=file)))))


class _Bounded(io.RawIOBase):
    """A stream that ends with an error where it is longer than any file that is read: a few kilobytes unpack to anything."""

    def __init__(self, inner: io.RawIOBase) -> None:
        self._inner = inner
        self._budget = Budget(MOST_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # wider in typeshed than what is called
        n = self._inner.readinto(buffer) or 0
        if n > self._budget.left:
            raise UnreadableError(f"skipped: unpacked it is more than {MOST_BYTES >> 20} MiB")
        self._budget.take(n)
        return n
