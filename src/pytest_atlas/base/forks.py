"""Detect without a system call that this process is a forked child. Standard library only.

A test can replace `os.getpid`, and the recorder compares several times for each test.
"""

import os

_generation = 0


def generation() -> int:
    """Return the number of forks since the import: a forked child has one more than its parent."""
    return _generation


def _count() -> None:
    global _generation  # noqa: PLW0603 - a function that reads a number is the fastest
    _generation += 1


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_count)
