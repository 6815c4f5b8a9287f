"""The file output.txt of a test: its failure, then the sections of its captured output, as a terminal shows them.

The captured text is read piece by piece and cut before it is rendered in full, so memory stays proportional to the limit.
Secrets are redacted before the text is cut. Pure.
"""

from builtins import chr, float, isinstance, len, list, map, max, str, sum, tuple
from collections.abc import Iterable, Iterator, Sequence

import pytest

from pytest_atlas.base.records import dataclass
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.base.screen import Screen
from pytest_atlas.base.secrets import REDACTED

from .reports import attribute, shown

MARGIN = 1 << 16
"""Characters beyond a cut that are rendered and redacted with the text: half of a secret is not found."""
END = 4096
"""Characters at each end of a section that are searched for a secret in two sections."""
LINE = 4096
"""Bytes of a line that are dropped to cut between lines; a longer line is cut."""


def output_file(reports: Sequence[pytest.TestReport], clean: Cleaner, limit: int) -> bytes:
    """Return the content of output.txt: at most `limit` bytes and a line about the gap. Empty if there is no output."""
    parts = [part for part in _parts(reports, clean) if part]
    if not parts:
        return b""
    source = _Source(parts)
    half = limit // 2
    screen = Screen()
    at = source.feed(screen, 0, half + MARGIN)
    if source.length - at > half + MARGIN:
        head = _encoded(screen, clean)
        screen = Screen()
        source.feed(screen, source.line_at(source.length - half - MARGIN), float("inf"))
        return _joined(head, _encoded(screen, clean), half, source.length - at - half)
    source.feed(screen, at, float("inf"))
    whole = _encoded(screen, clean)
    return whole if len(whole) <= limit else _joined(whole, whole, half, len(whole) - limit)


@dataclass(frozen=True, slots=True)
class _Source:
    """A sequence of texts, not copied. Control characters of one text don't erase another one."""

    parts: Sequence[str]

    @property
    def length(self) -> int:
        """The number of characters."""
        return sum(map(len, self.parts))

    def feed(self, screen: Screen, start: int, most: float) -> int:
        """Write the text from `start` on to a screen, until it has `most` characters. Return the position after them."""
        offset = 0
        for part in self.parts:
            if start < offset + len(part) and screen.size < most:
                if start <= offset:
                    screen.start_section()
                start = offset + screen.feed(part, max(0, start - offset), most)
            offset += len(part)
        return start

    def line_at(self, position: int) -> int:
        """Return the start of the next line after a position."""
        offset = 0
        for part in self.parts:
            if (
                position < offset + len(part)
                and (at := part.find("\n", max(0, position - offset), position - offset + MARGIN)) >= 0
            ):
                return offset + at + 1
            offset += len(part)
        return position


def _parts(reports: Sequence[pytest.TestReport], clean: Cleaner) -> list[str]:
    failures = [failure for report in reports if (failure := _failure(report))]
    sections = _distinct(section for report in reports for section in _sections(report))
    if _have_split_secret(sections, clean):
        sections = [section for stream in _by_stream(sections).values() for section in stream]
    blocks = [*failures, *((title, text) for title, text in sections if text and not text.isspace())]
    parts: list[str] = []
    for title, text in blocks:
        parts += [f"{_heading(title)}\n", text, "\n"]
    return parts


def _distinct(sections: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each section once: later reports repeat earlier ones. Comparing texts is faster than hashing them."""
    found: list[tuple[str, str]] = []
    similar: dict[tuple[str, int], list[str]] = {}
    for title, text in sections:
        texts = similar.setdefault((title, len(text)), [])
        if text not in texts:
            texts.append(text)
            found.append((title, text))
    return found


def _have_split_secret(sections: Sequence[tuple[str, str]], clean: Cleaner) -> bool:
    """Return whether the start of a secret ends one section, and its rest begins the next section of the same stream.

    The redaction finds such a secret only if no other section is between them. Only the ends of long sections are searched.
    """
    for stream in _by_stream(sections).values():
        ends = [text if len(text) <= 2 * END else text[:END] + text[-END:] for _, text in stream]
        if len(ends) > 1 and _count_redacted(clean, "".join(ends)) > sum(_count_redacted(clean, text) for text in ends):
            return True
    return False


def _by_stream(sections: Iterable[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return the sections of each stream; "Captured stdout setup" and "Captured stdout call" are sections of one stream."""
    found: dict[str, list[tuple[str, str]]] = {}
    for title, text in sections:
        found.setdefault(title.rpartition(" ")[0] or title, []).append((title, text))
    return found


def _count_redacted(clean: Cleaner, text: str) -> int:
    return clean.redact(text).count(REDACTED)


def _failure(report: pytest.TestReport) -> tuple[object, str] | None:
    """Return the phase and the failure as pytest shows it. A plugin can set any object."""
    longrepr = attribute(report, "longrepr")
    if longrepr is None or isinstance(longrepr, tuple):
        return None
    text = attribute(report, "longreprtext")
    return attribute(report, "when"), text if isinstance(text, str) else shown(longrepr)


def _sections(report: pytest.TestReport) -> Iterator[tuple[str, str]]:
    """Yield the titles and texts of the captured output and log."""
    sections = attribute(report, "sections")
    for section in sections if isinstance(sections, list | tuple) else ():
        match section:
            case (str() as title, str() as text):
                yield title, text
            case _:
                yield "section of a plugin", shown(section)


def _heading(title: object) -> str:
    return f" {title if isinstance(title, str) and title else 'report'} ".center(100, "─")


def _encoded(screen: Screen, clean: Cleaner) -> bytes:
    return (clean(screen.text()) + "\n").encode("utf-8", "backslashreplace")


def _joined(head: bytes, tail: bytes, half: int, missing: int) -> bytes:
    """Join the first and the last `half` bytes of two texts, cut between lines if possible, with a line between them."""
    first = head[: head.rfind(b"\n", max(0, half - LINE), half) + 1 or half].decode("utf-8", "ignore")
    start = max(0, len(tail) - half)
    last = tail[tail.find(b"\n", start, start + LINE) + 1 or start :].decode("utf-8", "ignore")
    gap = f"… about {missing} characters of the output are not recorded (--atlas-output-limit) …"
    return f"{first.rstrip(chr(10))}\n\n{gap}\n\n{last}".encode()
