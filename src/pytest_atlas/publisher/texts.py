"""The words that Atlas shows: titles, descriptions and the digest of a session.

Pure. The last line of a description is the identity by which a step or run is found again (contract C1); it is made and
read here and nowhere else.
"""

import hashlib
from collections.abc import Iterable

TITLE_LIMIT = 100
PROSE_LIMIT = 4000
"""Most characters of a docstring, and of what is told below it: a description is read, not searched through."""

STEP_MARK = "pytest: "
RUN_MARK = "pytest-atlas: "


def step_title(title: str) -> str:
    """`title` in at most 100 characters. A longer one ends with a hash of the whole, so that two stay distinct."""
    title = " ".join(title.split()) or "(no title)"
    if len(title) <= TITLE_LIMIT:
        return title
    digest = hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{title[: TITLE_LIMIT - 10]}… {digest}"


def shorten(text: str, limit: int = PROSE_LIMIT) -> str:
    """The start of `text`, and a line that says how much is missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()}\n… ({len(text) - limit} more characters)"


def first_line(text: str) -> str:
    """The first line of `text` that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def step_mark(nodeid: str, *inner: str) -> str:
    """C1's line of the step that stands for a test, or for the step `inner` inside it. One line, whatever the names hold."""
    return STEP_MARK + " > ".join([nodeid.replace("\n", "\\n"), *(" ".join(title.split()) for title in inner)])


def run_mark(key: str) -> str:
    """C1's line of a run."""
    return RUN_MARK + key


def mark_of(description: str) -> str:
    """The identity line that ends a description; empty where there is none."""
    last = description.rstrip().rpartition("\n")[2].strip()
    return last if last.startswith((STEP_MARK, RUN_MARK)) else ""


def description(doc: str, told: Iterable[str], mark: str) -> str:
    """A description: the docstring, then what a reader needs first, then the identity line."""
    body = shorten("\n".join(line for line in told if line))
    return "\n\n".join(part for part in (shorten(doc.strip()), body, mark) if part)
