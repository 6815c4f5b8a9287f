"""Functions that combine operations: find a run by its reference, iterate over the steps of a run, download a data file."""

from collections.abc import Iterable, Iterator
from typing import TypeVar
from uuid import UUID

from .downloads import download
from .errors import RunNotFound
from .models import Card, Page, Run, RunSummary, Step
from .operations import GetRun, Id, ListRuns
from .protocols import AsyncAtlas, SyncAtlas
from .statuses import ExecutionStatus

__all__ = ["download", "find_run", "find_run_async", "iter_steps"]

Ordered = TypeVar("Ordered", Card, Step)


def find_run(atlas: SyncAtlas, reference: Id, system_id: Id | None = None) -> Run:
    """Read the run with this reference, such as `TR-0042`, or with this uuid.

    The API reads runs by uuid only. A reference is therefore compared with the `test_run_id` of the listed runs, of those of
    `system_id` if it is given, and never sent. Letter case is ignored. Raises RunNotFound if no run or several runs have the
    reference, and AtlasError as `send` does; for a uuid that does not exist, NotFound.
    """
    if uuid := _as_uuid(reference):
        return atlas.send(GetRun(run_id=uuid))
    listing = ListRuns(system_id=system_id)
    return atlas.send(GetRun(run_id=_uuid_of_the_only(atlas.send(listing), str(reference), listing)))


async def find_run_async(atlas: AsyncAtlas, reference: Id, system_id: Id | None = None) -> Run:
    """The same as `find_run` for an asynchronous Atlas, such as AsyncAtlasClient."""
    if uuid := _as_uuid(reference):
        return await atlas.send(GetRun(run_id=uuid))
    listing = ListRuns(system_id=system_id)
    return await atlas.send(GetRun(run_id=_uuid_of_the_only(await atlas.send(listing), str(reference), listing)))


def runs_with_reference(runs: Iterable[RunSummary], reference: str) -> list[RunSummary]:
    """Return those of the listed runs that have this reference, such as `TR-0042`. Letter case is ignored."""
    expected = reference.strip().casefold()
    return [run for run in runs if expected and run.test_run_id.casefold() == expected]


def _as_uuid(reference: Id) -> UUID | None:
    try:
        return reference if isinstance(reference, UUID) else UUID(reference.strip())
    except ValueError:
        return None


def _uuid_of_the_only(listed: Page[RunSummary], reference: str, listing: ListRuns) -> UUID:
    found = runs_with_reference(listed.items, reference)
    where = f" of system {listing.system_id}" if listing.system_id else ""
    if not found:
        raise RunNotFound(listing, f"no run{where} has the reference {reference!r}; {len(listed.items)} runs were listed")
    if len(found) > 1:
        uuids = ", ".join(run.uuid for run in found[:5])
        raise RunNotFound(listing, f"{len(found)} runs{where} have the reference {reference!r}: {uuids}. Give a uuid")
    if uuid := _as_uuid(found[0].uuid):
        return uuid
    raise RunNotFound(listing, f"run {reference!r} has the id {found[0].uuid!r}, which is not a UUID: the API can't read it")


def iter_steps(run: Run, *, status: ExecutionStatus | None = None) -> Iterator[tuple[Card, Step]]:
    """Yield each step of `run` with its card, in display order; with `status`, only the steps that have it."""
    for card in in_order(run.test_cards):
        for step in in_order(card.test_steps):
            if status is None or step.execution_status == status:
                yield card, step


def in_order(entities: Iterable[Ordered]) -> list[Ordered]:
    """Sort by `order`; entities without one follow in the received sequence."""
    return sorted(entities, key=lambda entity: (entity.order is None, entity.order or 0))
