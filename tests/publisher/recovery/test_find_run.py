"""Listing the runs of a system."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.support.events import SYSTEM

from pytest_atlas.atlas import ListRuns, Operation, Page, RunSummary
from pytest_atlas.publisher.recovery.find_run import newest_first


class Listing:
    """An Atlas that lists an old run, a new run, and one with an invalid id."""

    async def send(self, operation: Operation[Any], /) -> Any:
        assert operation == ListRuns(system_id=SYSTEM)
        at = {"run-7": 2, str(UUID(int=1)): 1, str(UUID(int=3)): 3}
        runs = [RunSummary(uuid=uuid, created_at=datetime(2026, 11, day, tzinfo=UTC)) for uuid, day in at.items()]
        return Page[RunSummary](items=runs, count=len(runs))


def test_a_listed_run_whose_id_is_not_a_uuid_does_not_end_the_publisher() -> None:
    found = asyncio.run(newest_first(Listing(), SYSTEM))
    assert [run.uuid for run in found] == [str(UUID(int=3)), str(UUID(int=1))]
