"""Keep the files of pytest-atlas out of the collection: copies of attachments can be called like tests or have their suffix.

Active in every session, also in one that is not recorded, and independent of `norecursedirs` and of the hooks of conftest.py
files. Standard library and pytest only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from os.path import abspath, isdir, isfile, join, realpath
from pathlib import Path
from typing import Any

import pytest

ATLAS_DIR = ".atlas"
STORE = "atlas.db"
SESSIONS, OBJECTS = "sessions", "objects"
_SESSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


class EmptyDirectory(pytest.Directory):
    """A directory of pytest-atlas that is named on the command line. Nothing in it is collected."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Return the directories in it that the command line names, because pytest would report them as missing."""
        for name in _names(str(self.path)):
            path = self.path / name
            if self.session.isinitpath(path, with_parents=True) and path.is_dir():
                yield EmptyDirectory.from_parent(self, path=path)


class OwnFiles:
    """Recognizes the directories that pytest-atlas has created: by the settings, and those of other sessions by their form."""

    def __init__(self, root: Path, named: frozenset[str]) -> None:
        """`root`: pytest's rootdir, which is never ignored as a whole. `named`: absolute paths from --atlas-dir."""
        self._above = {str(root), *map(str, root.parents)}
        self._named = named
        self._known: dict[str, bool] = {}

    def has(self, path: Path) -> bool:
        """Return whether a file or directory belongs to pytest-atlas, with all that is in it."""
        return self._is_inside(str(path)) or (path.name.startswith(STORE) and self._is_atlas_dir(str(path.parent)))

    def _is_inside(self, path: str) -> bool:
        if path not in self._known:
            parent, name = os.path.split(path)
            is_inside = path not in self._above and (self._is_root(path, parent, name) or self._is_inside(parent))
            self._known[path] = is_inside
        return self._known[path]

    def _is_root(self, path: str, parent: str, name: str) -> bool:
        """A directory that the user has created for other files, too, is not ignored as a whole."""
        if name == ATLAS_DIR:
            return True
        if name in (SESSIONS, OBJECTS):
            return self._is_atlas_dir(parent)
        if _SESSION.fullmatch(name):
            return _has_journal(path)
        return self._is_atlas_dir(path) and _is_ignored_by_git(path)

    def _is_atlas_dir(self, path: str) -> bool:
        return path in self._named or isfile(join(path, STORE)) or _has_session(join(path, SESSIONS))


def _has_session(path: str) -> bool:
    return isdir(path) and any(map(_SESSION.fullmatch, _names(path)))


def _has_journal(path: str) -> bool:
    return any(name.startswith("journal") and name.endswith(".jsonl") for name in _names(path))


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _is_ignored_by_git(path: str) -> bool:
    """Return whether it has the .gitignore of a directory that pytest-atlas has created."""
    try:
        with open(join(path, ".gitignore"), "rb") as file:
            return file.read(8) == b"*\n"
    except OSError:
        return False


class CollectionFilter:
    """Plugin that excludes the files. Wrappers, because a conftest.py can collect any file."""

    def __init__(self, config: pytest.Config) -> None:
        self._own = OwnFiles(config.rootpath, frozenset(_named(config)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> Generator[None, bool | None, bool | None]:
        """Ignore the files of pytest-atlas."""
        result = yield
        return self._own.has(collection_path) or result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
        """Collect nothing of a directory on the command line: pytest doesn't ask whether to ignore it."""
        result = yield
        return EmptyDirectory.from_parent(parent, path=path) if self._own.has(path) else result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collect_file(self, file_path: Path) -> Generator[None, Any, Any]:
        """Collect nothing of a file on the command line, for the same reason."""
        result = yield
        return [] if self._own.has(file_path) else result


def _named(config: pytest.Config) -> Iterator[str]:
    """The directory that the option, the variable or the ini file names, relative to what each of them is relative to."""
    ini = config.inipath.parent if config.inipath else config.rootpath
    called_from = config.invocation_params.dir
    for base, name in (
        (called_from, config.getoption("atlas_dir", None)),
        (called_from, os.environ.get("ATLAS_DIR", "").strip()),
        (ini, config.getini("atlas_dir")),
    ):
        if name:
            path = abspath(base / os.path.expanduser(name))
            yield from (path, realpath(path))
