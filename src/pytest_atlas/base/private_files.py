"""The only module that opens, creates and deletes files below an `.atlas` directory. Standard library only.

A session directory or a whole `.atlas` can come from a CI artifact or a repository. Therefore nothing is opened through a
link or a linked directory; only regular files and directories are used, so that a FIFO or a device blocks nothing; and only
files of the current user without a second name are appended to. `resolve_links` removes the links above a directory that the
user named; a link in a path that these functions get is an error. See `path_checks`.
"""

import errno
import os
from builtins import sorted, str
from contextlib import suppress
from io import BufferedReader
from os import SEEK_END, SEEK_SET, close, fstat, fsync, listdir, lseek, mkdir, read, replace, unlink
from os import open as open_descriptor
from os import stat as stat_of
from os.path import realpath
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from time import sleep
from typing import TextIO

from .clock import monotonic
from .originals import open_file
from .path_checks import (
    DIRECTORY,
    ENTRY_SUFFIX,
    IS_WINDOWS,
    LINK,
    NEW_FILE,
    SAFE,
    ParentDirectory,
    has_mode,
    is_link_status,
    open_regular,
    path_error,
    verify_owner,
    verify_regular,
)

REPLACE_TIMEOUT_S = 2.0
"""Longest wait for a reader to close a file before it is replaced."""


def resolve_links(path: str | Path) -> Path:
    """Return the absolute path without links of a file or directory that the user named. It doesn't have to exist."""
    return Path(realpath(path))


def is_link(path: Path | str) -> bool:
    """Return whether `path` itself is a symbolic link or, on Windows, a junction."""
    try:
        return is_link_status(stat_of(path, follow_symlinks=False))
    except (OSError, ValueError):
        return False


def is_file(path: Path | str) -> bool:
    """Return whether `path` is a regular file, reached through no link."""
    return has_mode(path, S_ISREG)


def is_directory(path: Path | str) -> bool:
    """Return whether `path` is a directory, reached through no link."""
    return has_mode(path, S_ISDIR)


def open_to_read(path: Path | str) -> BufferedReader:
    """Open the regular file at `path`. Raises OSError, also for a link, a directory, a FIFO or a device."""
    with ParentDirectory(path) as (name, directory):
        return open_file(open_regular(path, name, os.O_RDONLY, directory), "rb")


def open_to_append(path: Path | str) -> int:
    """Open the file at `path` and return its descriptor; create it with mode 0600 if it doesn't exist.

    Raises OSError, also if the file belongs to another user or has a second name (a hard link).
    """
    with ParentDirectory(path) as (name, directory):
        try:
            return open_descriptor(name, NEW_FILE | os.O_APPEND | SAFE, 0o600, dir_fd=directory)
        except FileExistsError:
            pass
        descriptor = open_regular(path, name, os.O_RDWR | os.O_APPEND, directory)
        try:
            verify_owner(path, fstat(descriptor), directory)
        except BaseException:
            close(descriptor)
            raise
        return descriptor


def create(path: Path | str) -> int:
    """Create a file with mode 0600 and return its descriptor. Raises OSError, also if the name exists."""
    with ParentDirectory(path) as (name, directory):
        return open_descriptor(name, NEW_FILE | SAFE, 0o600, dir_fd=directory)


def verify_own(path: Path | str) -> None:
    """Check a file that another library opens by its path, as `open_to_append` does. It doesn't have to exist."""
    with suppress(FileNotFoundError), ParentDirectory(path) as (name, directory):
        status = stat_of(name, dir_fd=directory, follow_symlinks=False)
        verify_regular(path, status)
        verify_owner(path, status, directory)


class Replacement:
    """A context manager that replaces the text file at `path` when the block ends. If the block raises, the old file remains.

    A link with this name is replaced, too; its target doesn't change. Raises OSError.
    """

    __slots__ = ("_file", "_new", "_path")

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._new = f"{path}.new"

    def __enter__(self) -> TextIO:
        delete(self._new)
        self._file: TextIO = open_file(create(self._new), "w", encoding="utf-8", newline="")
        return self._file

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            self._file.close()
            if error is None:
                move(self._new, self._path)
                return
        except BaseException:
            delete(self._new)
            raise
        delete(self._new)  # a part of a file of 1 GiB would take its space until the next attempt


def move(source: Path | str, target: Path | str) -> None:
    """Rename the file `source` to `target` and replace a file or link of that name. Raises OSError."""
    deadline = monotonic() + REPLACE_TIMEOUT_S
    with ParentDirectory(source) as (old, old_directory), ParentDirectory(target) as (new, new_directory):
        while True:
            try:
                return replace(old, new, src_dir_fd=old_directory, dst_dir_fd=new_directory)
            except PermissionError:  # Windows and its network drives, while another process has the file open
                if monotonic() > deadline:
                    raise
                sleep(0.005)


def delete(path: Path | str) -> None:
    """Delete the file or link at `path` if it exists. The caller checks that pytest-atlas creates such names."""
    try:
        with ParentDirectory(path) as (name, directory):
            unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass


def make_directory(path: Path | str, *, exist_ok: bool = True) -> None:
    """Create a directory with mode 0700 in an existing directory. Raises OSError, also if the name is a link or a file."""
    with ParentDirectory(path) as (name, directory):
        try:
            mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            status = stat_of(name, dir_fd=directory, follow_symlinks=False)
            if is_link_status(status):
                raise path_error(errno.ELOOP, LINK, path) from None
            if not (exist_ok and S_ISDIR(status.st_mode)):
                raise


def list_names(directory: Path) -> list[str]:
    """Return the sorted names in `directory`. Raises OSError, also if it is reached through a link."""
    with ParentDirectory(f"{directory}{ENTRY_SUFFIX}") as (_, parent):
        if parent is None:
            return sorted(listdir(directory))
        descriptor = open_descriptor(".", os.O_RDONLY | DIRECTORY, dir_fd=parent)
    try:
        return sorted(listdir(descriptor))
    finally:
        close(descriptor)


def list_files(directory: Path, prefix: str, suffix: str) -> list[Path]:
    """Return the sorted paths of any kind in `directory` with such names. Raises OSError, see `list_names`."""
    return [directory / name for name in list_names(directory) if name.startswith(prefix) and name.endswith(suffix)]


def modified_at(path: Path | str) -> float:
    """Return the time of the last change of the regular file at `path` in Unix seconds. Raises OSError."""
    with ParentDirectory(path) as (name, directory):
        status = stat_of(name, dir_fd=directory, follow_symlinks=False)
    verify_regular(path, status)
    return status.st_mtime


def has_incomplete_line(descriptor: int) -> bool:
    """Return whether the file ends without a newline, because of a crash or a full disk."""
    size = lseek(descriptor, 0, SEEK_END)
    if not size:
        return False
    lseek(descriptor, size - 1, SEEK_SET)
    return read(descriptor, 1) != b"\n"


def sync_directory(directory: Path) -> None:
    """Write the names in `directory` to the disk, so that they survive power loss. Windows does so without a call."""
    if IS_WINDOWS:
        return
    with ParentDirectory(f"{directory}{ENTRY_SUFFIX}") as (_, parent):
        descriptor = open_descriptor("." if parent is not None else str(directory), os.O_RDONLY | DIRECTORY, dir_fd=parent)
    try:
        fsync(descriptor)
    finally:
        close(descriptor)
