"""Remove secrets from a text, also if they are escaped, encoded, or interrupted by characters without meaning. Pure.

A text is searched on each level of `decoded_text`. A match is mapped back to the original text; the other characters don't
change. Standard library only.
"""

from base64 import b64encode
from builtins import any, dict, enumerate, len, list, map, max, min, next, range, repr, reversed, set, sorted, zip
from collections.abc import Iterator, Mapping
from itertools import pairwise
from json import dumps
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from .decoded_text import ESCAPE_SIGNS, HEADING, MappedText, levels, mapped_levels, remove_noise
from .secrets import KEY_HEADING, REDACTED

MIN_LONG = 32
"""Length from which on also a piece of a secret is redacted: pytest's reprs cut long texts in the middle."""
PIECE = 16
"""Number of characters at the start or end of a long secret that identify a piece of it."""
BLOCK = 1 << 16
"""Minimum number of characters that are searched at once, so that a long text needs constant memory."""
MAX_ENCODED = 64
"""Limit of the length of one character of a secret with its escape and the sequences around it, in long texts."""
BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-")


class Needle(NamedTuple):
    """A text to search for, without noise."""

    text: str
    name: str  # of the variable
    is_base64: bool = False

    @property
    def is_long(self) -> bool:
        """Whether a piece of it is redacted, too."""
        return len(self.text) >= MIN_LONG and not self.is_base64 and not self.text.startswith(KEY_HEADING)


class Redactor:
    """Replaces secrets with REDACTED. `redacted` has the names of the variables with values that were found."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Search for the keys of `secrets`; its values are the names of their variables."""
        self.redacted: set[str] = set()
        self._secrets = list(secrets.items())
        self._literal = [(form, name) for secret, name in secrets.items() for form in _literal_forms(secret)]
        self._needles = [needle for secret, name in secrets.items() for needle in _needles(secret, name)]
        self._long = [
            n for n in self._needles if len(n.text) >= MIN_LONG and not n.is_base64 and not n.text.startswith(KEY_HEADING)
        ]
        pieces = [piece for n in self._long for piece in (n.text[:PIECE], n.text[-PIECE:])]
        self._quick = list(dict.fromkeys([*secrets, *(needle.text for needle in self._needles), *pieces]))
        self._shortest = min(map(len, self._quick), default=0)
        self._overlap = max(map(len, self._quick), default=0) * MAX_ENCODED

    def __repr__(self) -> str:
        return f"<Redactor of {len(self._needles)} texts>"

    def __call__(self, text: str) -> str:
        """Return `text` with each secret replaced by REDACTED."""
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
        """Yield the spans to replace in one block of `text`. Secrets without escapes and noise are found without a map."""
        block = text[start:end]
        found = sorted({span for secret, name in self._secrets for span in self._find_plain(block, secret, name)})
        rest = "".join(_replaced(block, found)) if found else block
        if self._may_have_secret(rest):
            found += self._spans(block)
        yield from ((start + first, start + last) for first, last in found)

    def _find_plain(self, text: str, secret: str, name: str) -> Iterator[tuple[int, int]]:
        for at in _occurrences(text, secret):
            self.redacted.add(name)
            yield at, at + len(secret)

    def _may_have_secret(self, text: str) -> bool:
        if not (text.isascii() and text.isprintable()) or any(sign in text for sign in ESCAPE_SIGNS):
            return any(self._is_in(level) for level in levels(text))
        return self._is_in(text)

    def _is_in(self, text: str) -> bool:
        for needle in self._quick:  # noqa: SIM110 - twice as fast as any()
            if needle in text:
                return True
        return False

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the spans of `text` to replace."""
        for form, name in self._literal:
            if (at := text.find(form)) >= 0:
                self.redacted.add(name)
                yield at, at + len(form)
        steps: list[MappedText] = []
        for level in mapped_levels(text):
            steps += level
            for start, end, needle in self._find(steps[-1].text if steps else text):
                self.redacted.add(needle.name)
                span = (start, end)
                for step in reversed(steps):
                    span = step.span(*span)
                yield _whole_base64(text, *span) if needle.is_base64 else span

    def _find(self, text: str) -> Iterator[tuple[int, int, Needle]]:
        for needle in self._needles:
            yield from ((at, at + len(needle.text), needle) for at in _occurrences(text, needle.text))
        for needle in self._long:
            yield from ((start, end, needle) for start, end in _pieces(text, needle.text))


def _literal_forms(secret: str) -> set[str]:
    """Return forms of a secret with white space at its end, such as a line feed, which is redacted with it."""
    bare = secret.strip()
    return set() if secret == bare else {repr(secret)[1:-1], dumps(secret)[1:-1], quote(secret, safe="", errors="replace")}


def _needles(secret: str, name: str) -> Iterator[Needle]:
    utf8 = secret.encode("utf-8", "surrogatepass")
    forms = {secret, utf8.decode("latin-1"), quote_plus(secret, safe="", errors="replace") if " " in secret else secret}
    texts = {text for form in forms for text in (remove_noise(form), [*levels(form)][-1]) if text}
    yield from (Needle(text, name) for text in sorted(texts))
    cores = {core for alignment in range(3) for core in _base64_forms(utf8, alignment)}
    yield from (Needle(core, name, is_base64=True) for core in sorted(cores))


def _base64_forms(secret: bytes, alignment: int) -> Iterator[str]:
    """Yield the base64 characters that depend on `secret` only, if `alignment` bytes (modulo 3) precede it."""
    start, end = -(-alignment * 8 // 6), (alignment + len(secret)) * 8 // 6
    core = b64encode(b"\0" * alignment + secret)[start:end].decode()
    yield from {core, core.replace("+", "-").replace("/", "_")}


def _pieces(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of `text` with the start or the end of a secret."""
    start, end = secret[:PIECE], secret[-PIECE:]
    for at in _occurrences(text, start):
        yield at, at + _common_length(text[at : at + len(secret)], secret)
    for at in _occurrences(text, end):
        last = at + PIECE
        yield last - _common_length(text[max(0, last - len(secret)) : last][::-1], secret[::-1]), last


def _occurrences(text: str, searched: str) -> Iterator[int]:
    at = text.find(searched)
    while at >= 0:
        yield at
        at = text.find(searched, at + 1)


def _common_length(text: str, secret: str) -> int:
    """Return the length of the common prefix."""
    pairs = zip(text, secret, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(text), len(secret)))


def _whole_base64(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend a span by the base64 characters around it: the user name of Basic, or bits of the secret."""
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
        yield from (f"\n\n{heading}\n{REDACTED}" for heading in HEADING.findall(text, start, end))
        yield text[end:after]
