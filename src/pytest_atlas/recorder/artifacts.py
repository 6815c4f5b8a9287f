"""Files that other tools leave in a test's `tmp_path`, picked up by pattern (the ini key atlas_artifacts)."""

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

MOST = 1000
"""Largest number of files of one test: a pattern that matches everything must not fill the disk twice."""

Part = re.Pattern[str] | None

_FLAGS = re.IGNORECASE if system == "nt" else 0


class ArtifactCollector:
    """Looks before the test's teardown, in which pytest may remove the directory."""

    def __init__(self, tests: TestRecorder, patterns: tuple[str, ...], faults: InternalErrors) -> None:
        self.faults = faults
        self._tests = tests
        self._patterns = tuple(map(_parts, patterns))

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Keep the files that match. One that can't be read doesn't affect the others."""
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        context = self._tests.context(item)
        if context is None or not isinstance(folder, Path):
            return
        problems: list[OSError] = []
        found = sorted(path for path in _files(folder, problems) if self._is_wanted(path.relative_to(folder).parts))
        for path in found[:MOST]:
            context.keep(path.name, lambda spool, path=path: spool.file(path, path.suffix))  # type: ignore[misc]
        for error in problems:
            self.faults.losses.add("directory", item.nodeid, f"{error.filename}: {reason(error)}")
        if len(found) > MOST:
            context.note(f"{len(found) - MOST} more files match atlas_artifacts and were left")

    def _is_wanted(self, names: tuple[str, ...]) -> bool:
        return any(_matches(parts, names) for parts in self._patterns)


def _files(folder: Path, problems: list[OSError]) -> Iterator[Path]:
    """All files below `folder`, without links. A directory that has disappeared is not a problem."""

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            problems.append(error)

    for directory, _, names in walk(folder, onerror=note):
        for name in names:
            path = Path(directory + sep + name)
            if not islink(path) and path.is_file():
                yield path


def _parts(pattern: str) -> tuple[Part, ...]:
    """The parts of a pattern: `*.csv` matches in every directory, as with `rglob`; None stands for `**`."""
    parts = [part for part in pattern.replace("\\", "/").split("/") if part not in ("", ".")]
    return (None, *(None if part == "**" else compile_pattern(translate(part), _FLAGS) for part in parts))


def _matches(parts: tuple[Part, ...], names: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    first, *_ = parts
    if first is None:
        return any(_matches(parts[1:], names[n:]) for n in range(len(names) + 1))
    return bool(names) and bool(first.match(names[0])) and _matches(parts[1:], names[1:])
