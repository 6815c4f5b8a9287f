"""Create the session directory: in the directory that the user named, or in the first writable default directory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_atlas.base import atlas_directory, private_files
from pytest_atlas.journal import session_dir
from pytest_atlas.settings import SettingError
from pytest_atlas.settings.parsed import Settings


class SessionLocation(NamedTuple):
    """A new session directory."""

    atlas_dir: Path
    session: Path
    remark: str = ""  # why it is not below the rootdir


def make(config: pytest.Config, settings: Settings, at: float) -> SessionLocation:
    """Create the directory of a session that begins at `at` (Unix seconds). Raises SettingError if no directory is writable."""
    if settings.atlas_dir is not None:
        return _named(config, settings, at)
    usual = private_files.resolve_links(config.rootpath) / atlas_directory.NAME
    why = ""
    places: tuple[Callable[[], Path], ...] = (lambda: usual, _in_home, atlas_directory.temporary)
    for find in places:
        try:
            directory = find()
            place = SessionLocation(directory, session_dir.create(directory, at))
        except OSError as error:
            why = why or str(error)
            continue
        return (
            place
            if directory == usual
            else place._replace(remark=f"recording into {directory}, because the default directory fails ({why})")
        )
    raise SettingError(f"--atlas-dir: no default directory is writable ({why}). Name a writable directory")


def _in_home() -> Path:
    """Return `~/.atlas`. Raises OSError for a user without a home directory, for whom `Path.home` raises RuntimeError."""
    home = os.path.expanduser("~")
    if not os.path.isdir(home):
        raise FileNotFoundError(f"there is no home directory {home}")
    return private_files.resolve_links(home) / atlas_directory.NAME


def resolved(config: pytest.Config, option: str, path: Path, source: str) -> Path:
    """Return the absolute path of a setting, relative to the ini file or to the invocation directory. Raises SettingError."""
    by_ini = source.endswith("(ini file)")
    base = (config.inipath.parent if config.inipath else config.rootpath) if by_ini else config.invocation_params.dir
    whole = Path(os.path.normpath(base / os.path.expanduser(path)))  # a Path's own expanduser may raise
    if option in map(str, config.invocation_params.args):
        # Before pytest loads plugins, it takes the argument of an unknown option for a test path. If it exists, pytest may
        # choose another rootdir and another ini file.
        raise SettingError(f"{option}: pytest takes a path after a space for a test path. Write {option}={whole}")
    return whole


def _named(config: pytest.Config, settings: Settings, at: float) -> SessionLocation:
    """Create the session directory in the directory that the user named."""
    assert settings.atlas_dir is not None
    directory = resolved(config, "--atlas-dir", settings.atlas_dir, settings.atlas_dir_from)
    if private_files.is_link(directory) and settings.atlas_dir_from.endswith("(ini file)"):  # it can come with a pull request
        raise SettingError(
            f"{settings.atlas_dir_from}: {str(directory)!r} is a link. Name the directory with --atlas-dir or ATLAS_DIR"
        )
    directory = private_files.resolve_links(directory)
    try:
        return SessionLocation(directory, session_dir.create(directory, at))
    except OSError as error:
        raise SettingError(
            f"{settings.atlas_dir_from}: {str(directory)!r} can't be written ({error}). Name a writable directory"
        ) from None
