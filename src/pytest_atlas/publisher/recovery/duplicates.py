"""Delete duplicates that a late create has left (contract C5): only those of entities that this process has verified."""

from typing import Any

from pytest_atlas.atlas.errors import NotFound
from pytest_atlas.atlas.operations import DeleteCard, DeleteRun, DeleteStep
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.publisher.recovery import match, verify
from pytest_atlas.publisher.recovery.run_index import RunIndex
from pytest_atlas.session import desired
from pytest_atlas.session.state import SessionState

from .find_run import is_empty, our_runs


class Duplicates:
    """Deletes duplicates, and keeps a line for each deletion in `deleted`."""

    def __init__(self, atlas: AsyncAtlas, facts: SessionState) -> None:
        self.deleted: list[str] = []
        self._atlas = atlas
        self._facts = facts

    async def remove(self, there: RunIndex, observed: Observed, *, of_run: bool, not_ours: set[str]) -> None:
        """Delete the duplicates in a run with our run key line; `of_run`: also duplicates of the run. Raises AtlasError.

        `not_ours`: runs that need not be read again.
        """
        if not verify.has_run_key(there.run, self._facts):
            return
        for operation in (*match.twins(there, self._facts, observed), *match.twin_files(there.run, observed)):
            await self._delete(operation, _name(there, operation))
        if of_run:
            await self._remove_runs({*not_ours, there.run.uuid})

    async def _remove_runs(self, others: set[str]) -> None:
        """Delete runs with our title and our run key line in which nothing was recorded."""
        title = desired.run(self._facts).title
        async for ours in our_runs(self._atlas, self._facts, others):
            for run in ours:
                if is_empty(run) and not run.reports and run.title == title:
                    await self._delete(DeleteRun(run_id=run.uuid), f"run {run.test_run_id or run.uuid}, which is empty")

    async def _delete(self, operation: Any, what: str) -> None:
        try:
            await self._atlas.send(operation)
        except NotFound:
            return  # it is already deleted
        log.warning("deleted a duplicate: %s", operation)
        self.deleted.append(f"deleted a duplicate: {what}")


def _name(there: RunIndex, operation: Any) -> str:
    """The entity that `operation` deletes."""
    match operation:
        case DeleteStep():
            step = there.things[str(operation.step_id)]
            return f"step {step.title!r}, order {getattr(step, 'order', None)}"
        case DeleteCard():
            return f"card {there.things[str(operation.card_id)].title!r}, which is empty"
        case _:
            return f"data file {there.url_of(str(operation.file_id))}"
