"""Find the run of a session in an Atlas: by the name that the user gave, or by the run key line (C1)."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from pytest_atlas.atlas.errors import NotFound, RunNotFound
from pytest_atlas.atlas.library import find_run_async
from pytest_atlas.atlas.models import Run, RunSummary
from pytest_atlas.atlas.operations import GetRun, ListRuns
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import is_uuid
from pytest_atlas.publisher.recovery.match import is_ours
from pytest_atlas.session.state import SessionState

READS_AT_ONCE = 16
REMEDY = "`pytest-atlas push` with --run=UUID or --run=new publishes the session into another"


class WrongRunError(Exception):
    """The run that the user named does not exist, or this session can't be recorded into it."""


class RunFinder:
    """Finds the run of one session. Runs that were read and are not the session's run are not read again."""

    def __init__(self, atlas: AsyncAtlas, state: SessionState, *, search: bool, may_leave_run: bool) -> None:
        """`search`: also search if the session has a run of its own and no receipts for it."""
        self.is_done = False
        self._atlas = atlas
        self._state = state
        self._search = search
        self._may_leave_run = may_leave_run
        self._other_runs: set[str] = set()  # uuids

    def is_due(self, *, is_claimed: bool) -> bool:
        """Whether the run has to be found before it may be created; `is_claimed`: receipts name one."""
        must_search = self._search or self._state.shares_run or is_claimed
        return not self.is_done and must_search and self._state.has_run

    def deleted_run(self, name: str, error: NotFound) -> str:
        """Return the problem of receipts for a deleted run. Raises WrongRunError if no other run may be used."""
        if not self._may_leave_run:
            raise WrongRunError(
                f"run {name} is not in this Atlas any more: it was deleted ({error}). "
                "`pytest-atlas push --run=new` publishes the session into a new run"
            ) from error
        return f"run {name} is not in this Atlas"

    async def find(self) -> tuple[Run | None, bool]:
        """Return the run of the session, if it exists, and whether it has duplicates. Raises AtlasError, WrongRunError."""
        assert self._state.session is not None
        if self._state.session.run not in ("", "auto"):
            return await named_run(self._atlas, self._state), False
        return await self._run_with_our_key()

    async def _run_with_our_key(self) -> tuple[Run | None, bool]:
        """Return the run with our run key line, and whether late creates have made empty duplicates of it.

        A duplicate is only a little newer than the run with the record: if the newest runs are empty, the next ones are read
        too. If all are empty, the oldest is the run.
        """
        empty: list[Run] = []
        async for ours in self.our_runs():
            filled = [run for run in ours if not is_empty(run)]
            if filled:
                return filled[-1], len(ours) + len(empty) > 1
            if empty:
                break
            empty = ours
        return (empty[-1] if empty else None), len(empty) > 1

    async def our_runs(self, without: str = "") -> AsyncIterator[list[Run]]:
        """Yield the runs with our run key line, in groups: first those with the title of the session, newest first.

        List items have no description, so each run is read. The list is not limited by time: the clock of the bench can be
        wrong, and a run that is missed would be created a second time. `without`: the uuid of a run that is not read.
        """
        assert self._state.session is not None
        title = self._state.session.title
        skipped = {*self._other_runs, without}
        listed = [item for item in await newest_first(self._atlas, self._state.session.system_id) if item.uuid not in skipped]
        likely = [item.uuid for item in listed if item.title == title]
        others = [item.uuid for item in listed if item.title != title]
        for ids in (likely, others):
            for start in range(0, len(ids), READS_AT_ONCE):
                yield await self._read(ids[start : start + READS_AT_ONCE])

    async def _read(self, ids: Sequence[str]) -> list[Run]:
        """Read these runs, and return those with our run key line. Raises the first failure, except for deleted runs."""
        responses = await asyncio.gather(*(self._atlas.send(GetRun(run_id=id_)) for id_ in ids), return_exceptions=True)
        ours = []
        for id_, response in zip(ids, responses, strict=True):
            if isinstance(response, Run) and is_ours(response, self._state):
                ours.append(response)
            elif isinstance(response, Run | NotFound):
                self._other_runs.add(id_)
        for response in responses:
            if isinstance(response, BaseException) and not isinstance(response, NotFound):
                raise response
        return ours


async def newest_first(atlas: AsyncAtlas, system_id: str) -> list[RunSummary]:
    """List the runs of a system. A run whose id is not a UUID is omitted, because it can't be read. Raises AtlasError."""
    listed = await atlas.send(ListRuns(system_id=system_id))
    readable = (item for item in listed.items if is_uuid(item.uuid))
    return sorted(readable, key=lambda item: item.created_at.isoformat() if item.created_at else "", reverse=True)


def is_empty(run: Run) -> bool:
    """Return whether the run has no cards and no data files."""
    return not run.test_cards and not run.test_data


async def named_run(atlas: AsyncAtlas, state: SessionState) -> Run:
    """Read the run that the user named by its uuid or reference. Raises WrongRunError; nothing was created then."""
    assert state.session is not None
    name, system = state.session.run, state.session.system_id
    try:
        run = await find_run_async(atlas, name, system)
    except NotFound:
        raise WrongRunError(f"run {name} is not in this Atlas: it was deleted, or is in another Atlas; {REMEDY}") from None
    except RunNotFound as error:
        raise WrongRunError(f"{error.what}; {REMEDY}") from None
    if run.system_id and run.system_id.lower() != system:
        other = f"{run.system_id} ({run.system_name})" if run.system_name else run.system_id
        raise WrongRunError(f"run {run.test_run_id or name} is of another system: {other}, not {system}; {REMEDY}")
    return run
