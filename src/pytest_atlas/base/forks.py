"""Whether this process is a child that was forked since some moment, without a system call. Standard library only.

A test can replace `os.getpid`, and the recorder compares several times for each test.
"""

import os

_generation = 0


def generation() -> int:
    """How many forks made this process from the one that imported us: a forked child has one more than its parent."""
    return _generation


def _count() -> None:
    global _generation  # noqa: PLW0603 - a function that reads a number is the fastest
    _generation += 1


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_count)
