"""Publish sessions as `pytest-atlas push` does, and read runs from the local Atlas."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from tests.support.atlases import every_run

from pytest_atlas.atlas.models import Run
from pytest_atlas.journal.status import Status
from pytest_atlas.local import LocalAtlas
from pytest_atlas.publisher import targets
from pytest_atlas.publisher.lock import lock
from pytest_atlas.publisher.publish import publish

PATIENCE_S = 30.0
ITS_OWN = {"uuid", "test_run_id", "created_at", "updated_at", "created_by", "contributors"}
"""Fields that differ between two Atlases."""


def push(session: Path, target: AbstractAsyncContextManager[targets.Target]) -> Status:
    """Publish a session that has ended. Waits until the publisher that pytest started has released its lock."""

    async def run() -> Status:
        async with target as opened:
            deadline = time.monotonic() + PATIENCE_S
            while not _is_free(session / f"receipts-{opened.name}.jsonl"):
                assert time.monotonic() < deadline, "another publisher still holds the lock of the session"
                await asyncio.sleep(0.01)
            return await publish(session, opened, started_by_pytest=False, patience_s=PATIENCE_S)

    return asyncio.run(run())


def _is_free(receipts: Path) -> bool:
    if not receipts.exists():
        return True
    with receipts.open("rb+") as file:
        return lock(file.fileno())


def runs(atlas_dir: Path) -> list[Run]:
    """Return all runs of the local Atlas in a directory."""
    with LocalAtlas(atlas_dir / targets.STORE, create=True) as atlas:
        return list(every_run(atlas))


def without_ids(run: Run) -> dict[str, Any]:
    """Return the fields of a run that are equal in every Atlas."""
    plain = _without(run.model_dump(mode="json"), ITS_OWN)
    assert isinstance(plain, dict)
    return plain


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, names) for name, inner in value.items() if name not in names}
    return [_without(inner, names) for inner in value] if isinstance(value, list) else value


def statuses(run: Run) -> dict[str, str]:
    """Return the status of each step by identity. Only inner steps can have equal identities; the second one gets `#2`."""
    found: dict[str, str] = {}
    for card in run.test_cards:
        for step in card.test_steps:
            nodeid = step.description.rpartition("\n")[2].removeprefix("pytest: ")
            assert nodeid not in found or " > " in nodeid, f"duplicate step: {nodeid}"
            while nodeid in found:
                nodeid += "#2"
            found[nodeid] = step.execution_status
    return found
