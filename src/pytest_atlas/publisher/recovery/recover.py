"""Recovery (C5): resolve unconfirmed requests, adopt existing entities, delete duplicates, detect deleted entities.

Before the first change in a run that this process did not create, the run is read, and the receipts of earlier processes are
verified. Each action reads the run and writes receipts. The queue then sends what is still missing.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Literal

from pytest_atlas.atlas.errors import NotFound
from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import CreateCard, CreateRun, Operation
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import reference
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.loop_state import Action, Question
from pytest_atlas.publisher.receipts import Receipts
from pytest_atlas.publisher.reconcile.queue import Queue, Work
from pytest_atlas.publisher.reports import PREFIX
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from . import match, verify
from .adoption import CARD_DELETED, DELETED, Adoption
from .duplicates import Duplicates
from .find_run import RunFinder
from .run_index import RunIndex
from .run_reader import RunReader


class Recovery:
    """The open questions about the content of Atlas, and the actions that answer them."""

    def __init__(
        self,
        atlas: AsyncAtlas,
        state: SessionState,
        receipts: Receipts,
        queue: Queue,
        *,
        search: bool,
        may_leave_run: bool,
        clock: Callable[[], float],
    ) -> None:
        """`search`: receipts may be lost or outdated, so the run is searched for by its run key.

        `may_leave_run`: if the run of the receipts is deleted or not the session's run, another one is used.
        """
        # Creates that may have taken effect. Reports look up their own requests.
        self.unconfirmed = {key for key in receipts.observed.unconfirmed() if not key.startswith(PREFIX)}
        self.not_found: set[str] = set()  # keys with a 404: they wait until the run was read
        self.adoption = Adoption(state, receipts, queue)
        self.finder = RunFinder(atlas, state, search=search, may_leave_run=may_leave_run)
        self.duplicates = Duplicates(atlas, state, self.finder)
        self._reader = RunReader(atlas, clock)
        self._must_read = False  # the run has changed in a way that only a read shows
        self._active: Literal["", "read", "blocking read"] = ""  # the read that is in progress
        self._state = state
        self._receipts = receipts
        self._queue = queue
        # A later push checks settled requests once more: one can take effect long after its publisher has ended.
        to_check = dict.fromkeys(self.unconfirmed)
        to_check = {**receipts.observed.ever_unconfirmed, **to_check} if search else to_check
        receipts.write(*(rc.Unconfirmed(key=key) for key in to_check))

    # ── for the loop and the sender ──────────────────────────────────────────────────────────────────────────────────

    @property
    def questions(self) -> frozenset[Question]:
        """The open questions."""
        is_claimed = RUN in self._receipts.observed.claims
        is_open = {
            Question.RUN: self.finder.is_due(is_claimed=is_claimed) or RUN in self.unconfirmed,
            Question.CONTENT: self._must_read or self._active == "blocking read",
            Question.DELETED: bool(self.not_found),
            Question.CREATES: bool(self.unconfirmed),
            Question.LATE_EFFECTS: bool(self._receipts.observed.doubts),
        }
        return frozenset(question for question, is_open in is_open.items() if is_open)

    def is_settled_without(self, work: Work) -> bool:
        """Whether `work` is not sent now: its entity exists, or the run is read first, or nothing has to be sent."""
        known = self._receipts.observed.get(work.key)
        if work.creates and self.adoption.adopt(work.key):
            pass
        elif "description" in work.shows and self._reader.is_outdated(known):
            self._must_read = True
        elif work.operation is None:
            self._receipts.write(rc.Updated(key=work.key, shows=rc.fingerprints(work.shows)))
        else:
            return False
        self._queue.finished(work.key)
        return True

    def created(self, operation: Operation[Any] | None) -> None:
        """Note that `operation` has created an entity. A template may have created more."""
        match operation:
            case CreateRun():
                self._must_read |= bool(operation.template_ids)
            case CreateCard():
                self._must_read |= operation.template_id is not None

    # ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_active(self) -> bool:
        """Whether an action is in progress."""
        return bool(self._active)

    def start(self, action: Action) -> Coroutine[Any, Any, None]:
        """Return a coroutine that performs `action`, which is in progress from now on. Raises AtlasError and WrongRunError."""
        self._active = "read"
        return self._perform(action)

    async def _perform(self, action: Action) -> None:
        methods = {
            Action.FIND_RUN: self.find_run,
            Action.READ_RUN: self.read_run,
            Action.FIND_DELETED: self.find_deleted,
            Action.SETTLE: self.settle,
        }
        try:
            await methods[action]()
        finally:
            self._active = ""

    async def find_run(self) -> None:
        """Find the run of the session, which an earlier publisher or another author may have created."""
        if RUN in self._receipts.observed.claims:
            await self._verify_run()
        if not self._receipts.observed.get(RUN).id:
            await self._adopt_run()
        self.finder.is_done = True

    async def _verify_run(self) -> None:
        """Read the run of the receipts. Raises WrongRunError if it was deleted and no other run may be used instead."""
        claim, was_deleted = self._receipts.observed.claims[RUN], self._receipts.observed.run_is_deleted
        try:
            run = await self._read(claim.id)
        except NotFound as error:
            problem = self.finder.deleted_run(claim.ref or claim.id, error)
        else:
            problem = verify.run_problem(run, self._state)
        if problem:
            self.adoption.ignore(RUN, f"the receipts are not used: {problem}")
            self.unconfirmed.clear()
            return
        known = verify.confirmed_run(run, self._state, claim)
        self._receipts.observed.confirm(RUN, known)
        if was_deleted:  # it was not: the response was wrong
            self._receipts.write(
                rc.Created(key=RUN, id=known.id, ref=known.ref, shows=dict(known.shows), adopted=known.adopted)
            )
        self._index(run)
        self._queue.finished(RUN)

    async def _adopt_run(self) -> None:
        """Adopt the run of the session if it exists."""
        run, has_duplicates = await self.finder.find()
        if has_duplicates:
            self._receipts.write(rc.Unconfirmed(key=RUN))
        if run is None:  # and so none of its entities
            self._receipts.write(*(rc.NotCreated(key=key) for key in (RUN, *self.unconfirmed)))
            self.unconfirmed.clear()
        else:
            log.info("found %s, adopting it", run.test_run_id or run.uuid)
            shows = match.shown(run, desired.run(self._state), shared=self._state.shares_run)
            self._receipts.write(rc.Created(key=RUN, id=run.uuid, ref=reference(run.test_run_id), shows=shows, adopted=True))
            self._index(run)
        self.unconfirmed.discard(RUN)
        self._queue.finished(RUN)

    async def read_run(self) -> None:
        """Read the run, and resolve the creates that were unconfirmed before the request."""
        asked, is_blocking = set(self.unconfirmed), self._must_read
        self._must_read = was_read = False
        self._active = "blocking read" if is_blocking else "read"
        try:
            run = await self._read(self._receipts.observed.get(RUN).id)
            was_read = True
        finally:
            self._must_read |= is_blocking and not was_read
            self._active = "read"
        self._index(run, asked)

    async def _read(self, run_id: str) -> Run:
        """Read the run of the session. If it was deleted, the receipts note it, and NotFound is raised. Raises AtlasError."""
        try:
            return await self._reader.read(run_id)
        except NotFound:
            self._receipts.write(rc.Rejected(key=RUN, why=DELETED, deleted=True))
            raise

    async def settle(self) -> None:
        """Read the run once more, and repair what unconfirmed requests have changed since: duplicates, fields."""
        doubts = set(self._receipts.observed.doubts)
        await self.read_run()
        index, observed = self._queue.index, self._receipts.observed
        assert index is not None, "the run was read"
        await self.duplicates.remove(index, observed, of_run=RUN in doubts)
        for key, shows in list(match.refreshed(index, self._state, observed)):
            known = observed.get(key)
            if known.shows != shows:
                self._receipts.write(
                    rc.Created(key=key, id=known.id, ref=known.ref, card=known.card, shows=shows, adopted=known.adopted)
                )
                self._queue.touch(key)
        self._receipts.write(rc.Settled())

    async def find_deleted(self) -> None:
        """After a 404: skip deleted cards and steps with their children. If the run is deleted, raise NotFound."""
        await self.read_run()
        observed = self._receipts.observed
        assert self._queue.index is not None, "the run was read"
        keys = (*self._state.cards, *self._state.steps)
        deleted = match.missing(self._queue.index, (observed.get(key).id for key in keys))
        for key in list(desired.keys(self._state)):
            known = observed.get(key)
            if not known.skipped and deleted & {known.id, observed.get(desired.parent(self._state, key)).id}:
                self._receipts.write(rc.Rejected(key=key, why=DELETED if known.id in deleted else CARD_DELETED))
        while self.not_found:
            self._queue.finished(self.not_found.pop())

    def _index(self, run: Run, asked: Iterable[str] = ()) -> None:
        """Use `run` to look up entities. Resolve the unconfirmed creates `asked`, which were sent before the run was read."""
        self._queue.index = RunIndex(run, shared=self._state.may_meet_others)
        self._reader.mark_indexed()
        known = set(desired.keys(self._state))
        self.adoption.verify_all()
        for key in asked:
            if key in known and not self.adoption.adopt(key):
                self._receipts.write(rc.NotCreated(key=key))
            self.unconfirmed.discard(key)
            if key in known:
                self._queue.finished(key)
        self.adoption.note([key for key, entity in self._receipts.observed.entities.items() if entity.id and key in known])
