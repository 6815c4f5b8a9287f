r"""A text without noise, on several levels of decoding, with a map from each level back to the original text. Pure.

Noise is terminal sequences, white space, control, format and box-drawing characters. Each further level decodes the escapes
of the level before (`\\x41`, `\\u0041`, `%41`, `&#65;`) and removes noise again. Standard library only.
"""

import re
from bisect import bisect_right
from builtins import any, bool, chr, int, range
from collections.abc import Iterator
from typing import NamedTuple

from .control_sequences import INTRODUCERS, SEQUENCE

LEVELS = 4
"""The text itself and three rounds of decoding, for example JSON in JSON in a URL."""
IGNORABLE = (
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f"
    "\\ufeff\\uffa0\\ufff0-\\uffff\\ud800-\\udfff\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
"""Characters without width or meaning (Default_Ignorable_Code_Point) and noncharacters, as a part of a character class."""
HEADING = re.compile(r"─{3,} [^\n─]{1,80} ─{3,}")
"""The heading of a section in output.txt: a secret can be printed in two sections."""
_NOISE = (
    (re.compile(SEQUENCE), INTRODUCERS),
    (HEADING, ("───",)),
    (re.compile(r"\n[E>][ \t]+"), ("\nE ", "\n> ")),  # pytest's prefixes of lines
)
"""Patterns to remove, and for each the texts of which a match contains at least one."""
_IGNORED = re.compile(rf"[\s\x00-\x1f\x7f-\x9f\u2500-\u257f{IGNORABLE}]+")
_ESCAPE = re.compile(
    r"\\u([dD][89abAB]HH)\\u([dD][c-fC-F]HH)|(?:\\x|%)(HH)|\\u(HHHH)|\\u\{(H{1,6})\}|\\U(H{8})|\\([0-7]{2,3})|\\(.)"
    r"|&#(\d{1,7});|&#x(H{1,6});|&(amp|lt|gt|quot|apos);".replace("H", "[0-9a-fA-F]"),
)
_HEX, _OCTAL, _LETTER, _DECIMAL, _ENTITY = (3, 4, 5, 6, 10), 7, 8, 9, 11
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
ESCAPE_SIGNS = ("\\", "%", "&")
"""Characters that begin an escape."""


class MappedText(NamedTuple):
    """A text that was made from another text, with the origin of each character."""

    text: str
    at: list[int]  # for each entry of `source`, its first position in this text
    source: list[tuple[int, int]]  # position in the other text; length there of one character here, or 0: unchanged

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the other text that the characters from `start` to `end` come from."""
        first, _ = self._character(start)
        _, last = self._character(end - 1)
        return first, last

    def _character(self, position: int) -> tuple[int, int]:
        entry = bisect_right(self.at, position) - 1
        begin, length = self.source[entry]
        if length:
            return begin, begin + length
        begin += position - self.at[entry]
        return begin, begin + 1


def levels(text: str) -> Iterator[str]:
    """Yield `text` on each level."""
    for _ in range(LEVELS):
        text = remove_noise(text)
        yield text
        if not any(sign in text for sign in ESCAPE_SIGNS):
            return
        text = _ESCAPE.sub(_decoded, text)


def remove_noise(text: str) -> str:
    """Return `text` without noise."""
    for pattern, signs in _NOISE:
        if any(sign in text for sign in signs):
            text = pattern.sub("", text)
    text = "".join(text.split())
    return text if text.isprintable() and is_latin1(text) else _IGNORED.sub("", text)


def is_latin1(text: str) -> bool:
    """Return whether all characters of `text` are in Latin-1, where all printable characters have a width."""
    try:
        return text.isascii() or bool(text.encode("latin-1"))
    except UnicodeEncodeError:
        return False


def mapped_levels(text: str) -> Iterator[list[MappedText]]:
    """Yield the steps from each level to the next one; the last step of a level has its text."""
    for level in range(LEVELS):
        steps = []
        if level:
            if not any(sign in text for sign in ESCAPE_SIGNS):
                return
            steps.append(_mapped(_ESCAPE, text))
            text = steps[-1].text
        for pattern in (*(pattern for pattern, signs in _NOISE if any(sign in text for sign in signs)), _IGNORED):
            steps.append(_mapped(pattern, text))
            text = steps[-1].text
        yield steps


def _mapped(pattern: re.Pattern[str], text: str) -> MappedText:
    """Return `text` with each match removed, or decoded if it is an escape."""
    pieces, at, source = [], [0], [(0, 0)]
    position = length = 0
    for match in pattern.finditer(text):
        start, end = match.span()
        pieces.append(text[position:start])
        length += start - position
        if pattern is _ESCAPE and (new := _decoded(match)):
            at.append(length)
            source.append((start, end - start))
            pieces.append(new)
            length += 1
        at.append(length)
        source.append((end, 0))
        position = end
    pieces.append(text[position:])
    return MappedText("".join(pieces), at, source)


def _decoded(match: re.Match[str]) -> str:
    """Return the character of an escape; empty for white space and invalid numbers."""
    kind = match.lastindex or 0
    if kind == 2:
        high, low = int(match[1], 16), int(match[2], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if kind == _LETTER:
        return "" if match[kind] in "abfnrtv" else match[kind]
    if kind == _ENTITY:
        return _ENTITIES[match[kind].lower()]
    number = int(match[kind], {_OCTAL: 8, _DECIMAL: 10}.get(kind, 16))
    return chr(number) if number < 0x110000 else ""
