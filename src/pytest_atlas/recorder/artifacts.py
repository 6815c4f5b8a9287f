"""Record the files in a test's `tmp_path` that match a pattern (ini key atlas_artifacts)."""

import re
from builtins import any, bool, getattr, isinstance, len, map, range, sorted, tuple
from collections.abc import Iterator
from fnmatch import translate
from os import name as system
from os import sep, walk
from os.path import islink
from pathlib import Path
from re import compile as compile_pattern

import pytest

from .internal_errors import InternalErrors, guarded
from .losses import reason
from .tests import TestRecorder

MAX_FILES = 1000
"""Largest number of files of one test: a pattern that matches all files must not fill the disk twice."""

Part = re.Pattern[str] | None

_FLAGS = re.IGNORECASE if system == "nt" else 0


class ArtifactCollector:
    """Searches before the teardown of the test, in which pytest may remove the directory."""

    def __init__(self, tests: TestRecorder, patterns: tuple[str, ...], internal_errors: InternalErrors) -> None:
        self.internal_errors = internal_errors
        self._tests = tests
        self._patterns = tuple(map(_parts, patterns))

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Record the matching files. A file that can't be read doesn't affect the others."""
        root = getattr(item, "funcargs", {}).get("tmp_path")
        context = self._tests.context(item)
        if context is None or not isinstance(root, Path):
            return
        problems: list[OSError] = []
        found = sorted(path for path in _files(root, problems) if self._matches_any(path.relative_to(root).parts))
        for path in found[:MAX_FILES]:
            context.keep(path.name, lambda spool, path=path: spool.file(path, path.suffix))  # type: ignore[misc]
        for error in problems:
            self.internal_errors.losses.add("directory", item.nodeid, f"{error.filename}: {reason(error)}")
        if len(found) > MAX_FILES:
            context.note(f"{len(found) - MAX_FILES} more files match atlas_artifacts and were not recorded")

    def _matches_any(self, names: tuple[str, ...]) -> bool:
        return any(_matches(parts, names) for parts in self._patterns)


def _files(root: Path, problems: list[OSError]) -> Iterator[Path]:
    """Return all files below `root`, without links. A directory that was deleted meanwhile is ignored."""

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            problems.append(error)

    for directory, _, names in walk(root, onerror=note):
        for name in names:
            path = Path(directory + sep + name)
            if not islink(path) and path.is_file():
                yield path


def _parts(pattern: str) -> tuple[Part, ...]:
    """Return the parts of a pattern: `*.csv` matches in every directory, as with `rglob`; None means `**`."""
    parts = [part for part in pattern.replace("\\", "/").split("/") if part not in ("", ".")]
    return (None, *(None if part == "**" else compile_pattern(translate(part), _FLAGS) for part in parts))


def _matches(parts: tuple[Part, ...], names: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    first, *_ = parts
    if first is None:
        return any(_matches(parts[1:], names[n:]) for n in range(len(names) + 1))
    return bool(names) and bool(first.match(names[0])) and _matches(parts[1:], names[1:])
