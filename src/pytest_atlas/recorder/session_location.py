"""Where a session is recorded: the folder that the user named, or the first of the usual ones that can be written."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_atlas.base import atlas_directory, private_files
from pytest_atlas.journal import session_dir
from pytest_atlas.settings import SettingError, Settings


class SessionLocation(NamedTuple):
    """A session's folder, just made."""

    atlas_dir: Path
    session: Path
    remark: str = ""  # why it is not the usual one


def make(config: pytest.Config, settings: Settings, at: float) -> SessionLocation:
    """Make the folder of a session that begins at `at` (Unix seconds). Raises SettingError where none can be made."""
    if settings.atlas_dir is not None:
        return _named(config, settings, at)
    usual = private_files.resolve_links(config.rootpath) / atlas_directory.NAME
    why = ""
    places: tuple[Callable[[], Path], ...] = (lambda: usual, _in_home, atlas_directory.temporary)
    for find in places:
        try:
            folder = find()
            place = SessionLocation(folder, session_dir.create(folder, at))
        except OSError as error:
            why = why or str(error)
            continue
        return place if folder == usual else place._replace(remark=f"recording into {folder}: the usual one fails ({why})")
    raise SettingError(f"--atlas-dir: no folder to record into can be written ({why}). Name one that can")


def _in_home() -> Path:
    """Raises OSError for a user without a home directory. `Path.home` raises RuntimeError then."""
    home = os.path.expanduser("~")
    if not os.path.isdir(home):
        raise FileNotFoundError(f"there is no home directory {home}")
    return private_files.resolve_links(home) / atlas_directory.NAME


def resolved(config: pytest.Config, option: str, path: Path, source: str) -> Path:
    """A user's path: relative to the ini file where it is named there, else to where pytest was called. Raises SettingError."""
    by_ini = source.endswith("(ini file)")
    base = (config.inipath.parent if config.inipath else config.rootpath) if by_ini else config.invocation_params.dir
    whole = Path(os.path.normpath(base / os.path.expanduser(path)))  # a Path's own expanduser may raise
    if option in map(str, config.invocation_params.args):
        # Before it loads plugins, pytest takes a path behind an option that it does not know yet for one of tests: where it
        # exists, another rootdir and another ini file come of it.
        raise SettingError(f"{option}: behind a space pytest takes a path for one of tests. Write {option}={whole}")
    return whole


def _named(config: pytest.Config, settings: Settings, at: float) -> SessionLocation:
    """The user's folder."""
    assert settings.atlas_dir is not None
    folder = resolved(config, "--atlas-dir", settings.atlas_dir, settings.atlas_dir_from)
    if private_files.is_link(folder) and settings.atlas_dir_from.endswith("(ini file)"):  # it can come with a pull request
        raise SettingError(
            f"{settings.atlas_dir_from}: {str(folder)!r} is a link. Name the directory with --atlas-dir or ATLAS_DIR"
        )
    folder = private_files.resolve_links(folder)
    try:
        return SessionLocation(folder, session_dir.create(folder, at))
    except OSError as error:
        raise SettingError(
            f"{settings.atlas_dir_from}: {str(folder)!r} can't be written ({error}). Name a folder that can"
        ) from None
