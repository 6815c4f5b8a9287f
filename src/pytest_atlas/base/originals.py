"""Builtin functions as they were at import: a test can replace the names in `builtins` and `io`. Standard library only."""

open_file = open
"""For a path, and instead of `os.fdopen`, which looks `io.open` up at each call."""
