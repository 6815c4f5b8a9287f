"""The command `pytest-atlas`. Importing it is fast: each command imports its modules when it runs."""

from .entry import main

__all__ = ["main"]
