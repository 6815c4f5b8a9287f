"""Control sequences of terminals (ECMA-48): a pattern for them, and the removal of colours. Standard library only."""

import re
from builtins import any, range

CSI = r"(?:\x1b\[|\x9b)"
"""Start of a sequence with parameters (control sequence introducer), as a part of a pattern."""
_STRING = r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x1f\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, images
SEQUENCE = rf"{CSI}[0-?]*[ -/]*[@-~]?|{_STRING}|\x1b[ -/]+[0-~]?|\x1b[0-OQ-WYZ\\`-~]?"
"""A complete or incomplete control sequence, as a part of a pattern."""
INTRODUCERS = ("\x1b", "\x9b", "\x9d", "\x90", "\x98", "\x9e", "\x9f")
"""Characters that begin a sequence."""
MAX_COLOURS = 8
"""Number of different colours that are replaced one by one."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def has_sequences(text: str) -> bool:
    """Return whether `text` has the start of a sequence or a backspace."""
    return "\x08" in text or any(introducer in text for introducer in INTRODUCERS)


def remove_colours(text: str) -> str:
    """Return `text` without colours.

    A log has only a few different colours, and replacing each of them is ten times faster than the pattern.
    """
    bare, count = text, 0
    for _ in range(MAX_COLOURS):
        if (match := _COLOUR.search(bare)) is None:
            break
        count += text.count(match[0])
        bare = bare.replace(match[0], "")
    # Otherwise the text has other or incomplete sequences, and an incomplete one must not become complete without a colour.
    return bare if "\x1b" not in bare and count == text.count("\x1b") else _COLOUR.sub("", text)
