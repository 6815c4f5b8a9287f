r"""Remove secrets from a text, also if they are escaped, encoded, or interrupted by characters without meaning. Pure.

A text is searched on several levels: without terminal sequences, white space, control, format and box-drawing characters;
then the same after one, two and three rounds of decoding escapes (`\\x41`, `\\u0041`, `%41`, `&#65;`). A match is mapped back
to the original text, whose other characters don't change. Standard library only.
"""

import re
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import pairwise
from json import dumps
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from .screen import SEQUENCE
from .secrets import HEADING, REDACTED

LEVELS = 4
"""Rounds of decoding, and the text as it is: JSON in JSON in a URL."""
LONG = 32
"""Characters of a secret from which on a piece of it is redacted: pytest's reprs cut long texts in the middle."""
PIECE = 16
"""Characters of its start or its end by which a piece of a long secret is recognized."""
BLOCK = 1 << 16
"""Characters that are searched at once, at least: memory stays constant for long texts."""
DECORATED = 64
"""Most characters that a character of a secret takes, with its escape and the sequences around it; for long texts."""
BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-")

IGNORABLE = (
    "\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f"
    "\\ufeff\\uffa0\\ufff0-\\uffff\\ud800-\\udfff\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
"""Characters without width or meaning (Default_Ignorable_Code_Point), and no characters, as a part of a character class."""
_HEADING = re.compile(r"─{3,} [^\n─]{1,80} ─{3,}")
"""The heading of a section of output.txt: a secret may be printed in two sections."""
_NOISE = (
    (re.compile(SEQUENCE), ("\x1b", "\x9b", "\x9d", "\x90", "\x98", "\x9e", "\x9f")),
    (_HEADING, ("───",)),
    (re.compile(r"\n[E>][ \t]+"), ("\nE ", "\n> ")),  # pytest's marks in front of a line
)
"""What is removed before a search, and the texts without which there is none of it."""
_IGNORED = re.compile(rf"[\s\x00-\x1f\x7f-\x9f\u2500-\u257f{IGNORABLE}]+")
_ESCAPE = re.compile(
    r"\\u([dD][89abAB]HH)\\u([dD][c-fC-F]HH)|(?:\\x|%)(HH)|\\u(HHHH)|\\u\{(H{1,6})\}|\\U(H{8})|\\([0-7]{2,3})|\\(.)"
    r"|&#(\d{1,7});|&#x(H{1,6});|&(amp|lt|gt|quot|apos);".replace("H", "[0-9a-fA-F]"),
)
_HEX, _OCTAL, _LETTER, _DECIMAL, _ENTITY = (3, 4, 5, 6, 10), 7, 8, 9, 11
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ESCAPES = ("\\", "%", "&")


class Needle(NamedTuple):
    """A text to look for, as it is without noise."""

    text: str
    name: str  # of the variable
    is_base64: bool = False


class _Mapped(NamedTuple):
    """A text made of another one: where each of its characters comes from."""

    text: str
    at: list[int]  # positions in the text at which the next entry of `source` begins
    source: list[tuple[int, int]]  # position in the other text; characters there for one here, 0 for a run of unchanged ones

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the other text from which the characters from `start` to `end` come."""
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


class Redactor:
    """Replaces secrets by REDACTED. `redacted` has the names of the variables whose values were found so far."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """`secrets`: each secret text -> the name of its variable."""
        self.redacted: set[str] = set()
        self._secrets = list(secrets.items())
        self._literal = [(form, name) for secret, name in secrets.items() for form in _literal_forms(secret)]
        self._needles = [needle for secret, name in secrets.items() for needle in _needles(secret, name)]
        self._long = [n for n in self._needles if len(n.text) >= LONG and not n.is_base64 and not n.text.startswith(HEADING)]
        pieces = [piece for n in self._long for piece in (n.text[:PIECE], n.text[-PIECE:])]
        self._quick = list(dict.fromkeys([*secrets, *(needle.text for needle in self._needles), *pieces]))
        self._shortest = min(map(len, self._quick), default=0)
        self._overlap = max(map(len, self._quick), default=0) * DECORATED

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._needles)} texts>"

    def __call__(self, text: str) -> str:
        """`text` with REDACTED in place of each secret."""
        if not self._needles or len(text) < self._shortest:
            return text
        if len(text) < BLOCK:
            spans = {*self._spans(text)} if self._may_have_secret(text) else set()
        else:
            block = max(BLOCK, 2 * self._overlap)
            starts = range(0, len(text), block)
            spans = {span for start in starts for span in self._in_block(text, start, start + block + self._overlap)}
        return "".join(_replaced(text, sorted(spans))) if spans else text

    def _in_block(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The spans of `text` to replace that are in a block of it. Secrets as they are are found without a map."""
        block = text[start:end]
        found = sorted({(at, at + len(secret)) for secret, name in self._secrets for at in self._plain(block, secret, name)})
        rest = "".join(_replaced(block, found)) if found else block
        if self._may_have_secret(rest):
            found += self._spans(block)
        yield from ((start + first, start + last) for first, last in found)

    def _plain(self, text: str, secret: str, name: str) -> Iterator[int]:
        for at in _occurrences(text, secret):
            self.redacted.add(name)
            yield at

    def _may_have_secret(self, text: str) -> bool:
        if not (text.isascii() and text.isprintable()) or any(sign in text for sign in _ESCAPES):
            return any(self._is_in(level) for level in _levels(text))
        return self._is_in(text)

    def _is_in(self, text: str) -> bool:
        for needle in self._quick:  # noqa: SIM110 - twice as fast as any()
            if needle in text:
                return True
        return False

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans of `text` to replace."""
        for form, name in self._literal:
            if (at := text.find(form)) >= 0:
                self.redacted.add(name)
                yield at, at + len(form)
        steps: list[_Mapped] = []
        for level in _mapped_levels(text):
            steps += level
            for start, end, needle in self._found(steps[-1].text if steps else text):
                self.redacted.add(needle.name)
                span = (start, end)
                for step in reversed(steps):
                    span = step.span(*span)
                yield _whole_base64(text, *span) if needle.is_base64 else span

    def _found(self, text: str) -> Iterator[tuple[int, int, Needle]]:
        for needle in self._needles:
            yield from ((at, at + len(needle.text), needle) for at in _occurrences(text, needle.text))
        for needle in self._long:
            yield from ((start, end, needle) for start, end in _pieces(text, needle.text))


def _literal_forms(secret: str) -> set[str]:
    """Forms of a secret with white space at an end, such as the line feed of a file: it goes with the secret."""
    bare = secret.strip()
    return set() if secret == bare else {repr(secret)[1:-1], dumps(secret)[1:-1], quote(secret, safe="", errors="replace")}


def _needles(secret: str, name: str) -> Iterator[Needle]:
    utf8 = secret.encode("utf-8", "surrogatepass")
    forms = {secret, utf8.decode("latin-1"), quote_plus(secret, safe="", errors="replace") if " " in secret else secret}
    texts = {text for form in forms for text in (_bare(form), [*_levels(form)][-1]) if text}
    yield from (Needle(text, name) for text in sorted(texts))
    cores = {core for alignment in range(3) for core in _base64_forms(utf8, alignment)}
    yield from (Needle(core, name, is_base64=True) for core in sorted(cores))


def _base64_forms(secret: bytes, alignment: int) -> Iterator[str]:
    """The characters of a base64 text that depend on `secret` only, if `alignment` bytes (modulo 3) precede it."""
    start, end = -(-alignment * 8 // 6), (alignment + len(secret)) * 8 // 6
    core = b64encode(b"\0" * alignment + secret)[start:end].decode()
    yield from {core, core.replace("+", "-").replace("/", "_")}


def _levels(text: str) -> Iterator[str]:
    """What `text` is on each level."""
    for _ in range(LEVELS):
        text = _bare(text)
        yield text
        if not any(sign in text for sign in _ESCAPES):
            return
        text = _ESCAPE.sub(_decoded, text)


def _bare(text: str) -> str:
    """`text` without noise."""
    for pattern, signs in _NOISE:
        if any(sign in text for sign in signs):
            text = pattern.sub("", text)
    text = "".join(text.split())
    return text if text.isprintable() and is_latin1(text) else _IGNORED.sub("", text)


def is_latin1(text: str) -> bool:
    """Whether all characters of `text` are in Latin-1, which has no character without width that is printable."""
    try:
        return text.isascii() or bool(text.encode("latin-1"))
    except UnicodeEncodeError:
        return False


def _mapped_levels(text: str) -> Iterator[list[_Mapped]]:
    """The same, with the steps from the level before."""
    for level in range(LEVELS):
        steps = []
        if level:
            if not any(sign in text for sign in _ESCAPES):
                return
            steps.append(_mapped(_ESCAPE, text))
            text = steps[-1].text
        for pattern in (*(pattern for pattern, signs in _NOISE if any(sign in text for sign in signs)), _IGNORED):
            steps.append(_mapped(pattern, text))
            text = steps[-1].text
        yield steps


def _mapped(pattern: re.Pattern[str], text: str) -> _Mapped:
    """`text` with each match replaced as `_levels` replaces it."""
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
    return _Mapped("".join(pieces), at, source)


def _decoded(match: re.Match[str]) -> str:
    """The character of an escape; empty for white space and for a number that no character has."""
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


def _pieces(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Where `text` has the start or the end of a secret."""
    start, end = secret[:PIECE], secret[-PIECE:]
    for at in _occurrences(text, start):
        yield at, at + _common(text[at : at + len(secret)], secret)
    for at in _occurrences(text, end):
        last = at + PIECE
        yield last - _common(text[max(0, last - len(secret)) : last][::-1], secret[::-1]), last


def _occurrences(text: str, searched: str) -> Iterator[int]:
    at = text.find(searched)
    while at >= 0:
        yield at
        at = text.find(searched, at + 1)


def _common(text: str, secret: str) -> int:
    """How many characters of the two are the same, from their start on."""
    pairs = zip(text, secret, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(text), len(secret)))


def _whole_base64(text: str, start: int, end: int) -> tuple[int, int]:
    """The span and the base64 characters around it: they are the user name of Basic, or bits of the secret."""
    while start and text[start - 1] in BASE64:
        start -= 1
    while end < len(text) and text[end] in BASE64:
        end += 1
    return start, end


def _replaced(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    merged = [spans[0]]
    for start, end in spans[1:]:
        if start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    yield text[: merged[0][0]]
    for (start, end), (after, _) in pairwise([*merged, (len(text), 0)]):
        yield REDACTED
        yield from (f"\n\n{heading}\n{REDACTED}" for heading in _HEADING.findall(text, start, end))
        yield text[end:after]
