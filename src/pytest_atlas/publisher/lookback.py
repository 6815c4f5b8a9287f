"""Looking back into Atlas (contract C5): what calls in doubt have done, what others made, what is there twice or no more.

Each look is one coroutine that reads the run and writes what it learned into the ledger. What to do about it follows from
there: the queue sends what is found missing, and nothing else.
"""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from uuid import UUID

from pytest_atlas.atlas.errors import BadAnswer, NotFound
from pytest_atlas.atlas.models import DataFile, Run
from pytest_atlas.atlas.operations import DeleteRun, GetRun, Operation, RegisterDataFile
from pytest_atlas.journal import receipts as rc

from . import adopt, desired
from .facts import RUN, Facts
from .ledger import Ledger
from .log import log
from .readback import Atlas, our_runs
from .reconcile import Queue, Work
from .reporting import PREFIX


class LookBack:
    """Knows which look is due. `search`: the receipts may be lost, or older than what a copy of them has done since."""

    def __init__(self, atlas: Atlas, facts: Facts, ledger: Ledger, queue: Queue, *, search: bool) -> None:
        # Creates that may or may not have taken effect; reports look for their own.
        self.in_doubt = {key for key in ledger.observed.in_doubt() if not key.startswith(PREFIX)}
        self.not_found: set[str] = set()  # a 404 came for them: who was deleted? They wait for the answer
        self._search_is_due = search
        self._registered: dict[tuple[str, str], DataFile] = {}  # by the owner's id and the URL
        self._atlas = atlas
        self._facts = facts
        self._ledger = ledger
        self._queue = queue
        ledger.write(*(rc.Doubted(key=key) for key in self.in_doubt))

    def registered(self, work: Work) -> DataFile | None:
        """The record of a data file that was there already when we looked, made by a publisher whose receipts are lost."""
        return self._registered.get((owner_id(work.operation), work.url)) if work.url else None

    @property
    def run_is_unknown(self) -> bool:
        """Whether nothing may be made before a look has told what is there."""
        return (self._search_is_due and self._facts.has_run) or RUN in self.in_doubt

    @property
    def must_come_first(self) -> bool:
        """Whether a look is due that may lead to more calls."""
        return self.run_is_unknown or bool(self.in_doubt) or bool(self.not_found)

    def due(self, *, settle: bool) -> Coroutine[Any, Any, None] | None:
        """The next look; `settle`: all calls are made, so that the last one may be taken."""
        if self.run_is_unknown:
            return self._search()
        if self.not_found:
            return self._who_is_gone()
        if self.in_doubt:
            return self._read_back()
        if settle and self._ledger.observed.doubts and self._ledger.observed.get(RUN).id:
            return self._settle()
        return None

    async def _search(self) -> None:
        """Find what of the session is in Atlas already, made by a publisher whose receipts we do not have."""
        unknown = [key for key in desired.keys(self._facts) if not self._ledger.observed.get(key).id]
        if self._ledger.observed.get(RUN).id:
            if unknown:
                run = await self._our_run()
                self._registered = adopt.registered(run)
                self._adopt(run, unknown)
        else:
            await self._find_run()
        self._search_is_due = False

    async def _find_run(self) -> None:
        """Adopt the session's run and all that is in it; or know that there is none."""
        async for run in our_runs(self._atlas, self._facts):
            log.info("found %s, adopting it", run.test_run_id or run.uuid)
            shows = adopt.shown(run, desired.entity(self._facts, RUN))
            self._ledger.write(rc.Made(key=RUN, id=run.uuid, ref=run.test_run_id, shows=shows, adopted=True))
            self._registered = adopt.registered(run)
            self._adopt(run, list(desired.keys(self._facts)))
            break
        else:
            self._ledger.write(rc.NotMade(key=RUN))
        self.in_doubt.discard(RUN)
        self._queue.finished(RUN)

    async def _read_back(self) -> None:
        """Whether what is in doubt was made: adopt it, or send it again."""
        self._adopt(await self._our_run(), [key for key in desired.keys(self._facts) if key in self.in_doubt])

    def _adopt(self, run: Run, keys: list[str]) -> None:
        found = list(adopt.adopt(run, self._facts, self._ledger.observed, keys))
        self._ledger.write(*found)
        made = {receipt.key for receipt in found}
        absent = [key for key in keys if key not in made and self._ledger.observed.get(key).in_doubt]
        self._ledger.write(*(rc.NotMade(key=key) for key in absent))
        self.in_doubt.difference_update(keys)
        for key in keys:
            self._queue.finished(key)

    async def _settle(self) -> None:
        """Read the run once more: a call in doubt may have taken effect after it was looked for."""
        doubts = set(self._ledger.observed.doubts)
        run = await self._our_run()
        observed = self._ledger.observed
        for operation in (*adopt.twins(run, self._facts, observed), *adopt.twin_files(run, observed)):
            log.info("removing a twin: %s", operation)
            await self._delete(operation)
        if RUN in doubts:
            await self._remove_twin_runs(run.uuid)
        for key, shows in list(adopt.refreshed(run, self._facts, self._ledger.observed)):
            seen = self._ledger.observed.get(key)
            if seen.shows != shows:
                self._ledger.write(rc.Made(key=key, id=seen.id, ref=seen.ref, shows=shows, adopted=True))
                self._queue.touch(key)
        self._ledger.write(rc.Settled())

    async def _remove_twin_runs(self, own: str) -> None:
        """Runs that a late create of ours made: they bear our line, and nothing is in them."""
        empty = [r async for r in our_runs(self._atlas, self._facts) if r.uuid != own and not r.test_cards and not r.test_data]
        for run in empty:
            log.info("removing a twin of the run: %s", run.test_run_id or run.uuid)
            await self._delete(DeleteRun(run_id=UUID(run.uuid)))

    async def _delete(self, operation: Any) -> None:
        with suppress(NotFound):  # gone is what was wanted
            await self._atlas.send(operation)

    async def _who_is_gone(self) -> None:
        """After a 404: a deleted card or step is set aside with what hangs on it; a deleted run ends it all."""
        run = await self._our_run()
        observed = self._ledger.observed
        gone = adopt.missing(run, (seen.id for key, seen in observed.entities.items() if key != RUN))
        for key in list(desired.keys(self._facts)):
            parent = desired.parent(self._facts, key)
            if not observed.get(key).aside and gone & {observed.get(key).id, observed.get(parent).id}:
                why = "somebody deleted it in Atlas" if observed.get(key).id in gone else "its card was deleted"
                self._ledger.write(rc.SetAside(key=key, why=why))
        while self.not_found:
            self._queue.finished(self.not_found.pop())

    async def _our_run(self) -> Run:
        operation = GetRun(run_id=UUID(self._ledger.observed.get(RUN).id))
        run = await self._atlas.send(operation)
        if "test_cards" not in run.model_fields_set:  # nothing may be concluded from what the answer does not say
            raise BadAnswer(operation, 200, "the run came without its test_cards")
        return run


def owner_id(operation: Operation[Any]) -> str:
    """The id of the step, card or run that a data file is registered for."""
    assert isinstance(operation, RegisterDataFile)
    place = operation.associate_with
    return str((place and (place.test_step_id or place.test_card_id)) or operation.run_id)
