"""The only place that opens, creates and deletes files below an `.atlas` directory. Standard library only.

A session directory or a whole `.atlas` can come from a CI artifact or a repository. Therefore nothing is opened through a
link, also not through a linked directory; only regular files and directories are used, so that a FIFO or a device blocks
nothing; and only files of the current user that have one name are appended to. `resolved` removes the links above a directory
that the user named; a link in a path that these functions get is an error.

On Linux the directories of a path are opened one after the other (`openat`), so that none can be replaced between check and
use. Other systems check each directory of the path before each use. Windows has no owner check: there the permissions of the
directory exclude other users. All functions of `os` are bound at import, because a test can patch the originals.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from os import SEEK_END, SEEK_SET, close, fstat, fsync, listdir, lseek, mkdir, read, replace, unlink, urandom
from os import open as open_descriptor
from os import stat as stat_of
from os.path import abspath, dirname, normcase, realpath
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from time import sleep
from typing import TextIO

from .clock import monotonic
from .originals import open_file

REPLACE_TIMEOUT_S = 2.0
"""Longest wait for a reader to close a file that is to be replaced."""

_IS_WINDOWS = os.name == "nt"
_PATH_ONLY = getattr(os, "O_PATH", 0)  # Linux
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_SAFE = _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
_OWNER = getattr(os, "geteuid", lambda: 0)
_NAME_SURROGATE = 0x20000000  # bit of a reparse tag of Windows: symbolic links and junctions have it, cloud placeholders don't

_ANY = ".any"  # a name in a directory that is opened itself

LINK = "is a link, or a directory of the path is one; pytest-atlas opens no link below its directory. Copy the files there"
NO_FILE = "is not a regular file. Remove it"
HARD_LINK = "has a second name (a hard link), so a change would reach a file elsewhere. Replace it by a copy"
FOREIGN = "belongs to user id {}. Work as that user, or on a copy of the directory"


def resolved(path: str | Path) -> Path:
    """Return the absolute path without links of what the user named. It doesn't have to exist."""
    return Path(realpath(path))


def is_link(path: Path) -> bool:
    """Return whether `path` itself is a symbolic link or, on Windows, a junction."""
    try:
        return _is_link(stat_of(path, follow_symlinks=False))
    except (OSError, ValueError):
        return False


def is_file(path: Path) -> bool:
    """Return whether there is a regular file at `path`, reached through no link."""
    return _has_mode(path, S_ISREG)


def is_directory(path: Path) -> bool:
    """Return whether there is a directory at `path`, reached through no link."""
    return _has_mode(path, S_ISDIR)


def open_to_read(path: Path) -> BufferedReader:
    """Open the regular file at `path`. Raises OSError, also for a link, a directory, a FIFO or a device."""
    with _parent(path) as (name, directory):
        return open_file(_open_regular(path, name, os.O_RDONLY, directory), "rb")


def open_to_append(path: Path) -> int:
    """Open a descriptor of the file at `path`, which is created with mode 0600 if it doesn't exist.

    Raises OSError, also if the file belongs to another user or has a second name (a hard link).
    """
    with _parent(path) as (name, directory):
        with suppress(FileExistsError):
            return open_descriptor(name, _NEW | os.O_APPEND | _SAFE, 0o600, dir_fd=directory)
        descriptor = _open_regular(path, name, os.O_RDWR | os.O_APPEND, directory)
        try:
            _verify_own(path, fstat(descriptor), directory)
        except BaseException:
            close(descriptor)
            raise
        return descriptor


def create(path: Path) -> int:
    """Create a file with mode 0600 and return its descriptor. Raises OSError, also if anything has this name."""
    with _parent(path) as (name, directory):
        return open_descriptor(name, _NEW | _SAFE, 0o600, dir_fd=directory)


def verify_own(path: Path) -> None:
    """Check a file that another library opens by its path. It doesn't have to exist. Raises OSError, as open_to_append."""
    with suppress(FileNotFoundError), _parent(path) as (name, directory):
        found = stat_of(name, dir_fd=directory, follow_symlinks=False)
        _verify_regular(path, found)
        _verify_own(path, found, directory)


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Replace the text file at `path` when the block ends. If an error leaves the block, the old file stays.

    What has this name is replaced, never written through. Raises OSError.
    """
    new = Path(f"{path}.new")
    delete(new)
    try:
        with open_file(create(new), "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:  # a part of a file of 1 GiB would need its space until the next try
        delete(new)
        raise
    move(new, path)


def move(source: Path, target: Path) -> None:
    """Give the file `source` the name `target`, replacing a file or link of that name. Raises OSError."""
    deadline = monotonic() + REPLACE_TIMEOUT_S
    with _parent(source) as (old, old_directory), _parent(target) as (new, new_directory):
        while True:
            try:
                return replace(old, new, src_dir_fd=old_directory, dst_dir_fd=new_directory)
            except PermissionError:  # Windows and its network drives, while another process has the file open
                if monotonic() > deadline:
                    raise
                sleep(0.005)


def delete(path: Path) -> None:
    """Delete the file or link at `path`, if there is one. The caller checks that its name has a form that we create."""
    with suppress(FileNotFoundError), _parent(path) as (name, directory):
        unlink(name, dir_fd=directory)


def make_directory(path: Path, *, exist_ok: bool = True) -> None:
    """Create a directory with mode 0700 in an existing one. Raises OSError, also if a link or a file has this name."""
    with _parent(path) as (name, directory):
        try:
            mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            found = stat_of(name, dir_fd=directory, follow_symlinks=False)
            if _is_link(found):
                raise _error(errno.ELOOP, LINK, path) from None
            if not (exist_ok and S_ISDIR(found.st_mode)):
                raise


def names(directory: Path) -> list[str]:
    """Return the names in `directory`, sorted. Raises OSError, also if it is reached through a link."""
    with _parent(directory / _ANY) as (_, parent):
        if parent is None:
            return sorted(listdir(directory))
        descriptor = open_descriptor(".", os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    try:
        return sorted(listdir(descriptor))
    finally:
        close(descriptor)


def files(directory: Path, prefix: str, suffix: str) -> list[Path]:
    """Return the paths in `directory` with such names, sorted, whatever they are. Raises OSError, as `names`."""
    return [directory / name for name in names(directory) if name.startswith(prefix) and name.endswith(suffix)]


def modified_at(path: Path) -> float:
    """Return the time of the last change of the regular file at `path` in Unix seconds. Raises OSError."""
    with _parent(path) as (name, directory):
        found = stat_of(name, dir_fd=directory, follow_symlinks=False)
    _verify_regular(path, found)
    return found.st_mtime


def ends_torn(descriptor: int) -> bool:
    """Return whether the file ends without a newline: a crash or a full disk left its last line incomplete."""
    size = lseek(descriptor, 0, SEEK_END)
    if not size:
        return False
    lseek(descriptor, size - 1, SEEK_SET)
    return read(descriptor, 1) != b"\n"


def sync_folder(folder: Path) -> None:
    """Make a new file's name survive power loss. Windows can't open directories and needs no such call."""
    if _IS_WINDOWS:
        return
    with _parent(folder / _ANY) as (_, parent):
        descriptor = open_descriptor("." if parent is not None else str(folder), os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    try:
        fsync(descriptor)
    finally:
        close(descriptor)


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _parent(path: Path) -> Iterator[tuple[str, int | None]]:
    """Yield what `path` is called in its directory, and the descriptor of that directory for the functions of `os`.

    Without O_PATH the whole path and None, after a check of each directory.
    """
    whole = abspath(path)
    try:
        if _PATH_ONLY:
            directory = _open_directory(Path(whole).parent)
            try:
                yield Path(whole).name or ".", directory
            finally:
                close(directory)
        else:
            _verify_no_link(path, dirname(whole))
            yield whole, None
    except OSError as error:
        if error.filename is not None:  # only the name in the directory
            error.filename = str(path.parent if path.name == _ANY else path)
        raise


def _open_directory(path: Path) -> int:
    descriptor = open_descriptor(path.anchor, _PATH_ONLY | _DIRECTORY)
    for part in path.parts[1:]:
        try:
            deeper = open_descriptor(part, _PATH_ONLY | _DIRECTORY | _NO_LINK, dir_fd=descriptor)
        except OSError as error:
            if error.errno == errno.ENOTDIR and S_ISLNK(stat_of(part, dir_fd=descriptor, follow_symlinks=False).st_mode):
                raise _error(errno.ELOOP, LINK, path) from None
            raise
        finally:
            close(descriptor)
        descriptor = deeper
    return descriptor


def _verify_no_link(path: Path, directory: str) -> None:
    """The check for systems without O_PATH. On Windows `realpath` follows junctions and corrects upper and lower case."""
    if normcase(realpath(directory)) != normcase(directory):
        raise _error(errno.ELOOP, LINK, path)


def _open_regular(path: Path, name: str, flags: int, directory: int | None) -> int:
    _verify_regular(path, stat_of(name, dir_fd=directory, follow_symlinks=False))  # opening a device can have effects
    descriptor = open_descriptor(name, flags | _SAFE, dir_fd=directory)
    try:
        _verify_regular(path, fstat(descriptor))
    except BaseException:
        close(descriptor)
        raise
    return descriptor


def _verify_regular(path: Path, found: os.stat_result) -> None:
    if _is_link(found):
        raise _error(errno.ELOOP, LINK, path)
    if not S_ISREG(found.st_mode):
        raise _error(errno.EINVAL, NO_FILE, path)


def _verify_own(path: Path, found: os.stat_result, directory: int | None) -> None:
    if found.st_nlink > 1:
        raise _error(errno.EMLINK, HARD_LINK, path)
    if not _IS_WINDOWS and found.st_uid != _OWNER() and found.st_uid != _owner_of_new_file(path, directory):
        raise _error(errno.EPERM, FOREIGN.format(found.st_uid), path)


def _owner_of_new_file(path: Path, directory: int | None) -> int:
    """Some file systems (CIFS, FAT, NFS with squash) give every file the same owner: find out by creating one."""
    probe = f".owner-{urandom(8).hex()}"
    place = probe if directory is not None else str(path.with_name(probe))
    try:
        descriptor = open_descriptor(place, _NEW | _SAFE, 0o600, dir_fd=directory)
    except OSError:
        return -1
    try:
        return fstat(descriptor).st_uid
    finally:
        close(descriptor)
        unlink(place, dir_fd=directory)


def _has_mode(path: Path, is_kind: Callable[[int], bool]) -> bool:
    try:
        with _parent(path) as (name, directory):
            found = stat_of(name, dir_fd=directory, follow_symlinks=False)
    except (OSError, ValueError):
        return False
    return not _is_link(found) and is_kind(found.st_mode)


def _is_link(found: os.stat_result) -> bool:
    return S_ISLNK(found.st_mode) or bool(getattr(found, "st_reparse_tag", 0) & _NAME_SURROGATE)


def _error(number: int, problem: str, path: Path) -> OSError:
    """Return an error whose text is the path and the problem, without the number."""
    return OSError(number, problem, str(path))
