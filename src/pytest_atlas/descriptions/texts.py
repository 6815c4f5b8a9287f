"""Titles and descriptions: their limits and the order of their parts. Pure."""

import hashlib
import re
from collections.abc import Iterable

TITLE_LIMIT = 100
"""Maximum length of a step title in the API, in characters."""
PROSE_LIMIT = 4000
"""Maximum length of a docstring, and of the result below it, in characters. A data file has the full failure text."""

_DOCTEST_SOURCE = re.compile(r"\d{3,}( |$)")
"""The start of a line of source code in the failure message of a doctest."""
_DOCTEST_EXCEPTION = "UNEXPECTED EXCEPTION: "
_DOCTEST_RESULTS = (_DOCTEST_EXCEPTION, "Expected:", "Expected nothing", "Got:")


def step_title(title: str) -> str:
    """Return `title` in at most TITLE_LIMIT characters. A longer title ends with a hash, so that long titles stay distinct."""
    title = one_line(title) or "(no title)"
    if len(title) <= TITLE_LIMIT:
        return title
    digest = hashlib.sha256(title.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{title[: TITLE_LIMIT - 10]}… {digest}"


def shorten(text: str, limit: int = PROSE_LIMIT) -> str:
    """Return the first `limit` characters of `text`, and a line with the number of the others."""
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()}\n… ({len(text) - limit} more characters)"


def one_line(text: str, limit: int | None = None) -> str:
    """Return `text` without line breaks and repeated spaces, with an ellipsis if it has more than `limit` characters."""
    text = " ".join(text.split())
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def first_line(text: str) -> str:
    """Return the first line of `text` that is not blank."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def decisive_line(message: str) -> str:
    """Return the first line of a failure message. A doctest's begins with source code: return its exception or its result."""
    first = first_line(message)
    if not _DOCTEST_SOURCE.match(first):
        return first
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    start = next((n for n, line in enumerate(lines) if line.startswith(_DOCTEST_RESULTS)), None)
    if start is None:
        return first
    if lines[start].startswith(_DOCTEST_EXCEPTION):
        return lines[start].removeprefix(_DOCTEST_EXCEPTION)
    end = next((n for n in range(start, len(lines)) if lines[n].endswith(": DocTestFailure")), len(lines))
    return " ".join(lines[start:end])


def with_reason(label: str, reason: str) -> str:
    """Return `label: reason`, or the label if no reason was given."""
    return f"{label}: {reason}" if reason else label


def join_description(doc: str, result: Iterable[str], identity_line: str, attempts: str = "") -> str:
    """Return a description: the docstring, the lines of the result, the list of attempts, and the identity line.

    Docstring and result are shortened. Attempts and identity line are complete, because they are parsed later.
    """
    body = shorten("\n".join(line for line in result if line))
    return "\n\n".join(part for part in (shorten(doc.strip()), body, attempts, identity_line) if part)


def stripped_lines(text: str) -> list[str]:
    """Return the lines without the spaces around them: a server or an editor may add or remove some."""
    return [line.strip() for line in text.split("\n")]
