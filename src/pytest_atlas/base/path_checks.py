"""Paths below an `.atlas` directory that are reached without links, and files that only the current user can change.

On Linux the directories of a path are opened one after the other (`openat`), so that none can be replaced between check and
use. Other systems check each directory of the path before each use. Windows has no owner check: there the permissions of the
directory exclude other users. All functions of `os` are bound at import, because a test can patch the originals.
"""

import errno
import os
from builtins import bool, getattr, isinstance, len, str
from collections.abc import Callable, Iterable
from os import close, fstat, sep, unlink, urandom
from os import open as open_descriptor
from os import stat as stat_of
from os.path import abspath, dirname, normcase, realpath
from pathlib import Path
from stat import S_ISLNK, S_ISREG

IS_WINDOWS = os.name == "nt"
DIRECTORY = getattr(os, "O_DIRECTORY", 0)
NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
SAFE = _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
"""Flags for each file: follow no link, don't wait for a FIFO, don't convert line ends."""

_PATH_ONLY = getattr(os, "O_PATH", 0)  # Linux
_OWNER = getattr(os, "geteuid", lambda: 0)
_NAME_SURROGATE = 0x20000000  # bit of a reparse tag of Windows: symbolic links and junctions have it, cloud placeholders don't

ENTRY_SUFFIX = f"{sep}.any"
"""Appended to a directory that is opened itself, as a placeholder for a name in it."""

LINK = "is a link, or a directory of the path is one; pytest-atlas opens no link below its directory. Copy the files there"
NO_FILE = "is not a regular file. Remove it"
HARD_LINK = "has a second name (a hard link), so a change would affect another file. Replace it with a copy"
FOREIGN = "belongs to user id {}. Work as that user, or on a copy of the directory"


class ParentDirectory:
    """A context manager: the name of `path` in its directory, and a descriptor of that directory for `dir_fd`.

    Without O_PATH, it checks each directory, and the name is the whole path and the descriptor None. It doesn't use
    contextlib and pathlib: both look up builtins, which a test can replace.
    """

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._descriptor: int | None = None

    def __enter__(self) -> tuple[str, int | None]:
        try:
            directories, name = _split(self._path)
            if _PATH_ONLY:
                self._descriptor = _open_directory(self._path, directories)
                return name or ".", self._descriptor
            _verify_no_link(self._path)
            return abspath(self._path), None
        except OSError as error:
            self._name(error)
            raise

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._descriptor is not None:
            close(self._descriptor)
        if isinstance(error, OSError):
            self._name(error)

    def _name(self, error: OSError) -> None:
        """Give an error the path instead of the name without its directory."""
        if error.filename is not None:
            error.filename = self._path.removesuffix(ENTRY_SUFFIX)


def open_regular(path: Path | str, name: str, flags: int, directory: int | None) -> int:
    """Open an existing regular file and return its descriptor. Raises OSError for anything else."""
    verify_regular(path, stat_of(name, dir_fd=directory, follow_symlinks=False))  # opening a device can have effects
    descriptor = open_descriptor(name, flags | SAFE, dir_fd=directory)
    try:
        verify_regular(path, fstat(descriptor))
    except BaseException:
        close(descriptor)
        raise
    return descriptor


def has_mode(path: Path | str, is_kind: Callable[[int], bool]) -> bool:
    """Return whether `path` is reached through no link and has a mode of this kind, for example `stat.S_ISDIR`."""
    try:
        with ParentDirectory(path) as (name, directory):
            status = stat_of(name, dir_fd=directory, follow_symlinks=False)
    except (OSError, ValueError):
        return False
    return not is_link_status(status) and is_kind(status.st_mode)


def verify_regular(path: Path | str, status: os.stat_result) -> None:
    """Raise OSError unless `path`, which has this status, is a regular file."""
    if is_link_status(status):
        raise path_error(errno.ELOOP, LINK, path)
    if not S_ISREG(status.st_mode):
        raise path_error(errno.EINVAL, NO_FILE, path)


def verify_owner(path: Path | str, status: os.stat_result, directory: int | None) -> None:
    """Raise OSError if the file belongs to another user or has a second name."""
    if status.st_nlink > 1:
        raise path_error(errno.EMLINK, HARD_LINK, path)
    if not IS_WINDOWS and status.st_uid != _OWNER() and status.st_uid != _owner_of_new_file(path, directory):
        raise path_error(errno.EPERM, FOREIGN.format(status.st_uid), path)


def is_link_status(status: os.stat_result) -> bool:
    """Return whether this is the status of a symbolic link or junction."""
    return S_ISLNK(status.st_mode) or bool(getattr(status, "st_reparse_tag", 0) & _NAME_SURROGATE)


def path_error(number: int, problem: str, path: Path | str) -> OSError:
    """Return an error with the path and the problem as its text, without the number."""
    return OSError(number, problem, str(path))


def _split(path: str) -> tuple[list[str], str]:
    """Return the root and the directories of the absolute path, and its name."""
    directories = path.split(sep)
    if IS_WINDOWS or len(directories) == 1 or directories[0] or not {"", ".", ".."}.isdisjoint(directories[1:]):
        path = abspath(path)  # calls functions that a test can replace; the paths of a session don't need it
        directories = path.split(sep)
    *directories, name = directories
    return directories, name


def _open_directory(path: str, directories: Iterable[str]) -> int:
    descriptor = open_descriptor(sep, _PATH_ONLY | DIRECTORY)
    for name in directories:
        if not name:  # the root
            continue
        try:
            deeper = open_descriptor(name, _PATH_ONLY | DIRECTORY | _NO_LINK, dir_fd=descriptor)
        except OSError as error:
            if error.errno == errno.ENOTDIR and S_ISLNK(stat_of(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                raise path_error(errno.ELOOP, LINK, path) from None
            raise
        finally:
            close(descriptor)
        descriptor = deeper
    return descriptor


def _verify_no_link(path: str) -> None:
    """Check the path on a system without O_PATH. On Windows `realpath` follows junctions and corrects the case."""
    directory = dirname(abspath(path))
    if normcase(realpath(directory)) != normcase(directory):
        raise path_error(errno.ELOOP, LINK, path)


def _owner_of_new_file(path: Path | str, directory: int | None) -> int:
    """Create a file and return its owner: some file systems (CIFS, FAT, NFS with squash) give every file the same owner."""
    probe = f".owner-{urandom(8).hex()}"
    name = probe if directory is not None else f"{dirname(abspath(path))}{sep}{probe}"
    try:
        descriptor = open_descriptor(name, NEW_FILE | SAFE, 0o600, dir_fd=directory)
    except OSError:
        return -1
    try:
        return fstat(descriptor).st_uid
    finally:
        close(descriptor)
        unlink(name, dir_fd=directory)
