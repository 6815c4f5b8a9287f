"""Files that are only appended to, as contract C3 has them: how one is opened, and whether its last line is whole."""

import os
from pathlib import Path

from .owned import opener


def open_to_append(path: Path) -> int:
    """A descriptor of the file at `path`, made where it is not there, readable by its owner only. Raises OSError."""
    return opener(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0))


def ends_torn(descriptor: int) -> bool:
    """Whether the file ends without a newline: its last line was torn by a crash, or by a full disk."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def sync_folder(folder: Path) -> None:
    """Make a new file's name survive power loss. Windows can't open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
