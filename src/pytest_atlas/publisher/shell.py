"""The publisher's shell: reads the journals, sends what the pure core decides, and writes down what came of it.

All rules are elsewhere: what Atlas should show in `desired`, what to send in `reconcile`, what is recognised in `adopt`,
how fast in `pace`. Here are the order of intent, call and receipt (contract C5) and what follows from a failure (C6).
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound, Refused, Unauthorized, Unavailable
from pytest_atlas.atlas.models import Card, Run
from pytest_atlas.atlas.operations import DeleteRun, GetRun
from pytest_atlas.journal import decode
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.events import VERSION
from pytest_atlas.journal.follower import JournalFollower

from . import adopt, desired
from .facts import RUN, Facts
from .ledger import Ledger
from .log import log
from .pace import Pace
from .readback import Atlas, our_runs
from .reconcile import Queue, Work, outcome_only

READ_EVERY_S = 0.05
LAND_S = 2.0
"""How long the calls that are under way may still take when the publisher is told to stop."""


class Publisher:
    """Brings one session into one Atlas. `run` returns when all is there, or when it can't or may not go on."""

    def __init__(
        self,
        session: Path,
        atlas: Atlas,
        ledger: Ledger,
        *,
        started_by_pytest: bool,
        limit: int = 32,
        patience_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.facts = Facts()
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
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking = False
        self._in_doubt = set(ledger.observed.in_doubt())
        self._must_search = not started_by_pytest  # receipts may be lost, or older than what a copy of them has done since
        self._not_found: set[str] = set()
        self._outcome_only: set[str] = set()
        self._over = self._alone = not started_by_pytest
        self._drained = False
        self._last_read = 0.0
        self._last_success = clock()
        if self._in_doubt:
            self.ledger.write(*(rc.Doubted(key=key) for key in self._in_doubt))

    # ── what pytest says ─────────────────────────────────────────────────────────────────────────────────────────────

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
            self._read_facts()
            self._begin()
            report(self)
            if self.finished:
                break
            await self._rest()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAND_S)
        for task in self._tasks:
            task.cancel()  # its intent stands in the receipts: the next push looks for what it may have made
        report(self)

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to do, or nothing more that can be done."""
        if self.stopped or self.fatal:
            return True
        if self._alone and self._clock() - self._last_success > self._patience_s:
            return True
        return self._drained and self._calm and not self.ledger.observed.doubts

    @property
    def complete(self) -> bool:
        """Whether all that the session has is in Atlas."""
        return self._drained and self._calm and not self.queue.open and not self.ledger.observed.doubts

    @property
    def _calm(self) -> bool:
        return self.queue.idle and not self._tasks and not self._in_doubt and not self._search_due

    @property
    def _search_due(self) -> bool:
        return self._must_search and self.facts.has_run

    async def _rest(self) -> None:
        pause = min(READ_EVERY_S, self.pace.wait_s(self._clock()) or READ_EVERY_S)
        with suppress(TimeoutError):  # time to look at the journals again
            await asyncio.wait_for(self._wake.wait(), pause)

    def _read_facts(self) -> None:
        now = self._clock()
        if self._drained or (now - self._last_read < READ_EVERY_S and not self._over):
            return
        self._last_read = now
        for source, line in self._journal.new_lines():
            event = decode.event(line)
            if event is None:
                self.unreadable += 1
            else:
                self.facts.apply(source, event)
        if self._over:
            self.facts.pytest_is_gone()
            self.unreadable += self._journal.torn() + self._journal.overlong
            self._drained = True
        else:
            self.facts.tick(now)
        self.queue.touch(*self.facts.take_changed())
        if self.facts.version > VERSION:
            self.fatal = "this journal was written by a newer pytest-atlas; publish it with that version or a later one"

    def _begin(self) -> None:
        now = self._clock()
        if self.pace.room(now, 0) == 0 or self.fatal:
            return
        if self._looking:
            pass
        elif self._search_due or RUN in self._in_doubt:
            self._spawn(self._look(self._search()))
        elif self._in_doubt:
            self._spawn(self._look(self._read_back()))
        elif self._drained and self._calm and self.ledger.observed.doubts and self.ledger.observed.get(RUN).id:
            self._spawn(self._look(self._settle()))
        if self._search_due or RUN in self._in_doubt:
            return
        work = self.queue.next_work(self.pace.room(now, len(self.queue.busy)))
        if work:
            self._spawn(self._launch(work))

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            self.fatal = (
                f"internal fault of the publisher: {type(error).__name__}: {error}; please report it with publisher.log"
            )
            log.error("internal fault", exc_info=error)

    # ── one call ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _launch(self, batch: list[Work]) -> None:
        """Write the intents of all creates, wait for the disk once, then let the calls go."""
        intents = [rc.Intended(key=work.key, order=work.order) for work in batch if work.creates]
        if intents:
            self.ledger.write(*intents)
            await asyncio.to_thread(self.ledger.sync)
        for work in batch:
            self._spawn(self._carry_out(work))

    async def _carry_out(self, work: Work) -> None:
        sent = self._clock()
        operation, shows = work.operation, work.shows
        if work.key in self._outcome_only:
            shows = outcome_only(work)
            ids = {name: getattr(operation, name) for name in operation.path_fields()}
            operation = type(operation)(**ids, **shows)
        try:
            answer = await self._atlas.send(operation)
        except AtlasError as error:
            self._failed(work, error, sent)
        else:
            self._succeeded()
            self._write_down(work, answer, shows)
        self.queue.finished(work.key)

    def _write_down(self, work: Work, answer: Any, shows: dict[str, str]) -> None:
        if work.creates:
            template_gave = {"title": answer.title} if isinstance(answer, Card) and not shows else {}
            ref = answer.test_run_id if isinstance(answer, Run) else ""
            shown = rc.fingerprints({**shows, **template_gave})
            self.ledger.write(rc.Made(key=work.key, id=answer.uuid, ref=ref, shows=shown))
        else:
            self.ledger.write(rc.Updated(key=work.key, shows=rc.fingerprints(shows)))
        self._outcome_only.discard(work.key)

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
            self.ledger.write(rc.Doubted(key=work.key))
            if work.creates:
                self._in_doubt.add(work.key)
        elif work.creates:
            self.ledger.write(rc.NotMade(key=work.key))
        match error:
            case Unauthorized():
                self._give_up(error)
            case NotFound() | Invalid() if work.key == RUN:
                self._give_up(error)
            case NotFound():
                self._looked_for(work.key, error, sent)
            case Invalid():
                self._rejected(work, error)
            case _:
                self._pause(error, sent)

    def _pause(self, error: AtlasError, sent: float) -> None:
        self.trouble = str(error)
        retry_after_s = error.retry_after_s if isinstance(error, Refused) else None
        overloaded = isinstance(error, Unavailable) and error.status in (429, 503)
        self.pace.failed(self._clock(), sent, retry_after_s, overloaded=overloaded)

    def _give_up(self, error: AtlasError) -> None:
        self.fatal = self.fatal or str(error)

    def _rejected(self, work: Work, error: Invalid) -> None:
        """An outcome matters more than the prose around it: an update is sent once more without."""
        outcome = outcome_only(work)
        refused_alone = work.key in self._outcome_only or outcome == work.shows
        if work.creates or refused_alone:
            self._set_aside([work.key], error.words)
        else:
            self.ledger.write(rc.SetAside(key=work.key, why=error.words, prose_only=True))
            if outcome:
                self._outcome_only.add(work.key)

    def _set_aside(self, keys: Iterable[str], why: str) -> None:
        self.ledger.write(*(rc.SetAside(key=key, why=why) for key in keys))

    def _looked_for(self, key: str, error: NotFound, sent: float) -> None:
        """A 404 below the run: one look at the run tells who is gone. A second one for the same entity ends it."""
        if key in self._not_found:
            self._set_aside([key], error.words or "Atlas does not find it")
            return
        self._not_found.add(key)
        self._pause(error, sent)
        if not self._looking:
            self._spawn(self._look(self._who_is_gone()))

    # ── looking back (C5) ────────────────────────────────────────────────────────────────────────────────────────────

    async def _look(self, way: Any) -> None:
        """One look at a time; a failure of it is handled like any call's."""
        if self._looking:
            way.close()
            return
        self._looking, sent = True, self._clock()
        try:
            await way
        except (Unauthorized, NotFound, Invalid) as error:
            self.answered = True
            self._give_up(error)
        except AtlasError as error:
            log.warning("looking back: %s", error)
            self._pause(error, sent)
        else:
            self._succeeded()
        finally:
            self._looking = False

    async def _search(self) -> None:
        """Find what of the session is in Atlas already, made by a publisher whose receipts we do not have."""
        unknown = [key for key in desired.keys(self.facts) if not self.ledger.observed.get(key).id]
        if self.ledger.observed.get(RUN).id:
            if unknown:
                self._adopt(await self._our_run(), unknown)
        else:
            await self._find_run()
        self._must_search = False

    async def _find_run(self) -> None:
        """Adopt the session's run and all that is in it; or know that there is none."""
        async for run in our_runs(self._atlas, self.facts):
            log.info("found %s, adopting it", run.test_run_id or run.uuid)
            shows = adopt.shown(run, desired.entity(self.facts, RUN))
            self.ledger.write(rc.Made(key=RUN, id=run.uuid, ref=run.test_run_id, shows=shows, adopted=True))
            self._adopt(run, list(desired.keys(self.facts)))
            break
        else:
            self.ledger.write(rc.NotMade(key=RUN))
        self._in_doubt.discard(RUN)
        self.queue.finished(RUN)

    async def _read_back(self) -> None:
        """Whether what is in doubt was made: adopt it, or send it again."""
        self._adopt(await self._our_run(), [key for key in desired.keys(self.facts) if key in self._in_doubt])

    def _adopt(self, run: Run, keys: list[str]) -> None:
        found = list(adopt.adopt(run, self.facts, self.ledger.observed, keys))
        self.ledger.write(*found)
        made = {receipt.key for receipt in found}
        absent = [key for key in keys if key not in made and self.ledger.observed.get(key).in_doubt]
        self.ledger.write(*(rc.NotMade(key=key) for key in absent))
        self._in_doubt.difference_update(keys)
        for key in keys:
            self.queue.finished(key)

    async def _settle(self) -> None:
        """Read the run once more: a call in doubt may have taken effect after it was looked for."""
        doubts = set(self.ledger.observed.doubts)
        run = await self._our_run()
        for operation in adopt.twins(run, self.facts, self.ledger.observed):
            log.info("removing a twin: %s", operation)
            await self._delete(operation)
        if RUN in doubts:
            await self._remove_twin_runs(run.uuid)
        for key, shows in list(adopt.refreshed(run, self.facts, self.ledger.observed)):
            seen = self.ledger.observed.get(key)
            if seen.shows != shows:
                self.ledger.write(rc.Made(key=key, id=seen.id, ref=seen.ref, shows=shows, adopted=True))
                self.queue.touch(key)
        self.ledger.write(rc.Settled())

    async def _remove_twin_runs(self, own: str) -> None:
        """Runs that a late create of ours made: they bear our line, and nothing is in them."""
        empty = [r async for r in our_runs(self._atlas, self.facts) if r.uuid != own and not r.test_cards and not r.test_data]
        for run in empty:
            log.info("removing a twin of the run: %s", run.test_run_id or run.uuid)
            await self._delete(DeleteRun(run_id=UUID(run.uuid)))

    async def _delete(self, operation: Any) -> None:
        with suppress(NotFound):  # gone is what was wanted
            await self._atlas.send(operation)

    async def _who_is_gone(self) -> None:
        """After a 404: a deleted card or step is set aside with what hangs on it; a deleted run ends it all."""
        run = await self._our_run()
        observed = self.ledger.observed
        gone = adopt.missing(run, (seen.id for key, seen in observed.entities.items() if key != RUN))
        for key in list(desired.keys(self.facts)):
            parent = desired.parent(self.facts, key)
            if not observed.get(key).aside and gone & {observed.get(key).id, observed.get(parent).id}:
                self._set_aside(
                    [key], "somebody deleted it in Atlas" if observed.get(key).id in gone else "its card was deleted"
                )

    async def _our_run(self) -> Run:
        return await self._atlas.send(GetRun(run_id=UUID(self.ledger.observed.get(RUN).id)))
