"""Quote commands that are printed for a person to copy. Standard library only."""

import sys
from shlex import join
from subprocess import list2cmdline


def command_line(*words: str) -> str:
    """The words as one command for the shell of this system: each stays one argument, whatever characters it has."""
    return list2cmdline(words) if sys.platform == "win32" else join(words)
