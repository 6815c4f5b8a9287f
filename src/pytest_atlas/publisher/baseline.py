"""Find the previous run of the same job in Atlas, the baseline of the job summary. The container of a CI job does not keep it.

Runs of one job have the same line `Job: …` in their run summary. The search starts when the run of the session exists, while
the tests run. If it fails, the job summary has no comparison; the session is published all the same.
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
"""Maximum number of runs to read: list items have no description."""
LATE_S = 5.0
"""Seconds that the search may take after everything else is published."""


async def find(
    atlas: AsyncAtlas, *, system_id: str, job: str, own: str, lines: frozenset[str] = frozenset()
) -> baseline.Baseline | None:
    """Return the newest run of `job`, except `own` (a uuid), that has an outcome. Raises AtlasError.

    It has at least one of `lines` (identity lines) if they are given: a job can run pytest twice with different tests.
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
        if not lines or lines & statuses.keys():
            return baseline.Baseline(run_id=run.uuid, run_ref=reference(run.test_run_id), title=run.title, statuses=statuses)
    return None


def _has_outcome(item: RunSummary) -> bool:
    """Return whether the run may have an outcome: not if all steps are `todo`; it may if the list has no counts."""
    counts = item.step_status_counts
    return not counts or any(count for status, count in counts.items() if status != "todo")


def _statuses(run: Run) -> dict[str, list[str]]:
    """Return the statuses of steps with an identity line, by this line."""
    found: dict[str, list[str]] = {}
    for card in sorted(run.test_cards, key=lambda card: card.order or 0):
        for step in sorted(card.test_steps, key=lambda step: step.order or 0):
            if line := identity_line_of(step.description):
                found.setdefault(line, []).append(step.execution_status)
    return found


class Search:
    """The search, next to the loop of the publisher. It is repeated once at the end if it failed."""

    def __init__(self, atlas: AsyncAtlas, session: Path, target: str, state: SessionState, observed: Observed) -> None:
        self._atlas = atlas
        self._session = session
        self._target = target
        self._state = state
        self._observed = observed
        self._task: asyncio.Task[bool] | None = None
        self._over = False

    def begin(self) -> None:
        """Start the search if the run of the session and its job are known."""
        session = self._state.session
        if self._task is None and session and session.summary and session.job and self._observed.get(RUN).id:
            self._task = asyncio.get_running_loop().create_task(self._search())

    @property
    def is_running(self) -> bool:
        """Whether a search is in progress, or failed and can be repeated."""
        return self._task is not None and not self._over and not (self._task.done() and self._task.result())

    async def finish(self) -> None:
        """Wait for the search, at most LATE_S seconds."""
        if not self.is_running:
            return
        try:
            async with asyncio.timeout(LATE_S):
                assert self._task is not None
                if not await self._task:
                    await self._search()
        except TimeoutError:
            log.info("the search for the previous run of the job timed out")

    def end(self) -> None:
        """Cancel the search."""
        self._over = True
        if self._task:
            self._task.cancel()

    async def _search(self) -> bool:
        """Search, and return whether the search has ended."""
        session = self._state.session
        assert session is not None
        try:
            own = self._observed.get(RUN).id
            lines = frozenset(step_identity_line(test.nodeid) for test in self._state.tests())
            found = await find(self._atlas, system_id=session.system_id, job=session.job, own=own, lines=lines)
            if found:
                log.info("the previous run of the job is %s", found.run_ref or found.run_id)
                await asyncio.to_thread(baseline.write, self._session, self._target, found)
        except AtlasError as error:
            log.warning("searching for the previous run of the job: %s", error)
            return False
        except Exception:  # an error of the comparison must not prevent the publishing of the session
            log.exception("searching for the previous run of the job")
        return True
