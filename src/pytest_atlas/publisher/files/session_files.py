"""Locate the files of a session. The journal is untrusted input, so its paths must not leave the session directory.

On Windows, a path can name a drive, a share of another machine (which would receive our user name), or a stream of a file. The
text of a path is therefore checked before the operating system uses it.
"""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from pytest_atlas.base.private_files import open_to_read

DIRECTORY = "files"


def locate(session: Path, name: str, *, is_there: bool = True, windows: bool = os.name == "nt") -> Path:
    """Return the path of the file `name` in the journal, such as `files/3f2a.csv`. With `is_there`, it must exist.

    Raises ValueError if the path leaves the directory `files`; OSError if it is not a regular file or contains a link.
    """
    if not _is_inside(name, windows=windows):
        raise ValueError(f"{name!r} is not in the session directory")
    path = session / name
    if path == session / DIRECTORY or not path.is_relative_to(session / DIRECTORY):
        raise ValueError(f"{name!r} is not in the session directory")
    if is_there:
        open_to_read(path).close()
    return path


def _is_inside(name: str, *, windows: bool) -> bool:
    parts = PurePosixPath(name).parts
    if windows and (":" in name or "\\" in name or PureWindowsPath(name).drive):
        return False
    return len(parts) > 1 and parts[0] == DIRECTORY and ".." not in parts and "\0" not in name
