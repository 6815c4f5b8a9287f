"""Look for the last run of the same job in Atlas: the job summary compares with it, and a CI job's container remembers nothing.

Runs of one job are told by the line `Job: …` that the digest puts into their descriptions. The search begins as soon as the
session's own run is there, while the tests run, and is no part of what is to be published: where it fails, nothing is compared.
"""

import asyncio
from pathlib import Path

from pytest_atlas.atlas.errors import AtlasError, NotFound
from pytest_atlas.atlas.models import Run, RunSummary
from pytest_atlas.atlas.operations import GetRun
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import reference
from pytest_atlas.descriptions import has_job, identity_line_of, step_identity_line
from pytest_atlas.journal import baseline
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.session.state import RUN, SessionState

from .log import log
from .recovery.find_run import newest_first

MOST_RUNS = 20
"""Most runs to be read: list items have no description."""
LATE_S = 5.0
"""How long the search may still take when all else is in place."""


async def find(
    atlas: AsyncAtlas, *, system_id: str, job: str, own: str, marks: frozenset[str] = frozenset()
) -> baseline.Baseline | None:
    """The newest run of `job` but `own` (a uuid) in which something has an outcome. Raises AtlasError.

    Of `marks` (C1's lines) it has at least one, where there are any: a job may call pytest twice, each time for other tests.
    """
    others = [item for item in await newest_first(atlas, system_id) if item.uuid != own and _has_outcome(item)]
    for item in others[:MOST_RUNS]:
        try:
            run = await atlas.send(GetRun(run_id=item.uuid))
        except NotFound:  # deleted since it was listed
            continue
        if not has_job(run.description, job):
            continue
        statuses = _statuses(run)
        if not marks or marks & statuses.keys():
            return baseline.Baseline(run_id=run.uuid, run_ref=reference(run.test_run_id), title=run.title, statuses=statuses)
    return None


def _has_outcome(item: RunSummary) -> bool:
    """A run that has only begun, or that was cancelled before its first test, says nothing. Where counts are missing it may."""
    counts = item.step_status_counts
    return not counts or any(count for status, count in counts.items() if status != "todo")


def _statuses(run: Run) -> dict[str, list[str]]:
    """The statuses of pytest's steps, by their line."""
    found: dict[str, list[str]] = {}
    for card in sorted(run.test_cards, key=lambda card: card.order or 0):
        for step in sorted(card.test_steps, key=lambda step: step.order or 0):
            if mark := identity_line_of(step.description):
                found.setdefault(mark, []).append(step.execution_status)
    return found


class Search:
    """The search that goes on beside the publisher: begun once, and once more at the end where it had failed."""

    def __init__(self, atlas: AsyncAtlas, session: Path, target: str, state: SessionState, observed: Observed) -> None:
        self._atlas = atlas
        self._session = session
        self._target = target
        self._state = state
        self._observed = observed
        self._task: asyncio.Task[bool] | None = None
        self._over = False

    def begin(self) -> None:
        """Begin as soon as it is known what to look for."""
        session = self._state.session
        if self._task is None and session and session.summary and session.job and self._observed.get(RUN).id:
            self._task = asyncio.get_running_loop().create_task(self._look())

    @property
    def under_way(self) -> bool:
        """Whether there is something to wait for."""
        return self._task is not None and not self._over and not (self._task.done() and self._task.result())

    async def finish(self) -> None:
        """Wait a little for what is under way."""
        if not self.under_way:
            return
        try:
            async with asyncio.timeout(LATE_S):
                assert self._task is not None
                if not await self._task:
                    await self._look()
        except TimeoutError:
            log.info("the search for the job's last run took too long")

    def end(self) -> None:
        """Nobody waits any more."""
        self._over = True
        if self._task:
            self._task.cancel()

    async def _look(self) -> bool:
        """Whether the search came to an end."""
        session = self._state.session
        assert session is not None
        try:
            own = self._observed.get(RUN).id
            marks = frozenset(step_identity_line(test.nodeid) for test in self._state.tests())
            found = await find(self._atlas, system_id=session.system_id, job=session.job, own=own, marks=marks)
            if found:
                log.info("the job's last run is %s", found.run_ref or found.run_id)
                await asyncio.to_thread(baseline.write, self._session, self._target, found)
        except AtlasError as error:
            log.warning("looking for the job's last run: %s", error)
            return False
        except Exception:  # whatever it is, it must not cost the session its record
            log.exception("looking for the job's last run")
        return True
