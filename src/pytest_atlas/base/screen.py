"""Render captured output as a terminal shows it: carriage returns, erased text, cursor moves, tabs. Standard library only.

The screen has SCREEN_LINES lines of any width. Lines that scrolled off its top are final, so memory stays constant apart
from the result. Colours, titles and other sequences without visible text are removed. Other control characters are kept;
`sanitize.visible` shows them as escapes. A wide character counts as one column.
"""

import re
from builtins import int, len, map, max, min, reversed, str, sum
from collections.abc import Callable, Iterable

from .control_sequences import CSI, SEQUENCE, has_sequences, remove_colours

SCREEN_LINES = 24
"""Height of the screen: the default of Python's shutil and most programs if the output is not a terminal."""
MAX_COLUMNS = 4096
"""Limit for cursor moves to the right: a sequence must not allocate memory."""
CHUNK = 1 << 20
"""Characters that are processed at once."""
TAB = 8
HT = "\t"
BACKSPACE = "\x08"

_SPACES = re.compile(r"(?<! ) +\n")
_TOKEN = re.compile(
    rf"(?P<text>[^\x08\t\x1b\x80-\x9f]+)|(?P<clear>\r{CSI}[02]?K)|(?P<sequence>{SEQUENCE})|(?P<one>.)", re.DOTALL
)
_NUMBERS = re.compile(rf"{CSI}(?P<parameters>[0-9;]*)(?P<final>[@-~])")


def needs_rendering(text: str) -> bool:
    """Return whether a terminal changes `text`, apart from tabs."""
    return "\r" in text or has_sequences(text)


def render(text: str) -> str:
    """Return `text` as a terminal shows it, without blank lines at the end."""
    screen = Screen()
    screen.feed(text)
    return screen.text()


class Screen:
    """The lines of a terminal, and the lines that scrolled off its top."""

    def __init__(self) -> None:
        self._final: list[str] = []  # pieces of text that can't change any more
        self._size = 0
        self._lines = [""]
        self._row = 0
        self._column = 0
        self._saved = (0, 0)

    def __repr__(self) -> str:
        return f"<Screen {self.size} characters, row {self._row}, column {self._column}>"

    @property
    def size(self) -> int:
        """Number of characters, including those on the screen."""
        return self._size + sum(map(len, self._lines))

    @property
    def row(self) -> int:
        """Row of the cursor, counted from the top of the screen."""
        return self._row

    def text(self) -> str:
        """Return all lines, without blank lines at the end."""
        return ("".join(self._final) + _joined(self._lines)).rstrip()

    def start_section(self) -> None:
        """Make all lines final and begin a new line, so that later text can't change them."""
        if self._lines != [""]:
            text = _joined(self._lines)
            self._final.append(text if text.endswith("\n") else f"{text}\n")
            self._size += len(self._final[-1])
            self._lines, self._row, self._column = [""], 0, 0

    def feed(self, text: str, start: int = 0, max_size: float = float("inf")) -> int:
        """Write `text` from `start` on until `size` reaches `max_size`. Return the position of the unwritten rest."""
        while start < len(text) and self.size < max_size:
            end = _end_of_chunk(text, start)
            self._write(text[start:end])
            start = end
        return start

    def _write(self, chunk: str) -> None:
        if "\x1b[" in chunk:
            chunk = remove_colours(chunk)
        if "\r" in chunk:
            chunk = chunk.replace("\r\n", "\n").replace("\n\r", "\n")
        is_plain = not has_sequences(chunk)
        if is_plain and "\t" in chunk and "\r" not in chunk and self._column == 0 and self._row == len(self._lines) - 1:
            chunk = chunk.expandtabs(TAB)
        if is_plain and "\t" not in chunk:
            self._write_text(chunk)
            return
        for token in _TOKEN.finditer(chunk):
            self._handle(str(token.lastgroup), token[0])

    def _handle(self, kind: str, token: str) -> None:
        if kind == "text":
            self._write_text(token)
        elif kind == "clear":
            self._lines[self._row], self._column = "", 0
        elif token == HT:
            self._move(self._row, (self._column // TAB + 1) * TAB)
        elif token == BACKSPACE:
            self._column = max(0, self._column - 1)
        elif kind == "one":
            self._overwrite(token)
        else:
            self._perform(token)

    def _write_text(self, text: str) -> None:
        """Write text with line feeds and carriage returns."""
        first, *more = text.split("\n")
        self._write_line(first)
        while more and self._row < len(self._lines) - 1:  # existing lines below are overwritten
            self._row, self._column = self._row + 1, 0
            self._write_line(more.pop(0))
        if not more:
            return
        self._column = len(more[-1].rpartition("\r")[2])
        if "\r" in text:
            more = [_overwritten(line) if "\r" in line else line for line in more]
        self._lines += more
        self._row = len(self._lines) - 1
        self._scroll()

    def _write_line(self, text: str) -> None:
        before, carriage_return, after = text.partition("\r")
        self._overwrite(before)
        if carriage_return:
            self._column = 0
            self._overwrite(_overwritten(after))
            self._column = len(after.rpartition("\r")[2])

    def _overwrite(self, text: str) -> None:
        if text:
            line, column = self._lines[self._row].ljust(self._column), self._column
            self._lines[self._row] = line[:column] + text + line[column + len(text) :]
            self._column += len(text)

    def _scroll(self) -> None:
        if (gone := len(self._lines) - SCREEN_LINES) > 0:
            text = _joined([*self._lines[:gone], ""])
            self._final.append(text)
            self._size += len(text)
            del self._lines[:gone]
            self._row -= gone

    def _move(self, row: int, column: int) -> None:
        self._row = min(max(row, 0), SCREEN_LINES - 1)
        self._column = min(max(column, 0), max(MAX_COLUMNS, self._column))
        self._lines += [""] * (self._row + 1 - len(self._lines))

    def _perform(self, token: str) -> None:
        if match := _NUMBERS.fullmatch(token):
            numbers = [int(part[:6] or 0) for part in match["parameters"].split(";")]
            if action := CSI_ACTIONS.get(match["final"]):
                action(self, numbers[0], numbers[1] if len(numbers) > 1 else 0)
        elif escape := ESCAPE_ACTIONS.get(token):
            escape(self)

    def up(self, rows: int) -> None:
        """Move up, at most to the top of the screen."""
        self._move(self._row - rows, self._column)

    def down(self, rows: int) -> None:
        """Move down, at most to the bottom of the screen."""
        self._move(self._row + rows, self._column)

    def right(self, columns: int) -> None:
        """Move right; with a negative number, left."""
        self._move(self._row, self._column + columns)

    def to(self, row: int | None, column: int | None) -> None:
        """Move to a row and a column, counted from 0; None keeps the present one."""
        self._move(self._row if row is None else row, self._column if column is None else column)

    def line_feed(self) -> None:
        """Move down in the same column, and scroll at the bottom of the screen."""
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append("")
        self._scroll()

    def next_line(self) -> None:
        """Move to the start of the next line."""
        self._column = 0
        self.line_feed()

    def erase_in_line(self, mode: int) -> None:
        """Erase to the end (0), to the start (1) or all of the line (2)."""
        line, column = self._lines[self._row], self._column
        self._lines[self._row] = (line[:column], " " * (column + 1) + line[column + 1 :], "", line)[min(mode, 3)]

    def erase_in_display(self, mode: int) -> None:
        """Erase to the end (0), to the start (1) or all of the screen (2). Lines that scrolled off are kept (3)."""
        if mode in (0, 1):
            self.erase_in_line(mode)
        if mode in (0, 2):
            del self._lines[self._row + 1 :]
        if mode in (1, 2):
            self._lines[: self._row] = [""] * self._row
        if mode == 2:
            self._lines[self._row] = ""

    def delete(self, count: int) -> None:
        """Delete characters at the cursor."""
        line = self._lines[self._row]
        self._lines[self._row] = line[: self._column] + line[self._column + count :]

    def insert(self, count: int) -> None:
        """Insert spaces at the cursor."""
        line, column = self._lines[self._row], self._column
        if column < len(line):
            self._lines[self._row] = line[:column] + " " * min(count, MAX_COLUMNS) + line[column:]

    def erase(self, count: int) -> None:
        """Replace characters at the cursor with spaces."""
        line, end = self._lines[self._row], self._column + min(count, MAX_COLUMNS)
        self._lines[self._row] = line[: self._column] + " " * (min(end, len(line)) - self._column) + line[end:]

    def save(self) -> None:
        """Save the position of the cursor."""
        self._saved = (self._row, self._column)

    def restore(self) -> None:
        """Return to the saved position."""
        self._move(*self._saved)


CSI_ACTIONS: dict[str, Callable[[Screen, int, int], None]] = {
    "A": lambda s, n, _: s.up(n or 1),
    "B": lambda s, n, _: s.down(n or 1),
    "C": lambda s, n, _: s.right(n or 1),
    "D": lambda s, n, _: s.right(-(n or 1)),
    "E": lambda s, n, _: s.to(s.row + (n or 1), 0),
    "F": lambda s, n, _: s.to(s.row - (n or 1), 0),
    "G": lambda s, n, _: s.to(None, (n or 1) - 1),
    "`": lambda s, n, _: s.to(None, (n or 1) - 1),
    "H": lambda s, n, m: s.to((n or 1) - 1, (m or 1) - 1),
    "f": lambda s, n, m: s.to((n or 1) - 1, (m or 1) - 1),
    "d": lambda s, n, _: s.to((n or 1) - 1, None),
    "J": lambda s, n, _: s.erase_in_display(n),
    "K": lambda s, n, _: s.erase_in_line(n),
    "P": lambda s, n, _: s.delete(n or 1),
    "@": lambda s, n, _: s.insert(n or 1),
    "X": lambda s, n, _: s.erase(n or 1),
    "s": lambda s, _, __: s.save(),
    "u": lambda s, _, __: s.restore(),
}
"""Final character of a CSI sequence -> its action with its first two numbers (0: not given). Others are ignored."""

ESCAPE_ACTIONS: dict[str, Callable[[Screen], None]] = {
    "\x1b7": Screen.save,
    "\x1b8": Screen.restore,
    "\x1bD": Screen.line_feed,
    "\x1bE": Screen.next_line,
    "\x1bM": lambda s: s.up(1),
}


def _joined(lines: Iterable[str]) -> str:
    """Join lines without trailing spaces, because a terminal shows erased text and spaces the same."""
    text = "\n".join(lines)
    return _SPACES.sub("\n", text) if " \n" in text else text


def _overwritten(text: str) -> str:
    """Return the line that results from writing `text`, which contains carriage returns, from the first column on."""
    shown = ""
    for part in reversed(text.split("\r")):
        if len(part) > len(shown):
            shown += part[len(shown) :]
    return shown


def _end_of_chunk(text: str, start: int) -> int:
    """Return the end of a chunk: after a line if possible, otherwise where no sequence is cut."""
    end = start + CHUNK
    if end >= len(text):
        return len(text)
    for character, after in (("\n", 1), ("\r", 0), ("\x1b", 0)):
        if (at := text.rfind(character, start + 1, end)) > 0:
            return at + after
    return end
