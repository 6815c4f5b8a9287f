"""Delete duplicates that late creates have made (C5): only those of entities that this process has verified."""

from typing import Any

from pytest_atlas.atlas.errors import NotFound
from pytest_atlas.atlas.operations import DeleteCard, DeleteRun, DeleteStep
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.session import desired
from pytest_atlas.session.state import SessionState

from . import match, verify
from .find_run import RunFinder, is_empty
from .run_index import RunIndex


class Duplicates:
    """Deletes duplicates, and keeps a line for each deletion in `deleted`."""

    def __init__(self, atlas: AsyncAtlas, state: SessionState, finder: RunFinder) -> None:
        self.deleted: list[str] = []
        self._atlas = atlas
        self._state = state
        self._finder = finder

    async def remove(self, index: RunIndex, observed: Observed, *, of_run: bool) -> None:
        """Delete the duplicates in a run with our run key line; `of_run`: also duplicates of the run. Raises AtlasError."""
        if not verify.has_run_key(index.run, self._state):
            return
        for operation in (
            *match.duplicates(index, self._state, observed),
            *match.duplicate_files(index.run, observed),
        ):
            await self._delete(operation, _name(index, operation))
        if of_run:
            await self._remove_runs(index.run.uuid)

    async def _remove_runs(self, original: str) -> None:
        """Delete other runs with our title and our run key line that have no content."""
        title = desired.run(self._state).title
        async for ours in self._finder.our_runs(without=original):
            for run in ours:
                if is_empty(run) and not run.reports and run.title == title:
                    await self._delete(DeleteRun(run_id=run.uuid), f"run {run.test_run_id or run.uuid}, which is empty")

    async def _delete(self, operation: Any, name: str) -> None:
        try:
            await self._atlas.send(operation)
        except NotFound:
            return  # it is already deleted
        log.warning("deleted a duplicate: %s", operation)
        self.deleted.append(f"deleted a duplicate: {name}")


def _name(index: RunIndex, operation: Any) -> str:
    """Name the entity that `operation` deletes."""
    match operation:
        case DeleteStep():
            step = index.entities.get(str(operation.step_id))  # None: Atlas writes the id in another form
            return f"step {step.title!r}, order {getattr(step, 'order', None)}" if step else f"step {operation.step_id}"
        case DeleteCard():
            card = index.entities.get(str(operation.card_id))
            return f"card {card.title!r}, which is empty" if card else f"card {operation.card_id}, which is empty"
        case _:
            return f"data file {index.url_of(str(operation.file_id))}"
