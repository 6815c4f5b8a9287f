"""Looking back into Atlas (contract C5): what calls in doubt have done, what others made, what is there twice or no more.

Before the first change in a run that this process did not create, the run is read, and `sending.verify` checks the receipts
of earlier processes against it.

Each look is one coroutine that reads the run and writes what it learned into the ledger. What to do about it follows from
there: the queue sends what is found missing, and nothing else. In a run that others write into, each entity is looked for in
the run as it was last read, before it is made.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

from pytest_atlas.atlas.errors import BadAnswer, NotFound
from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import CreateCard, CreateRun, GetRun, Operation
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import reference
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.receipts import Ledger
from pytest_atlas.publisher.reconcile.observed import KnownEntity
from pytest_atlas.publisher.reconcile.queue import Queue, Work
from pytest_atlas.publisher.recovery import match, verify
from pytest_atlas.publisher.recovery.run_index import RunIndex
from pytest_atlas.publisher.reports import PREFIX
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from .duplicates import Duplicates
from .find_run import WrongRunError, named_run, our_run

DELETED = "somebody deleted it in Atlas"

FRESH_S = 5.0
"""How old what was read may be when a description is replaced that a person may be writing at: the API can't tell."""
READ_SHARE = 20.0
"""What other sessions record is read again after so many times the duration of the last read, if that is longer."""


class Recovery:
    """Knows which look is due. `search`: the receipts may be lost, or older than what a copy of them has done since.

    `may_leave_run`: if the run of the receipts is deleted or not the session's run, another one is used.
    """

    def __init__(
        self,
        atlas: AsyncAtlas,
        facts: SessionState,
        ledger: Ledger,
        queue: Queue,
        *,
        search: bool,
        may_leave_run: bool,
        clock: Callable[[], float],
    ) -> None:
        self.ignored: list[str] = []  # a line for each receipt that Atlas does not confirm
        # Creates that may or may not have taken effect; reports look for their own.
        self.in_doubt = {key for key in ledger.observed.in_doubt() if not key.startswith(PREFIX)}
        self.not_found: set[str] = set()  # a 404 came for them: who was deleted? They wait for the answer
        self._duplicates = Duplicates(atlas, facts)
        self._must_search = search
        self._may_leave_run = may_leave_run
        self._has_searched = False
        self._must_read = False  # the run has changed in a way that only a look can tell
        self._is_read_first = False  # such a read is in flight: nothing is created until its response
        self._read_at = 0.0
        self._read_took_s = 0.0
        self._not_ours: set[str] = set()  # runs that were read in vain
        self._atlas = atlas
        self._facts = facts
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        # A later push looks once more at what was settled: a call may take effect when its publisher has ended long ago.
        doubtful = {**ledger.observed.ever_in_doubt, **dict.fromkeys(self.in_doubt)} if search else dict.fromkeys(self.in_doubt)
        ledger.write(*(rc.Unconfirmed(key=key) for key in doubtful))

    # ── what the shell asks ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def deleted(self) -> list[str]:
        """A line for each duplicate that was deleted."""
        return self._duplicates.deleted

    @property
    def blocks(self) -> bool:
        """Whether nothing may be made before a look has told what is there."""
        return self._search_is_due or RUN in self.in_doubt or self._must_read or self._is_read_first

    @property
    def must_come_first(self) -> bool:
        """Whether a look is due that may lead to more calls."""
        return self.blocks or bool(self.in_doubt) or bool(self.not_found)

    @property
    def _search_is_due(self) -> bool:
        must_search = self._must_search or self._facts.shares_run or RUN in self._ledger.observed.claims
        return not self._has_searched and must_search and self._facts.has_run

    def due(self, *, settle: bool) -> Coroutine[Any, Any, None] | None:
        """The next look; `settle`: all calls are made, so that the last one may be taken."""
        if self._search_is_due or RUN in self.in_doubt:
            return self._search()
        if self._must_read:
            return self._read()
        if self.not_found:
            return self._who_is_gone()
        if self.in_doubt and self._ledger.observed.get(RUN).id:
            return self._read()
        if settle and self._ledger.observed.doubts and self._ledger.observed.get(RUN).id:
            return self._settle()
        return None

    def is_settled_without(self, work: Work) -> bool:
        """Whether `work` need not or must not be sent: what it would make is there, or what it would replace is read first."""
        if work.creates and self._recognised(work.key):
            self._queue.finished(work.key)
            return True
        if "description" in work.shows and self._is_outdated(self._ledger.observed.get(work.key)):
            self._must_read = True
            self._queue.finished(work.key)
            return True
        if work.operation is None:
            self._ledger.write(rc.Updated(key=work.key, shows=rc.fingerprints(work.shows)))
            self._queue.finished(work.key)
            return True
        return False

    def _is_outdated(self, seen: KnownEntity) -> bool:
        """Whether others may have changed what they wrote on an entity since it was read."""
        age = self._clock() - self._read_at
        if seen.theirs is not None:
            return age > FRESH_S
        has_record = seen.step is not None and seen.step.execution_status != "todo"
        return has_record and age > max(FRESH_S, READ_SHARE * self._read_took_s)

    def created(self, operation: Operation[Any] | None) -> None:
        """`operation` has just made something. A template may have brought more with it."""
        match operation:
            case CreateRun():
                self._must_read |= bool(operation.template_ids)
            case CreateCard():
                self._must_read |= operation.template_id is not None

    def _recognised(self, key: str) -> bool:
        there = self._queue.there
        if there is None or key == RUN:
            return False
        if key in self._ledger.observed.claims:  # the journal named it after the run was read
            if self._is_gone(key):
                self._ledger.write(rc.Rejected(key=key, why=DELETED))
            elif self._ledger.observed.get(key).id:
                self._note([key])
            return bool(self._ledger.observed.get(key).id or self._ledger.observed.get(key).aside)
        found = match.adopt(there, self._facts, self._ledger.observed, key)
        if found is not None:
            self._take(there, found)
        return found is not None

    def _take(self, there: RunIndex, found: rc.Created) -> None:
        self._ledger.write(found)
        self._note([found.key])
        if not there.shared and not self._ledger.observed.doubts:
            # Made by a publisher whose receipts we do not have, and so do not know what it was in doubt about.
            self._ledger.write(rc.Unconfirmed(key=found.key))

    def _note(self, keys: Iterable[str]) -> None:
        if self._queue.there:
            match.note_read(self._queue.there, self._facts, self._ledger.observed, keys)

    # ── the looks ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _search(self) -> None:
        """Find what of the session is in Atlas already, made by a publisher whose receipts we do not have, or by others."""
        if RUN in self._ledger.observed.claims:
            await self._verify_run()
        if not self._ledger.observed.get(RUN).id:
            await self._find_run()
        self._has_searched = True

    async def _verify_run(self) -> None:
        """Read the run of the receipts. Raises WrongRun if it was deleted and no other run may be used instead."""
        observed = self._ledger.observed
        claim = observed.claims[RUN]
        name = claim.ref or claim.id
        try:
            run = await self._get_run(claim.id)
        except NotFound as error:
            if not self._may_leave_run:
                raise WrongRunError(
                    f"run {name} is not in this Atlas any more: it was deleted ({error}). "
                    "`pytest-atlas push --run=new` publishes the session into a new run"
                ) from error
            problem = f"run {name} is not in this Atlas"
        else:
            problem = verify.run_problem(run, self._facts)
        if problem:
            why = f"the receipts are not used: {problem}"
            log.warning("%s", why)
            self._ledger.write(rc.Ignored(key=RUN, why=why))
            self.ignored.append(why)
            self.in_doubt.clear()
            return
        observed.confirm(RUN, verify.confirmed_run(run, self._facts, claim))
        self._see(run)
        self._queue.finished(RUN)

    async def _find_run(self) -> None:
        """Adopt the session's run; or know that there is none."""
        run = await self._run_that_is_there()
        if run is None:  # and nothing that would be in it
            self._ledger.write(*(rc.NotCreated(key=key) for key in (RUN, *self.in_doubt)))
            self.in_doubt.clear()
        else:
            log.info("found %s, adopting it", run.test_run_id or run.uuid)
            shows = match.shown(run, desired.run(self._facts), shared=self._facts.shares_run)
            self._ledger.write(rc.Created(key=RUN, id=run.uuid, ref=reference(run.test_run_id), shows=shows, adopted=True))
            self._see(run)
        self.in_doubt.discard(RUN)
        self._queue.finished(RUN)

    async def _run_that_is_there(self) -> Run | None:
        assert self._facts.session is not None
        if self._facts.session.run not in ("", "auto"):
            return await named_run(self._atlas, self._facts)
        run, has_twins = await our_run(self._atlas, self._facts, self._not_ours)
        if has_twins:
            self._ledger.write(rc.Unconfirmed(key=RUN))
        return run

    async def _read(self) -> None:
        """Read the run, so that what is there is known before more is made."""
        asked, due = set(self.in_doubt), self._must_read  # what comes into doubt meanwhile may be newer than the answer
        self._must_read, self._is_read_first = False, due
        try:
            run = await self._our_run()
        except Exception:
            self._must_read |= due
            raise
        finally:
            self._is_read_first = False
        self._see(run, asked)

    def _see(self, run: Run, asked: Iterable[str] = ()) -> None:
        """Keep `run` to look for entities in; decide of those `asked` for, creates in doubt, whether they were made."""
        self._queue.there = RunIndex(run, self._ledger.observed, shared=self._facts.may_meet_others)
        self._read_at = self._clock()
        known = set(desired.keys(self._facts))
        self._verify_all()
        for key in asked:
            if key in known and not self._recognised(key):
                self._ledger.write(rc.NotCreated(key=key))
            self.in_doubt.discard(key)
            if key in known:
                self._queue.finished(key)
        self._note([key for key, seen in self._ledger.observed.entities.items() if seen.id and key in known])

    def _verify_all(self) -> None:
        """Check the receipts of earlier processes, parents first. A deleted entity is skipped with its children."""
        gone: set[str] = set()
        for key in list(desired.keys(self._facts)) if self._ledger.observed.claims else ():
            if self._is_gone(key):
                gone.add(key)
                self._ledger.write(rc.Rejected(key=key, why=DELETED))
            elif not self._ledger.observed.get(key).id and desired.parent(self._facts, key) in gone:
                self._ledger.write(rc.Rejected(key=key, why="its card was deleted"))

    def _is_gone(self, key: str) -> bool:
        """Check the receipt of `key`, if there is one; whether the entity was in the run and is no more."""
        there, observed = self._queue.there, self._ledger.observed
        assert there is not None, "receipts are checked against a run that was read"
        claim = observed.claims.get(key)
        if claim is None or observed.get(key).id:
            observed.claims.pop(key, None)
            return False
        if seen := verify.confirmed(there, self._facts, observed, key):
            observed.confirm(key, seen)
            there.confirm(seen)
            return False
        observed.refuse(key)
        there.refuse(claim.id)
        is_there = claim.id in there.things or bool(there.url_of(claim.id))
        is_matched = self._recognised(key)
        if is_there and observed.get(key).id != claim.id:
            why = f"a receipt is not used: it takes another entity of the run for {_name(self._facts, key)}"
            log.warning("%s: %s", key, why)
            self.ignored.append(why)
            if not is_matched:
                self._ledger.write(rc.Ignored(key=key, why=why))
        return not is_there and not is_matched

    async def _settle(self) -> None:
        """Read the run once more: a call in doubt may have taken effect after it was looked for."""
        doubts = set(self._ledger.observed.doubts)
        await self._read()
        there, observed = self._queue.there, self._ledger.observed
        assert there is not None, "it was read just now"
        await self._duplicates.remove(there, observed, of_run=RUN in doubts, not_ours=self._not_ours)
        for key, shows in list(match.refreshed(there, self._facts, observed)):
            seen = observed.get(key)
            if seen.shows != shows:
                self._ledger.write(
                    rc.Created(key=key, id=seen.id, ref=seen.ref, card=seen.card, shows=shows, adopted=seen.adopted)
                )
                self._queue.touch(key)
        self._ledger.write(rc.Settled())

    async def _who_is_gone(self) -> None:
        """After a 404: a deleted card or step is set aside with what hangs on it; a deleted run ends it all."""
        await self._read()
        observed = self._ledger.observed
        assert self._queue.there is not None, "it was read just now"
        gone = match.missing(self._queue.there, (observed.get(key).id for key in (*self._facts.cards, *self._facts.steps)))
        for key in list(desired.keys(self._facts)):
            parent = desired.parent(self._facts, key)
            if not observed.get(key).aside and gone & {observed.get(key).id, observed.get(parent).id}:
                why = DELETED if observed.get(key).id in gone else "its card was deleted"
                self._ledger.write(rc.Rejected(key=key, why=why))
        while self.not_found:
            self._queue.finished(self.not_found.pop())

    async def _our_run(self) -> Run:
        return await self._get_run(self._ledger.observed.get(RUN).id)

    async def _get_run(self, id_: str) -> Run:
        operation, begun = GetRun(run_id=UUID(id_)), self._clock()
        run = await self._atlas.send(operation)
        self._read_took_s = self._clock() - begun
        if "test_cards" not in run.model_fields_set:  # nothing may be concluded from what the answer does not say
            raise BadAnswer(operation, 200, "the run came without its test_cards")
        return run


def _name(facts: SessionState, key: str) -> str:
    want = desired.entity(facts, key)
    return f"{want.kind} {want.title!r}"
