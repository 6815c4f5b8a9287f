"""Pages of lines of a text file of any size, in constant memory.

The positions of every LINES-th line are found once, while the file is read in blocks. Each page then needs one seek. A search
reads the file in blocks until it has enough lines, or its time is over.
"""

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

import numpy as np

LINES = 2000
"""Lines of one page."""
MAX_LINE = 4000
"""Longest line in bytes that is shown; the rest of a longer line is left out."""
MAX_PAGE = 1 << 20
"""Most bytes of a page."""
BLOCK = 1 << 20
NEWLINE = 10
MAX_MATCHES = 200
SEARCH_S = 1.0
"""Time after which a search returns what it has found."""
MAX_INDEXES = 64


@dataclass(frozen=True, slots=True)
class LineIndex:
    """The positions of the pages of a file."""

    offsets: tuple[int, ...]  # of the first line of each page, in bytes
    lines: int
    size: int  # bytes

    @property
    def pages(self) -> int:
        """The number of pages, at least 1."""
        return max(1, len(self.offsets))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file."""

    number: int  # from 1
    text: str
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """Lines that contain a text."""

    lines: tuple[Line, ...]
    is_complete: bool  # False if the file was not read to its end
    next_line: int  # number of the first line that was not read


def index_lines(file: BinaryIO) -> LineIndex:
    """Read a file once and return the positions of its pages."""
    offsets, lines, position, last = [0], 0, 0, b"\n"
    while block := file.read(BLOCK):
        ends = np.flatnonzero(np.frombuffer(block, "u1") == NEWLINE)
        offsets += (position + 1 + ends[LINES - 1 - lines % LINES :: LINES]).tolist()
        lines, position, last = lines + len(ends), position + len(block), block[-1:]
    if last != b"\n":
        lines += 1
    if offsets[-1] >= position and len(offsets) > 1:
        offsets.pop()
    return LineIndex(tuple(offsets), lines, position)


def read_page(file: BinaryIO, index: LineIndex, page: int) -> list[Line]:
    """Return the lines of a page, counted from 0. A page has at most MAX_PAGE bytes."""
    page = min(max(page, 0), index.pages - 1)
    file.seek(index.offsets[page])
    return _read_page(file, page)


def read_first_page(file: BinaryIO) -> list[Line]:
    """Return the lines of the first page, which needs no index."""
    file.seek(0)
    return _read_page(file, 0)


def _read_page(file: BinaryIO, page: int) -> list[Line]:
    found, size = list[Line](), 0
    for number in range(page * LINES + 1, page * LINES + LINES + 1):
        line = _read_line(file)
        if not line:
            break
        size += min(len(line), MAX_LINE)
        found.append(_line(number, line))
        if size > MAX_PAGE:
            found.append(Line(number + 1, "… the rest of this page is left out; download the file", is_cut=True))
            break
    return found


def search(file: BinaryIO, text: str, *, first: int = 1, seconds: float = SEARCH_S) -> Matches:
    """Return the next MAX_MATCHES lines that contain `text`, without regard to the case of ASCII letters.

    The search starts at the position of the file, whose line has the number `first`.
    """
    wanted = text.encode().lower()
    deadline, found, number = time.monotonic() + seconds, list[Line](), first
    if not wanted:
        return Matches((), is_complete=True, next_line=first)
    for lines in _blocks_of_lines(file):
        lowered = lines.lower()
        place, counted, at_line = lowered.find(wanted), 0, number
        while place >= 0:
            at_line += lines.count(b"\n", counted, place)
            start, end = lines.rfind(b"\n", 0, place) + 1, lines.find(b"\n", place)
            end = len(lines) if end < 0 else end
            found.append(_line(at_line, lines[start:end]))
            if len(found) == MAX_MATCHES:
                return Matches(tuple(found), is_complete=False, next_line=at_line + 1)
            counted, place = place, lowered.find(wanted, end)
        number += lines.count(b"\n")
        if time.monotonic() > deadline:
            return Matches(tuple(found), is_complete=False, next_line=number)
    return Matches(tuple(found), is_complete=True, next_line=number)


def split_at(text: str, query: str) -> list[tuple[str, bool]]:
    """Return the parts of a text, and whether each is a match of the query."""
    if not query:
        return [(text, False)]
    found, place = list[tuple[str, bool]](), 0
    for match in re.finditer(re.escape(query), text, re.IGNORECASE):
        found += [(text[place : match.start()], False), (match[0], True)]
        place = match.end()
    return [part for part in [*found, (text[place:], False)] if part[0]]


def _blocks_of_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield blocks of whole lines. An endless line is split."""
    rest = b""
    while block := file.read(BLOCK):
        block = rest + block
        end = block.rfind(b"\n") + 1
        if not end and len(block) < 4 * BLOCK:
            rest = block
            continue
        end = end or len(block)
        whole, rest = block[:end], block[end:]
        yield whole
    if rest:
        yield rest


def _read_line(file: BinaryIO) -> bytes:
    line = file.readline(MAX_LINE + 1)
    more = line
    while more and not more.endswith(b"\n"):
        more = file.readline(BLOCK)
    return line


def _line(number: int, line: bytes) -> Line:
    text = line[:MAX_LINE].decode("utf-8", "replace").rstrip("\r\n")
    return Line(number, text, len(line) > MAX_LINE)


class LineIndexes:
    """The indexes of the last files, by URL, size and time of change. Safe for threads."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, int], LineIndex] = {}
        self._lock = Lock()

    def is_known(self, url: str, file: BinaryIO) -> bool:
        """Return whether the index of an open file exists, so that `get` is fast."""
        return _key(url, file) in self._found

    def get(self, url: str, file: BinaryIO) -> LineIndex:
        """Return the index of an open file."""
        key = _key(url, file)
        with self._lock:
            found = self._found.get(key)
        if found is None:
            found = index_lines(file)
            with self._lock:
                self._found[key] = found
                while len(self._found) > MAX_INDEXES:
                    self._found.pop(next(iter(self._found)))
        return found


def _key(url: str, file: BinaryIO) -> tuple[str, int, int]:
    status = os.fstat(file.fileno())
    return url, status.st_size, status.st_mtime_ns
