"""Identity lines (contract C1) and the blocks that contain our text in the description of another author. Pure.

The last line of a description that pytest-atlas wrote is its identity line. It is rendered and parsed only here. In a
description that a person or a template wrote, our text is a block:

    What a person wrote.

    [pytest: tests/test_trip.py::test_trip]
    trip time: 96 ms (≤ 100 ms) ok

    pytest: tests/test_trip.py::test_trip
"""

import re
from collections.abc import Iterator

from .texts import one_line, stripped_lines

STEP_PREFIX = "pytest: "
RUN_PREFIX = "pytest-atlas: "
_INSIDE = " > "
_BLOCK_LIMIT = re.compile(rf"\[/?({STEP_PREFIX}|{RUN_PREFIX}).*\]")


def step_identity_line(nodeid: str, *inner: str) -> str:
    """Return the identity line of the step of a test or an inner step. `inner`: the titles from the outermost to its own."""
    return STEP_PREFIX + _INSIDE.join([nodeid.replace("\n", "\\n"), *map(one_line, inner)])


def collection_identity_line(module: str) -> str:
    """Return the identity line of the step of a failed collection."""
    return step_identity_line(module, "collection")


def run_identity_line(key: str) -> str:
    """Return the identity line of the run with this run key."""
    return RUN_PREFIX + key


def identity_line_of(description: str) -> str:
    """Return the identity line of a description: its last line, or that of a step's block in it; empty if there is none."""
    last = description.rstrip().rpartition("\n")[2].strip()
    if last.startswith((STEP_PREFIX, RUN_PREFIX)):
        return last
    lines = stripped_lines(description)
    blocks = (line[1:-1] for line in lines if line.startswith("[" + STEP_PREFIX) and line.endswith("]"))
    return next((line for line in blocks if line in lines), "")


def step_id(description: str) -> str:
    """Return the identity line of a step description without its prefix: the nodeid, and the titles of an inner step."""
    line = identity_line_of(description)
    return line.removeprefix(STEP_PREFIX) if line.startswith(STEP_PREFIX) else ""


def run_key(description: str) -> str:
    """Return the run key of a run description; empty if its last line is not an identity line of a run."""
    line = identity_line_of(description)
    return line.removeprefix(RUN_PREFIX) if line.startswith(RUN_PREFIX) else ""


def is_inside(identity: str, outer: str) -> bool:
    """Return whether `identity` is that of an inner step of `outer`. Both are identity lines, or both come from `step_id`."""
    return identity.startswith(outer + _INSIDE)


def inner_step_range(test: str) -> tuple[str, str]:
    """Return the limits between which the ids of all inner steps of a step sort: first included, last excluded."""
    return test + _INSIDE, test + " >!"


def test_of(step: str) -> str:
    """Return the nodeid of the test of a step or an inner step, from its id. A parameter with ` > ` ends it, too."""
    return step.partition(_INSIDE)[0]


def inner_title(step: str) -> str:
    """Return the titles of an inner step and of the steps around it, from its id; empty for a test."""
    return step.partition(_INSIDE)[2]


def function_of(step: str) -> str:
    """Return the nodeid of a test without its parameters."""
    module, separator, name = test_of(step).partition("::")
    return module + separator + name.partition("[")[0]


def enclosing(identity: str) -> Iterator[str]:
    """Yield the identities of the steps that may enclose an inner step, the outermost first. Titles can contain ` > ` too."""
    parts = identity.split(_INSIDE)
    yield from (_INSIDE.join(parts[:count]) for count in range(1, len(parts)))


def is_in_module(identity: str, module: str) -> bool:
    """Return whether `identity` is that of a test in this module (a path), or of a step inside it."""
    return identity.removeprefix(STEP_PREFIX).startswith(f"{module}::")


def module_of(identity: str) -> str:
    """Return the module (a path) of a test or of a failed collection."""
    return identity.removeprefix(STEP_PREFIX).partition("::")[0].partition(_INSIDE)[0]


def has_line(description: str, line: str) -> bool:
    """Return whether a description has this line, whatever the spaces around it."""
    return line in stripped_lines(description)


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_block_name(title: str) -> str:
    """Return the name of our block in a card, which has no identity line."""
    return RUN_PREFIX + title


def with_block(text: str, name: str, own: str) -> str:
    """Return the `text` of another author with our text after it, in a block. A run identity line stays the last line."""
    identity_line = identity_line_of(text)
    last = identity_line if identity_line.startswith(RUN_PREFIX) else ""
    before = text.rstrip().removesuffix(last).rstrip()
    return "\n\n".join(part for part in (before, block(name, own), last) if part)


def block(name: str, own: str) -> str:
    """Return our text as a block with this name."""
    first, last = _limits(name)
    own = own.removesuffix(name).strip()
    inside = "\n".join(f"> {line}" if line.strip() == last else line for line in own.split("\n"))
    return "\n".join([first, *([inside, ""] if inside else []), last])


def without_block(description: str, name: str) -> str:
    """Return a description without our block; unchanged if the block is not complete."""
    lines = stripped_lines(description)
    first, last = _limits(name)
    if first not in lines or last not in lines[lines.index(first) :]:
        return description.strip()
    start = lines.index(first)
    end = lines.index(last, start)
    written = description.split("\n")
    around = ("\n".join(part).strip() for part in (written[:start], written[end + 1 :]))
    return "\n\n".join(part for part in around if part)


def block_texts(description: str) -> list[str]:
    """Return the text outside of the blocks of a run description, and the text of each block. The first one can be empty."""
    identity_line = identity_line_of(description)
    outside: list[str] = []
    blocks: list[list[str]] = []
    current = outside
    for line in description.split("\n"):
        stripped = line.strip()
        if _BLOCK_LIMIT.fullmatch(stripped):
            current = outside
            if not stripped.startswith("[/"):
                current = []
                blocks.append(current)
        elif stripped != identity_line:
            current.append(line)
    return ["\n".join(part).strip() for part in (outside, *blocks)]


def without_identity(description: str) -> str:
    """Return a description without its identity line and without the first and last lines of blocks."""
    identity_line = identity_line_of(description)
    lines = (line for line in description.split("\n") if not identity_line or line.strip() != identity_line)
    text = "\n".join(line for line in lines if not _BLOCK_LIMIT.fullmatch(line.strip()))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def other_blocks(description: str, name: str) -> str:
    """Return the complete blocks of other sessions in a run description, without the block with this name."""
    lines = stripped_lines(description)
    last_at = {line: number for number, line in enumerate(lines)}
    found: list[str] = []
    at = 0
    while at < len(lines):
        first = lines[at]
        is_block = first.startswith(f"[{RUN_PREFIX}") and first.endswith("]")
        last = f"[/{first[1:]}" if is_block else ""
        if last_at.get(last, 0) > at and is_block:
            end = lines.index(last, at + 1)
            if first[1:-1] != name:
                found.append("\n".join(description.split("\n")[at : end + 1]).strip())
            at = end
        at += 1
    return "\n\n".join(found)


def with_other_blocks(own: str, blocks: str) -> str:
    """Return our whole run description `own` with the `blocks` of other sessions before its identity line."""
    line = identity_line_of(own)
    before = own.rstrip().removesuffix(line).rstrip()
    return "\n\n".join(part for part in (before, blocks, line) if part)


def _limits(name: str) -> tuple[str, str]:
    """Return the first and the last line of a block. The last line of a step's block is its identity line (C1)."""
    return f"[{name}]", name if name.startswith(STEP_PREFIX) else f"[/{name}]"
