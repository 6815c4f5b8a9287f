"""Quote commands that are printed for a person to copy. Standard library only."""

import shlex
import subprocess
import sys


def command_line(*words: str) -> str:
    """The words as one command for the shell of this system: each stays one argument, whatever characters it has."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
