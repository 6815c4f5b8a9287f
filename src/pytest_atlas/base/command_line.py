"""Quote commands that are printed for a person to copy. Standard library only."""

import sys
from shlex import join
from subprocess import list2cmdline


def command_line(*words: str) -> str:
    """Return the words as a command for the shell of this system; each word stays one argument."""
    return list2cmdline(words) if sys.platform == "win32" else join(words)
