"""The capabilities of the terminal: width, colours and characters. Independent of the content."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Literal, TextIO

from pytest_atlas.base.sanitize import Cleaner, log_lines, single_line, visible
from pytest_atlas.base.secrets import KNOWN, known_only

Style = Literal["bold", "dim", "green", "red", "yellow"]

CODES: dict[Style, str] = {"bold": "1", "dim": "2", "green": "32", "red": "31;1", "yellow": "33"}
"""Select Graphic Rendition: https://en.wikipedia.org/wiki/ANSI_escape_code#Select_Graphic_Rendition_parameters"""

ASCII = {"✓": "+", "✔": "*", "✗": "X", "·": ".", "…": "...", "→": "->", "│": "|"}
"""Replacements for our symbols if the encoding lacks one of them."""

NO_TERMINAL = (100, 24)  # columns, lines
MAX_COLUMNS = 120
"""Longer lines of text are hard to read."""


class Terminal:
    """An output stream, which may be a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_one = stream.isatty()
        self.width = min(shutil.get_terminal_size(NO_TERMINAL).columns, MAX_COLUMNS)
        self._colours = self.is_one and _takes_colours()
        self._ascii = None if _has(stream.encoding, "".join(ASCII)) else str.maketrans(ASCII)

    def paint(self, style: Style, text: str) -> str:
        """Return `text` in a style if the terminal has colours."""
        return f"\x1b[{CODES[style]}m{text}\x1b[0m" if self._colours and text else text

    def print(self, lines: Iterable[str]) -> None:
        """Write lines. A line break inside a line is shown as an escape, and no line is a command to a CI provider."""
        for line in log_lines(lines):
            self._stream.write((line.translate(self._ascii) if self._ascii else line) + "\n")

    def progress(self, text: str) -> None:
        """Show `text` on a line that the next call replaces; without effect if the stream is not a terminal."""
        if self.is_one:
            self._stream.write(f"\r\x1b[K{cut(text, self.width - 1)}")
            self._stream.flush()


def _takes_colours() -> bool:
    """Return whether the terminal has colours: https://no-color.org, and on Windows only terminals known to have them."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.platform != "win32" or any(name in os.environ for name in ("WT_SESSION", "ANSICON", "ConEmuANSI", "TERM"))


def _has(encoding: str | None, text: str) -> bool:
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def plain(text: str) -> str:
    """Return untrusted text of one line, such as a title, with visible control characters."""
    return single_line(_cleaner()(visible(text)))


def plain_lines(text: str) -> str:
    """Return untrusted text of several lines, such as a description, with visible control characters except line breaks."""
    return _cleaner()(visible(text.replace("\r\n", "\n")))


def _cleaner() -> Cleaner:
    return _cleaner_of(tuple(os.environ.get(name, "") for name in KNOWN))


@cache
def _cleaner_of(values: tuple[str, ...]) -> Cleaner:
    return Cleaner(known_only(dict(zip(KNOWN, values, strict=True))))


def cells(text: str) -> int:
    """Return the number of columns that `text` takes."""
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def pad(text: str, width: int) -> str:
    """Return `text` padded with spaces to `width` columns."""
    return text + " " * (width - cells(text))


def cut(text: str, width: int) -> str:
    """Return `text` cut to at most `width` columns."""
    if cells(text) <= width:
        return text
    while text and cells(text) >= width:
        text = text[:-1]
    return text + "…"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; the first row has the headings. A cell of the last column may have several lines."""
    widths = [max(map(cells, column)) for column in list(zip(*rows, strict=True))[:-1]]
    lines = []
    for *row, last in rows:
        start = "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True))
        first, *more = last.split("\n")
        lines += [f"{start}  {first}".rstrip(), *(" " * (cells(start) + 2) + line for line in more)]
    return lines


def local_time(instant: datetime | None) -> str:
    """Return an instant in the local time zone, to the minute."""
    return instant.astimezone().strftime("%Y-%m-%d %H:%M") if instant else ""
