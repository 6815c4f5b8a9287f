"""Files that other tools leave in a test's `tmp_path`, picked up by pattern (the ini key atlas_artifacts)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_atlas.base.clock import now
from pytest_atlas.journal import events as ev

from .faults import Faults, guarded
from .tests import TestRecorder

MOST = 1000
"""Most files of one test: a pattern that takes everything shall not fill the disk twice."""


class ArtifactCollector:
    """Looks before the test's teardown, in which pytest may remove the folder."""

    def __init__(self, tests: TestRecorder, patterns: tuple[str, ...], faults: Faults) -> None:
        self.faults = faults
        self._tests = tests
        self._patterns = patterns

    @pytest.hookimpl(tryfirst=True)
    @guarded
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Keep what matches."""
        folder = getattr(item, "funcargs", {}).get("tmp_path")
        teller = self._tests.teller(item)
        if teller is None or not isinstance(folder, Path):
            return
        found = list(_matching(folder, self._patterns))
        for path in found[:MOST]:
            kept = teller.spool.file(path, path.suffix)
            teller.tell(ev.FileKept, name=path.name, path=kept.path, size=kept.size, sha256=kept.sha256, at=now())
        if len(found) > MOST:
            teller.tell(ev.Noted, kind="note", text=f"{len(found) - MOST} more files match atlas_artifacts and were left")


def _matching(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    """The files in `folder` that match, each once, in the order of their paths."""
    found = {path for pattern in patterns for path in folder.rglob(pattern)}
    return (path for path in sorted(found) if path.is_file() and not path.is_symlink())
