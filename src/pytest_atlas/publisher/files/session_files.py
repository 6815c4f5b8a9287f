"""The files of a session, found by the path that a journal gives: it may come from anywhere, so no path in it leads out.

Windows reads more into a path than other systems: drives, shares of other machines (to which it would say who we are),
streams of a file. A path is looked at as text before the system is asked for it.
"""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from pytest_atlas.base.private_files import open_to_read

FOLDER = "files"


def locate(session: Path, name: str, *, is_there: bool = True, windows: bool = os.name == "nt") -> Path:
    """The file that a journal calls `name`, such as `files/3f2a.csv`; with `is_there` it has to be one already.

    Raises ValueError if the path leads out of the session's `files`; OSError if it is no regular file or contains a link.
    """
    if not _is_inside(name, windows=windows):
        raise ValueError(f"{name!r} leads out of the session's folder")
    path = session / name
    if path == session / FOLDER or not path.is_relative_to(session / FOLDER):
        raise ValueError(f"{name!r} leads out of the session's folder")
    if is_there:
        open_to_read(path).close()
    return path


def _is_inside(name: str, *, windows: bool) -> bool:
    parts = PurePosixPath(name).parts
    if windows and (":" in name or "\\" in name or PureWindowsPath(name).drive):
        return False
    return len(parts) > 1 and parts[0] == FOLDER and ".." not in parts and "\0" not in name
