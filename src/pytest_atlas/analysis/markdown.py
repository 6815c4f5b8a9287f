"""Write Markdown for GitHub, GitLab, Atlas and plain CommonMark. Text from tests, users and servers can't change its structure.

Pure. In prose and in code, each character that has a meaning in Markdown, in HTML or in a table is written as an entity. An
entity is valid in a paragraph, a table cell, a heading and inside HTML. Prose must not be the first text of a line, except
after a marker such as `- ` or `## `. Only a code block contains its text unchanged.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pytest_atlas.base.quantities import limits_text
from pytest_atlas.base.sanitize import Cleaner

T = TypeVar("T")

MAX_ROWS = 15
"""Most rows of a table, and most entries of a list, in a report."""
MAX_CODE_LINES = 30
"""Most lines of a code block."""

_visible = Cleaner({})
_MARKUP = re.compile(r"[\\`*{<>&|~#$]|\[(?=[-+^])|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=\bwww)\.", re.IGNORECASE)
"""The start of Markdown or HTML markup, and the characters of a link. An underscore between letters and a bracket without an
address after it have no meaning."""
_REFERENCE = re.compile(r"@(?=\w)|[#!~$%&^](?=\w)|\b[Gg][Hh]-(?=\d)|:(?=[a-z+-][a-z0-9_+-]*:)")
"""The start of a reference to a user, an issue or an emoji, which GitHub or GitLab would link or replace in prose."""
_ZERO_WIDTH_SPACE = "&#8203;"


@dataclass(frozen=True, slots=True)
class Highlight:
    """A line of the list at the top of a report, as Markdown. Lower ranks come first."""

    rank: int
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a report: Markdown under a heading."""

    title: str
    body: str
    highlights: tuple[Highlight, ...] = ()
    summary: str = ""  # its part of the report summary, as plain text
    method: str = ""  # how its numbers are computed

    def __str__(self) -> str:
        return f"## {self.title}\n\n{self.body}"


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def one_line(text: str, limit: int) -> str:
    """Return `text` as one line without invisible characters. A longer one than `limit` loses its middle.

    Both ends of a nodeid distinguish tests: the file at its start, the parameters at its end.
    """
    line = " ".join(_visible(text).split())
    if len(line) <= limit:
        return line
    return f"{line[: limit // 2].rstrip()}…{line[-(limit - limit // 2 - 1) :].lstrip()}"


def prose(text: str, limit: int = 200) -> str:
    """Return `text` for use inside of a sentence. It mentions no user and contains no link."""
    line = one_line(text, limit)
    pieces = _REFERENCE.split(line)
    shown = [_escape(pieces[0])]
    for sign, piece in zip(_REFERENCE.findall(line), pieces[1:], strict=True):
        shown += [_escape(sign), _ZERO_WIDTH_SPACE, _escape(piece)]
    return "".join(shown)


def code(text: str, limit: int = 300) -> str:
    """Return `text` as inline code. As an HTML element: inside of backticks, a `|` would end a table cell."""
    return f"<code>{_escape(one_line(text, limit))}</code>"


def code_block(text: str, limit: int = 2000) -> str:
    """Return a code block with `text`, cut at `limit` characters and MAX_CODE_LINES lines."""
    lines = _visible(text).expandtabs().strip("\n").split("\n")
    shown = "\n".join(lines[:MAX_CODE_LINES])[:limit]
    cut = len("\n".join(lines)) - len(shown)
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{ticks}text\n{shown}\n{ticks}" + (f"\n\n… and {cut} more characters" if cut else "")


def bold(markdown: str) -> str:
    """Return the result of `prose` in bold. It must be surrounded by spaces or punctuation."""
    return f"**{markdown}**" if markdown else ""


def details(title: str, body: str) -> str:
    """Return `body` in a collapsed element with this title."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def path(titles: Iterable[str]) -> str:
    """Return `card > test > measurement`, without empty titles."""
    return " > ".join(prose(title, 60) for title in titles if title)


def _escape(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def number(value: float, digits: int = 6) -> str:
    """Return a number with at most so many significant digits and no trailing zeros, without an exponent if readable."""
    if not math.isfinite(value):
        return str(value)
    if not value:
        return "0"
    if 1e-4 <= abs(value) < 1e9:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        shown = f"{value:.{decimals}f}"
        return shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{value:.{digits}g}"


def quantity(value: float, unit: str, digits: int = 6) -> str:
    """Return a rounded number with its unit."""
    return f"{number(value, digits)} {prose(unit, 20)}".rstrip()


def percent(share: float | None) -> str:
    """Return a share as a percentage with three digits; empty for None."""
    return "" if share is None else f"{number(100 * share, 3)} %"


def limits(low: float | None, high: float | None, unit: str, exclusive: str = "") -> str:
    """Return limits with rounded numbers: `95 … 105 ms`, `≤ 100 ms`, `= 5 V`; empty without limits.

    `exclusive`: see `base.quantities.limits_text`.
    """
    is_exact = low is not None and low == high
    low, high, equal = (None, None, low) if is_exact else (low, high, None)
    return prose(limits_text(low, high, equal, unit, exclusive=exclusive, number=lambda value: number(float(value))), 80)


def count(n: int, noun: str, plural: str = "") -> str:
    """Return `1 step`, `2 steps`."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


# ── tables and lists ─────────────────────────────────────────────────────────────────────────────────────────────────


def row(cells: Iterable[str]) -> str:
    """Return a row of a table. Its cells are Markdown."""
    return f"| {' | '.join(cells)} |"


def table_head(cells: Sequence[str]) -> str:
    """Return the first two lines of a table."""
    return f"{row(cells)}\n{row(['---'] * len(cells))}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table without the columns whose cells are all empty."""
    used = [number for number in range(len(columns)) if any(cells[number] for cells in rows)]
    lines = [row([cells[number] for number in used]) for cells in rows]
    return "\n".join([table_head([columns[number] for number in used]), *lines])


def capped(entries: Sequence[T], limit: int, render: Callable[[Sequence[T]], str], noun: str) -> str:
    """Return the first `limit` entries, and a line with the number of the others."""
    more = len(entries) - limit
    return render(entries[:limit]) + (f"\n\n… and {more:,} more {noun}".rstrip() if more > 0 else "")


def bullets(entries: Iterable[str]) -> str:
    """Return a list."""
    return "\n".join(f"- {entry}" for entry in entries)


def listed(entries: Sequence[str], limit: int = 5) -> str:
    """Return the first entries (Markdown), separated by commas, and the number of the others."""
    more = len(entries) - limit
    return ", ".join(entries[:limit]) + (f" and {more:,} more" if more > 0 else "")


def names(texts: Sequence[str], limit: int = 5) -> str:
    """Return the first names, separated by commas, and the number of the others."""
    return listed([prose(text, 80) for text in texts], limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedList:
    """Items that may be too long for their page. The first ones that fit are shown, each completely."""

    items: Sequence[str]
    noun: str  # "failed steps"
    max_bytes: int
    head: str = ""
    separator: str = "\n"

    def __str__(self) -> str:
        """Return at most `max_bytes` and a line with the number of the other items; empty without items."""
        if not self.items:
            return ""
        shown: list[str] = []
        size = _size(self.head)
        for item in self.items:
            size += _size(item) + _size(self.separator)
            if size > self.max_bytes:
                break
            shown.append(item)
        more = len(self.items) - len(shown)
        block = self.separator.join([*([self.head] if self.head else []), *shown])
        return block + (f"\n\n… and {more} more {self.noun}" if more else "")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
