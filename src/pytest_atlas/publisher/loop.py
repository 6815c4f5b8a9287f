"""The publisher's shell: reads the journals, sends what the pure core decides, and writes down what came of it.

All rules are elsewhere: what Atlas should show in `desired`, what to send in `reconcile`, what is recognised in `adopt`,
how fast in `pace`. Here are the order of intent, call and receipt (contract C5) and what follows from a failure (C6).
"""

import asyncio
import os
import random
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound, Refused, Unauthorized, Unavailable
from pytest_atlas.atlas.models import Card, Run
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import reference
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import decode
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.events import VERSION
from pytest_atlas.journal.follower import JournalFollower
from pytest_atlas.publisher.files.objects import Objects
from pytest_atlas.publisher.files.uploads import Uploads
from pytest_atlas.publisher.reconcile.merge import OUTCOME
from pytest_atlas.publisher.reconcile.pace import Pace
from pytest_atlas.publisher.reconcile.queue import Queue, Work, owner_id
from pytest_atlas.session.state import RUN, SessionState

from .log import log
from .receipts import DiskRefused, Ledger
from .recovery.find_run import WrongRunError
from .recovery.recover import Recovery
from .reports import Reporting

READ_EVERY_S = 0.05
LINES_AT_ONCE = 2000
"""Lines of the journals that are read in one turn."""
LAND_S = 2.0
"""How long the calls that are under way may still take when the publisher is told to stop."""


class Publisher:
    """Brings one session into one Atlas. `run` returns when all is there, or when it can't or may not go on."""

    def __init__(
        self,
        session: Path,
        atlas: AsyncAtlas,
        ledger: Ledger,
        *,
        objects: Objects | None = None,
        started_by_pytest: bool,
        pytest_may_run: bool = False,
        may_leave_run: bool = False,
        limit: int = 32,
        patience_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        sent: Callable[[], int] = lambda: 0,
    ) -> None:
        """`patience_s`: seconds without progress after which `run` returns if no pytest waits. `sent`: bytes of files sent."""
        self.clean = Cleaner(os.environ)
        self.facts = SessionState()
        self.facts.choose(ledger.observed.choice)
        self.ledger = ledger
        self.queue = Queue(self.facts, ledger.observed)
        self.pace = Pace(limit, jitter)
        self.answered = False
        self.trouble = ""  # the last passing failure, until a call succeeds
        self.fatal = ""  # why nothing more can be sent
        self.unreadable = 0
        self.stopped = False
        self._atlas = atlas
        self._clock = clock
        self._patience_s = patience_s
        self._journal = JournalFollower(session)
        self._lines: Iterator[tuple[str, bytes]] = iter(())
        self._is_last_read = False  # pytest had ended before this reading began
        self._has_backlog = False  # the journals were not read to their end at the last turn
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = False
        self._uploads = Uploads(
            session, objects, facts=self.facts, ledger=ledger, queue=self.queue, clock=clock, jitter=jitter, sent=sent
        )
        self.look_back = Recovery(
            atlas, self.facts, ledger, self.queue, search=not started_by_pytest, may_leave_run=may_leave_run, clock=clock
        )
        self.reporting = Reporting(atlas, self.facts, ledger, self._succeeded, search=not started_by_pytest)
        self._not_found: set[str] = set()
        self._copied: set[str] = set()
        self._over = self._alone = not started_by_pytest
        self._pytest_may_run = pytest_may_run
        self._drained = False
        self._last_read = 0.0
        self._last_success = clock()

    # ── what pytest says ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def problem(self) -> str:
        """Why it does not go on, or not as it should: what ended it, or the last passing failure."""
        unread = "the journal was not read to its end in this time" if self._has_backlog and self._is_out_of_patience else ""
        trouble = unread or self.trouble or self._uploads.trouble or self.reporting.trouble
        return self.fatal or ("" if self.complete else trouble)

    @property
    def _is_out_of_patience(self) -> bool:
        """Whether nothing has succeeded for too long, and no pytest waits. Reading the journals is no success."""
        return self._alone and self._clock() - max(self._last_success, self._uploads.progress_at) > self._patience_s

    def pytest_ended(self) -> None:
        """The last fact is written, and pytest waits."""
        self._over, self._drained = True, False
        self._wake.set()

    def pytest_left(self) -> None:
        """The pytest that started us is not there any more: nobody waits, and nobody will say stop."""
        self.pytest_ended()
        self._alone, self._last_success = True, self._clock()

    def stop(self) -> None:
        """Stop at the next safe point."""
        self.stopped = True
        self._wake.set()

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, report: Callable[["Publisher"], None]) -> None:
        """Publish until the end; `report` is called at every turn."""
        while not self.finished:
            self._wake.clear()
            try:
                self._read_facts()
                self._begin()
            except DiskRefused as refused:
                self.fatal = str(refused)
            report(self)
            if self.finished:
                break
            await self._rest()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAND_S)
        self._uploads.stop()
        for task in self._tasks:
            task.cancel()  # its intent stands in the receipts: the next push looks for what it may have made
        if self._tasks:
            await asyncio.wait(self._tasks)  # nobody may write a receipt when the lock on them is gone
        report(self)

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to do, or nothing more that can be done."""
        if self.stopped or self.fatal:
            return True
        if self._is_out_of_patience:
            return True
        return self._settled and not self.reporting.wanted

    @property
    def complete(self) -> bool:
        """Whether all that the session has is in Atlas."""
        return self._settled and not self.queue.open and self.reporting.complete

    @property
    def _settled(self) -> bool:
        return self._drained and self._calm and not self.ledger.observed.doubts

    @property
    def _calm(self) -> bool:
        return self.queue.idle and not self._tasks and not self.look_back.must_come_first

    async def _rest(self) -> None:
        if self._has_backlog:
            await asyncio.sleep(0)
            return
        pause = min(READ_EVERY_S, self.pace.wait_s(self._clock()) or READ_EVERY_S)
        with suppress(TimeoutError):  # time to look at the journals again
            await asyncio.wait_for(self._wake.wait(), pause)

    def _read_facts(self) -> None:
        now = self._clock()
        if self._drained or (now - self._last_read < READ_EVERY_S and not self._over and not self._has_backlog):
            return
        self._last_read = now
        if not self._has_backlog:
            self._lines, self._is_last_read = self._journal.new_lines(), self._over
        self._has_backlog = self._read_some()
        if self._has_backlog:
            return
        if self._is_last_read and not self._pytest_may_run:
            self.facts.pytest_is_gone()
            self.unreadable += self._journal.torn() + self._journal.overlong + self._journal.no_files()
        else:
            self.facts.tick(now)
        self._drained = self._is_last_read
        self.queue.touch(*self.facts.take_changed())
        if self.facts.version > VERSION:
            self.fatal = "this journal was written by a newer pytest-atlas; publish it with that version or a later one"

    def _read_some(self) -> bool:
        """Apply the next lines, and return whether there may be more: a large journal must not keep us from stopping."""
        for count, (source, line) in enumerate(self._lines, 1):
            if line:
                event = decode.event(line)
                if event is None:
                    self.unreadable += 1
                else:
                    self.facts.apply(source, event)
            if count == LINES_AT_ONCE or not line:
                return True
        return False

    def _begin(self) -> None:
        now = self._clock()
        if self.pace.room(now, 0) == 0 or self.fatal or self._has_backlog:
            return
        if not self._looking and (way := self.look_back.due(settle=self._drained and self._calm)):
            self._spawn(self._look(way))
        if self.look_back.blocks:
            return
        work = self.queue.next_work(self.pace.room(now, len(self.queue.busy)))
        self._set_aside_impossible()
        work = [w for w in work if not self.look_back.is_settled_without(w)]
        if work:
            self._spawn(self._launch(work))
        if self._settled and self.reporting.wanted:
            for follow in self.reporting.begin():
                self._spawn(follow)
        for key in self._uploads.next():
            self._spawn(self._uploads.bring(key))

    def _set_aside_impossible(self) -> None:
        while self.queue.impossible:
            key, why = self.queue.impossible.popitem()
            if key == RUN:
                self.fatal = f"the journal has what Atlas does not take of a run: {why}"
            self.ledger.write(rc.Rejected(key=key, why=why))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._wake.set()
        if task.cancelled() or not (error := task.exception()):
            return
        if isinstance(error, DiskRefused):
            self.fatal = self.fatal or str(error)
        else:
            self.fatal = (
                f"internal fault of the publisher: {type(error).__name__}: {error}; please report it with publisher.log"
            )
            log.error("internal fault", exc_info=error)

    # ── one call ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _launch(self, batch: list[Work]) -> None:
        """Write the intents of all creates, wait for the disk once, then let the calls go."""
        intents = [rc.Intended(key=work.key, order=work.order, url=work.url) for work in batch if work.creates]
        if intents:
            self.ledger.write(*intents)
            await asyncio.to_thread(self.ledger.sync)
        for work in batch:
            self._spawn(self._carry_out(work))

    async def _carry_out(self, work: Work) -> None:
        sent = self._clock()
        assert work.operation is not None, "work without an operation is settled without it"
        try:
            answer = await self._atlas.send(work.operation)
        except Invalid as error:
            if not await self._given_a_url_of_its_own(work):
                self._failed(work, error, sent)
        except AtlasError as error:
            self._failed(work, error, sent)
        else:
            self._succeeded()
            self._write_down(work, answer)
        if work.key not in self.look_back.not_found:
            self.queue.finished(work.key)

    async def _given_a_url_of_its_own(self, work: Work) -> bool:
        """A server may take no URL twice: a file that shares its URL is copied, once, and registered anew (C7)."""
        if not work.url or work.key in self._copied or not self._uploads.is_shared(work.key):
            return False
        self._copied.add(work.key)
        self.ledger.write(rc.NotCreated(key=work.key))
        return await self._uploads.copy(work.key, owner_id(work.operation))

    def _write_down(self, work: Work, answer: Any) -> None:
        shows = rc.fingerprints(work.shows)
        if not work.creates:
            self.ledger.write(rc.Updated(key=work.key, shows=shows))
            return
        if isinstance(answer, Card) and not shows:  # made from a template, which gave the title
            shows = rc.fingerprints({"title": answer.title})
        ref = reference(answer.test_run_id) if isinstance(answer, Run) else ""
        self.ledger.write(rc.Created(key=work.key, id=answer.uuid, ref=ref, shows=shows))
        self.look_back.created(work.operation)

    def _succeeded(self) -> None:
        self.answered = True
        self.trouble = ""
        self._last_success = self._clock()
        self.pace.succeeded()

    # ── failures (C6) ────────────────────────────────────────────────────────────────────────────────────────────────

    def _failed(self, work: Work, error: AtlasError, sent: float) -> None:
        log.warning("%s: %s", work.key, error)
        self.answered |= isinstance(error, Refused)
        if error.in_doubt:
            self.ledger.write(rc.Unconfirmed(key=work.key))
            if work.creates:
                self.look_back.in_doubt.add(work.key)
        elif work.creates:
            self.ledger.write(rc.NotCreated(key=work.key))
        match error:
            case Unauthorized():
                self.give_up(error)
            case NotFound() if work.key == RUN:
                self.give_up(error)
            case Invalid() if work.key == RUN and work.creates:
                self.give_up(error)
            case NotFound():
                self._looked_for(work.key, error, sent)
            case Invalid():
                self._rejected(work, error)
            case _:
                self.pause(error, sent)

    def pause(self, error: AtlasError, sent: float) -> None:
        """A passing failure: everything waits a little."""
        self.trouble = str(error)
        retry_after_s = error.retry_after_s if isinstance(error, Refused) else None
        overloaded = isinstance(error, Unavailable) and error.status in (429, 503)
        self.pace.failed(self._clock(), sent, retry_after_s, overloaded=overloaded)

    def give_up(self, error: AtlasError | WrongRunError) -> None:
        """A failure that nothing here can mend."""
        self.fatal = self.fatal or str(error)

    def _rejected(self, work: Work, error: Invalid) -> None:
        """An outcome matters more than the prose around it: an update is tried once more without."""
        prose_only = not work.creates and any(name not in OUTCOME for name in work.shows)
        self.ledger.write(rc.Rejected(key=work.key, why=error.words, prose_only=prose_only))

    def _looked_for(self, key: str, error: NotFound, sent: float) -> None:
        """A 404 below the run: one look at the run tells who is gone. A second one for the same entity ends it."""
        if key in self._not_found:
            self.ledger.write(rc.Rejected(key=key, why=error.words or "Atlas does not find it"))
            return
        self._not_found.add(key)
        self.pause(error, sent)
        self.look_back.not_found.add(key)

    async def _look(self, way: Coroutine[Any, Any, None]) -> None:
        """One look at a time; a failure of it is handled like any call's."""
        self._looking, sent = True, self._clock()
        try:
            await way
        except (Unauthorized, NotFound, Invalid, WrongRunError) as error:
            self.answered = True
            self.give_up(error)
        except AtlasError as error:
            log.warning("looking back: %s", error)
            self.pause(error, sent)
        else:
            self._succeeded()
        finally:
            self._looking = False
