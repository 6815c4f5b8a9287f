"""The words that Atlas shows: titles, descriptions and the digest of a session.

Pure. The last line of a description is the identity by which a step or run is found again (contract C1); it is made and
read here and nowhere else. In a description that is not ours, our text is a block between two lines of its own:

    What a person wrote.

    [pytest: tests/test_trip.py::test_trip]
    trip time: 96 ms (at most 100): pass

    pytest: tests/test_trip.py::test_trip
"""

import hashlib
import re
from collections.abc import Iterable

TITLE_LIMIT = 100
PROSE_LIMIT = 4000
"""Most characters of a docstring, and of what is told below it: a description is read, not searched through."""

STEP_MARK = "pytest: "
RUN_MARK = "pytest-atlas: "
_END_OF_BLOCK = re.compile(rf"\[/?({STEP_MARK}|{RUN_MARK}).*\]")


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
    """The identity line of a description: its last one, or that of a step's block in it; empty where there is none."""
    last = description.rstrip().rpartition("\n")[2].strip()
    if last.startswith((STEP_MARK, RUN_MARK)):
        return last
    lines = _lines(description)
    blocks = (line[1:-1] for line in lines if line.startswith("[" + STEP_MARK) and line.endswith("]"))
    return next((mark for mark in blocks if mark in lines), "")


def has_line(description: str, line: str) -> bool:
    """Whether `line` is a line of a description; a server or an editor may have changed the spaces around it."""
    return line in _lines(description)


def description(doc: str, told: Iterable[str], mark: str, attempts: str = "") -> str:
    """A description: the docstring, then what a reader needs first, then the list of attempts and the identity line.

    Docstring and result are limited; attempts and identity line are always whole, since they are read back.
    """
    body = shorten("\n".join(line for line in told if line))
    return "\n\n".join(part for part in (shorten(doc.strip()), body, attempts, mark) if part)


def with_block(theirs: str, name: str, ours: str) -> str:
    """`theirs` with our text behind it, in a block named `name`. A run's own identity line stays the last."""
    mark = mark_of(theirs)
    own_line = mark if mark.startswith(RUN_MARK) else ""
    before = theirs.rstrip().removesuffix(own_line).rstrip()
    return "\n\n".join(part for part in (before, block(name, ours), own_line) if part)


def block(name: str, ours: str) -> str:
    """Our text as a block named `name`."""
    first, last = _ends(name)
    ours = ours.removesuffix(name).strip()
    inside = "\n".join(f"> {line}" if line.strip() == last else line for line in ours.split("\n"))
    return "\n".join([first, *([inside, ""] if inside else []), last])


def without_block(description: str, name: str) -> str:
    """What stands in a description beside our block named `name`: all of it, where the block is not whole."""
    lines = _lines(description)
    first, last = _ends(name)
    if first not in lines or last not in lines[lines.index(first) :]:
        return description.strip()
    start = lines.index(first)
    end = lines.index(last, start)
    written = description.split("\n")
    around = ("\n".join(part).strip() for part in (written[:start], written[end + 1 :]))
    return "\n\n".join(part for part in around if part)


def for_people(description: str) -> str:
    """A description without the lines that are there for us: identities, and the ends of blocks."""
    mark = mark_of(description)
    lines = (line for line in description.split("\n") if line.strip() != mark or not mark)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if not _END_OF_BLOCK.fullmatch(line.strip()))).strip()


def _lines(description: str) -> list[str]:
    """Its lines without the spaces around them: a server or an editor may add or take some."""
    return [line.strip() for line in description.split("\n")]


def _ends(name: str) -> tuple[str, str]:
    """The lines that a block begins and ends with: for a step's, the end is its identity (C1)."""
    return f"[{name}]", name if name.startswith(STEP_MARK) else f"[/{name}]"
