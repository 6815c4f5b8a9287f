"""A part of a report, and what it has for the lines above all parts."""

from dataclasses import dataclass
from typing import NamedTuple

MOST_ROWS = 15
"""Most rows of a table, and most entries of a list."""
MOST_FINDINGS = 8


class Finding(NamedTuple):
    """What a reader has to know first; of two findings that with the lower rank comes first."""

    rank: int
    words: str


@dataclass(frozen=True, slots=True)
class Section:
    """Markdown under a heading; `news` is its share of the summary (plain text), `method` says how it was computed."""

    title: str
    body: str
    findings: tuple[Finding, ...] = ()
    news: str = ""
    method: str = ""

    def __str__(self) -> str:
        return f"## {self.title}\n\n{self.body}"
