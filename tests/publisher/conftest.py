"""Fixture: a session directory and an Atlas that can fail."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.atlases import FaultyAtlas

from pytest_atlas.journal.status import Status
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.targets import Target


class Bench:
    """One session that can be published several times."""

    def __init__(self, directory: Path) -> None:
        self.session = directory / "sessions" / "s1"
        self.atlas = FaultyAtlas(directory / "atlas.db")
        self.target = Target(name="test", label="the test's Atlas", limit=32, atlas=self.atlas)

    def push(self, session: Path | None = None, patience_s: float = 30.0) -> Status:
        """Publish as `pytest-atlas push` does."""
        return asyncio.run(publish(session or self.session, self.target, started_by_pytest=False, patience_s=patience_s))

    def forget(self) -> None:
        """Delete the receipts."""
        for path in self.session.glob("receipts-*"):
            path.unlink()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    it = Bench(tmp_path)
    yield it
    it.atlas.local.close()
