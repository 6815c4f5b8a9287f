"""Look in an Atlas for a run of ours, by the line that its description ends with (contract C1)."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from pytest_atlas.atlas.errors import NotFound
from pytest_atlas.atlas.models import Run, RunSummary
from pytest_atlas.atlas.operations import GetRun, ListRuns
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import is_uuid
from pytest_atlas.publisher.recovery.match import is_ours
from pytest_atlas.session.state import SessionState

AT_ONCE = 16
"""How many runs are read at the same time."""
OTHERWISE = "`pytest-atlas push` with --run=UUID or --run=new publishes the session into another"


class WrongRunError(Exception):
    """The run that the user named is not there, or is not one to record this session into."""


async def our_run(atlas: AsyncAtlas, facts: SessionState, not_ours: set[str]) -> tuple[Run | None, bool]:
    """The session's run, if it is there, and whether it has twins: runs that a late create made, with nothing in them.

    A twin is newer than the run that holds the record, but little: where the newest is empty, a few older ones are read too.
    Of several that are empty the oldest is the run.
    """
    empty: list[Run] = []
    async for ours in our_runs(atlas, facts, not_ours):
        whole = [run for run in ours if not is_empty(run)]
        if whole:
            return whole[-1], len(ours) + len(empty) > 1
        if empty:
            break
        empty = ours
    return (empty[-1] if empty else None), len(empty) > 1


async def newest_first(atlas: AsyncAtlas, system_id: str) -> list[RunSummary]:
    """The runs of a system. A run whose id is not a UUID is left out, because it can't be read. Raises AtlasError."""
    listed = await atlas.send(ListRuns(system_id=system_id))
    readable = (item for item in listed.items if is_uuid(item.uuid))
    return sorted(readable, key=lambda item: item.created_at.isoformat() if item.created_at else "", reverse=True)


def is_empty(run: Run) -> bool:
    """Whether nothing stands in it."""
    return not run.test_cards and not run.test_data


async def our_runs(atlas: AsyncAtlas, facts: SessionState, not_ours: set[str]) -> AsyncIterator[list[Run]]:
    """Every run of the session's system that is the session's own, some at a time: the title's first, of them the newest.

    List items have no description, so each run has to be read, several at once. The lists are not narrowed by time: the bench's
    clock may be off by anything, and a run that is missed would be made twice. The ids in `not_ours` are passed over, and what
    is read joins them: a search that a failure ends goes on from there.
    """
    assert facts.session is not None
    title = facts.session.title
    listed = [item for item in await newest_first(atlas, facts.session.system_id) if item.uuid not in not_ours]
    likely = [item.uuid for item in listed if item.title == title]
    others = [item.uuid for item in listed if item.title != title]
    for ids in (likely, others):
        for start in range(0, len(ids), AT_ONCE):
            yield await _read(atlas, ids[start : start + AT_ONCE], facts, not_ours)


async def _read(atlas: AsyncAtlas, ids: Sequence[str], facts: SessionState, not_ours: set[str]) -> list[Run]:
    """Those of these runs that are ours. One that was deleted since it was listed is none. Raises the first failure, if any."""
    answers = await asyncio.gather(*(atlas.send(GetRun(run_id=own)) for own in ids), return_exceptions=True)
    ours = []
    for own, answer in zip(ids, answers, strict=True):
        if isinstance(answer, Run) and is_ours(answer, facts):
            ours.append(answer)
        elif isinstance(answer, Run | NotFound):
            not_ours.add(own)
    failures = [answer for answer in answers if isinstance(answer, BaseException) and not isinstance(answer, NotFound)]
    if failures:
        raise failures[0]
    return ours


async def named_run(atlas: AsyncAtlas, facts: SessionState) -> Run:
    """The run that the user named by its uuid or reference. Raises WrongRun, and nothing has been made."""
    assert facts.session is not None
    name, system = facts.session.run, facts.session.system_id
    own_id = name
    if name.startswith("TR-"):
        found = [item.uuid for item in await newest_first(atlas, system) if item.test_run_id == name]
        if len(found) != 1:
            what = f"there are {len(found)} runs {name}" if found else f"there is no run {name}"
            raise WrongRunError(f"{what} of system {system} in this Atlas; {OTHERWISE}")
        own_id = found[0]
    try:
        run = await atlas.send(GetRun(run_id=own_id))
    except NotFound:
        raise WrongRunError(
            f"there is no run {name} in this Atlas: it was deleted, or is in another one; {OTHERWISE}"
        ) from None
    if run.system_id and run.system_id.lower() != system:
        other = f"{run.system_id} ({run.system_name})" if run.system_name else run.system_id
        raise WrongRunError(f"run {run.test_run_id or name} is of another system: {other}, not {system}; {OTHERWISE}")
    return run
