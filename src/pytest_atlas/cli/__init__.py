"""The command `pytest-atlas`. Importing it is quick: what a command needs is imported when it is run."""

from .entry import main

__all__ = ["main"]
