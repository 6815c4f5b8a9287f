"""Texts from outside as Markdown that stays what we meant it to be, on GitHub, on GitLab and in plain CommonMark. Pure.

A test id or message may hold anything. In prose and in code every character that means something to Markdown, to HTML or to a
table is written as an entity, which is right in a paragraph, a cell, a heading and inside HTML alike; no such text ever stands
first in a line. Only a fence holds its text as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_atlas.base.sanitize import Cleaner

_plain = Cleaner({})
_MARKUP = re.compile(r"[\\`*{<>&|~#$]|\[(?=[-+^])|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=\bwww)\.", re.IGNORECASE)
"""What begins something in Markdown or HTML, and what a link needs. An underscore between letters is only itself, and so are
brackets where no address follows."""
_REFERENCE = re.compile(r"@(?=\w)|[#!~$%&^](?=\w)|\b[Gg][Hh]-(?=\d)|:(?=[a-z+-][a-z0-9_+-]*:)")
"""What makes a site call a person, link an issue or show a picture, wherever it stands in prose."""
_NOTHING = "&#8203;"  # a space without width: what is shown stays the same
FENCE_LINES = 30


def clip(text: str, limit: int) -> str:
    """`text` in one line of at most `limit` characters, without what nobody sees."""
    line = " ".join(_visible(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def prose(text: str, limit: int = 200) -> str:
    """`text` as words of a sentence. It calls nobody and links nothing."""
    pieces = _REFERENCE.split(line := clip(text, limit))
    signs = _REFERENCE.findall(line)
    shown = [_escape(pieces[0])]
    for sign, piece in zip(signs, pieces[1:], strict=True):
        shown += [_escape(sign), _NOTHING, _escape(piece)]
    return "".join(shown)


def code(text: str, limit: int = 300) -> str:
    """`text` as it would be typed. Not between backticks: a table would end at the first `|` in them."""
    return f"<code>{_escape(clip(text, limit))}</code>"


def fence(text: str, limit: int = 2000) -> str:
    """A block of `text` as it is, its beginning only where it is long."""
    lines = _visible(text).expandtabs().strip("\n").split("\n")
    shown = "\n".join(lines[:FENCE_LINES])[:limit]
    left = len("\n".join(lines)) - len(shown)
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{ticks}text\n{shown}\n{ticks}" + (f"\n\n… and {left} more characters" if left else "")


def bold(shown: str) -> str:
    """What `prose` gave, in bold. To stand between spaces."""
    return f"**{shown}**" if shown else ""


def row(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def head(cells: Sequence[str]) -> str:
    """The first two lines of a table."""
    return f"{row(cells)}\n{row(['---'] * len(cells))}"


def details(title: str, body: str) -> str:
    """What is shown only to those who ask."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the page that may have more than there is room for: its items are shown from the first, whole or not at all."""

    items: Sequence[str]
    what: str  # "failed steps"
    most: int  # bytes
    above: str = ""
    glue: str = "\n"

    def __str__(self) -> str:
        """The part in at most `most` bytes and a line; empty where it has no items."""
        if not self.items:
            return ""
        shown: list[str] = []
        size = _size(self.above)
        for item in self.items:
            size += _size(item) + _size(self.glue)
            if size > self.most:
                break
            shown.append(item)
        left = len(self.items) - len(shown)
        block = self.glue.join([*([self.above] if self.above else []), *shown])
        return block + (f"\n\n… and {left} more {self.what}" if left else "")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _visible(text: str) -> str:
    return _plain(text)


def _escape(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
