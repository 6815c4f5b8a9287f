"""Open data files as tables: with limits for their size, in constant memory, and with one exception for every problem.

The caller passes a `Reader` that opens the files; this module knows no paths.
"""

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

MAX_FILE_BYTES = 256 << 20
"""Largest file that is read, decompressed."""
MAX_REPORT_BYTES = 1 << 30
"""Most bytes of all files of one report."""
MAX_PAST_BYTES = 64 << 20
"""Most bytes of the measurement files of earlier runs."""

_MAX_LINE = 1 << 18


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are not UTF-8 as Latin-1, in which older tools write `µ` and `°`."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


AS_LATIN_1 = "pytest_atlas_latin_1"
"""Name of the error handler `_as_latin_1`, for `errors=`."""
codecs.register_error(AS_LATIN_1, _as_latin_1)


class UnreadableError(Exception):
    """A file can't be analysed. The message is the reason."""


class Reader(Protocol):
    """Access to the content of data files by URL."""

    def exists(self, url: str) -> bool:
        """Return whether the file can be opened."""
        ...

    def open(self, url: str) -> BinaryIO:
        """Open the file. The caller closes it."""
        ...


@dataclass(slots=True)
class Budget:
    """The number of bytes that may still be read."""

    left: int

    def take(self, size: int) -> None:
        """Subtract the size of a file. Raises UnreadableError if it is too large."""
        if size > MAX_FILE_BYTES:
            raise UnreadableError(f"skipped: {size / 2**20:,.0f} MiB, only files up to {MAX_FILE_BYTES >> 20} MiB are read")
        if size > self.left:
            raise UnreadableError("skipped: the files before it have used up the bytes that one report reads")
        self.left -= size


@dataclass(frozen=True, slots=True)
class Table:
    """An open text table. Use either `rows` or `lines`; both may raise UnreadableError."""

    delimiter: str
    header: list[str]
    rows: Iterator[list[str]]  # without the header
    lines: Iterator[str]  # with the first one


@contextmanager
def open_table(reader: Reader, url: str, *, is_gzip: bool, budget: Budget) -> Iterator[Table]:
    """Open the table at `url` for the duration of the block. Raises UnreadableError, also for errors inside of the block."""
    try:
        with reader.open(url) as file:
            budget.take(file.seek(0, io.SEEK_END))
            file.seek(0)
            content = _decompressed(file) if is_gzip else file
            with io.TextIOWrapper(content, "utf-8-sig", errors=AS_LATIN_1, newline="") as lines:
                yield _table(lines)
    except (OSError, EOFError, zlib.error, csv.Error) as error:  # OSError: deleted, no permission, or not gzip
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
    """Read the next line. Its length is limited, because a file can be one endless line."""
    line = lines.readline(_MAX_LINE)
    if len(line) == _MAX_LINE:
        raise UnreadableError(f"not understood: a line of over {_MAX_LINE >> 10} KiB")
    return line


def _decompressed(file: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Limited(cast("io.RawIOBase", gzip.GzipFile(fileobj=file)))))


class _Limited(io.RawIOBase):
    """A stream that raises UnreadableError after MAX_FILE_BYTES: a few kilobytes can decompress to any size."""

    def __init__(self, inner: io.RawIOBase) -> None:
        self._inner = inner
        self._budget = Budget(MAX_FILE_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # typeshed allows more types than the caller uses
        n = self._inner.readinto(buffer) or 0
        if n > self._budget.left:
            raise UnreadableError(f"skipped: decompressed it is more than {MAX_FILE_BYTES >> 20} MiB")
        self._budget.take(n)
        return n
