"""Where a session is recorded: the folder that the user named, or the first of the usual ones that can be written."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_atlas.journal import session_dir
from pytest_atlas.settings import Misuse, Settings


class Place(NamedTuple):
    """A session's folder, just made."""

    atlas_dir: Path
    session: Path
    remark: str = ""  # why it is not the usual one


def make(config: pytest.Config, settings: Settings, at: float) -> Place:
    """Make the folder of a session that begins at `at` (Unix seconds). Raises Misuse where none can be made."""
    if settings.atlas_dir is not None:
        return _named(config, settings, at)
    usual = Path(config.rootpath) / ".atlas"
    why = ""
    for folder in _usual(usual):
        try:
            place = Place(folder, session_dir.create(folder, at))
        except OSError as error:
            why = why or str(error)
            continue
        return place if folder == usual else place._replace(remark=f"recording into {folder}: the usual one fails ({why})")
    raise Misuse(f"--atlas-dir: no folder to record into can be written ({why}). Name one that can")


def _usual(first: Path) -> Iterator[Path]:
    yield first
    yield Path("~").expanduser() / ".atlas"
    # A name of our own choice could be somebody else's there.
    yield Path(tempfile.mkdtemp(prefix="atlas-"))


def resolved(config: pytest.Config, option: str, path: Path, source: str) -> Path:
    """A user's path: relative to the ini file where it is named there, else to where pytest was called. Raises Misuse."""
    by_ini = source.endswith("(ini file)")
    base = (config.inipath.parent if config.inipath else config.rootpath) if by_ini else config.invocation_params.dir
    whole = Path(os.path.normpath(base / os.path.expanduser(path)))  # a Path's own expanduser may raise
    if option in map(str, config.invocation_params.args):
        # Before it loads plugins, pytest takes a path behind an option that it does not know yet for one of tests: where it
        # exists, another rootdir and another ini file come of it.
        raise Misuse(f"{option}: behind a space pytest takes a path for one of tests. Write {option}={whole}")
    return whole


def _named(config: pytest.Config, settings: Settings, at: float) -> Place:
    """The user's folder."""
    assert settings.atlas_dir is not None
    folder = resolved(config, "--atlas-dir", settings.atlas_dir, settings.atlas_dir_from)
    try:
        return Place(folder, session_dir.create(folder, at))
    except OSError as error:
        raise Misuse(f"{settings.atlas_dir_from}: {str(folder)!r} can't be written ({error}). Name a folder that can") from None
