"""The loop of the publisher: reads the journals, and performs the actions that follow from its state.

All decisions are made elsewhere: the desired state in `session.desired`, the order of actions in `loop_state`, requests in
`reconcile`, failures in `failures`.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

from pytest_atlas.atlas.errors import AtlasError
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.publisher.files.objects import Objects
from pytest_atlas.publisher.files.uploads import Uploads
from pytest_atlas.publisher.reconcile.pace import Pace
from pytest_atlas.publisher.reconcile.queue import Queue
from pytest_atlas.session.state import RUN, SessionState

from . import failures
from .health import Health
from .journal_reader import READ_EVERY_S, JournalReader
from .log import log
from .loop_state import Action, LoopState, Phase, next_actions
from .receipts import Receipts, ReceiptsError
from .recovery.find_run import WrongRunError
from .recovery.recover import Recovery
from .reports import Reporting
from .sender import Sender
from .tasks import Tasks

LAST_REQUESTS_S = 2.0
"""Seconds that requests in flight may take after the end of the loop."""


class Publisher:
    """Publishes one session into one Atlas."""

    def __init__(
        self,
        session: Path,
        atlas: AsyncAtlas,
        receipts: Receipts,
        *,
        objects: Objects | None = None,
        started_by_pytest: bool,
        pytest_may_run: bool = False,
        may_leave_run: bool = False,
        limit: int = 32,
        patience_s: float = 60.0,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        sent_bytes: Callable[[], int] = lambda: 0,
    ) -> None:
        """`patience_s`: seconds without a success after which `run` returns if pytest does not wait.

        `sent_bytes`: the bytes of data files that were sent so far.
        """
        state = SessionState()
        state.choose(receipts.observed.choice)
        state.keep_files(objects is None)
        search = not started_by_pytest
        self.state = state
        self.receipts = receipts
        self.queue = Queue(state, receipts.observed)
        self.health = Health(Pace(limit, jitter), clock, patience_s=patience_s, sent_bytes=sent_bytes)
        self.journal = JournalReader(session, state, pytest_may_run=pytest_may_run)
        self.uploads = Uploads(session, objects, state=state, receipts=receipts, queue=self.queue, clock=clock, jitter=jitter)
        self.recovery = Recovery(atlas, state, receipts, self.queue, search=search, may_leave_run=may_leave_run, clock=clock)
        self.reporting = Reporting(atlas, state, receipts, self.health.succeeded, search=search)
        self.tasks = Tasks(self._internal_error)
        self.sender = Sender(
            atlas,
            receipts,
            self.queue,
            health=self.health,
            tasks=self.tasks,
            recovery=self.recovery,
            uploads=self.uploads,
        )
        self._pytest: Literal["running", "waiting", "gone", "stop"] = "running" if started_by_pytest else "gone"

    def __repr__(self) -> str:
        run = self.receipts.observed.get(RUN)
        busy, skipped = len(self.queue.busy), len(self.receipts.observed.skipped())
        open_ = len(self.queue.open) - busy - skipped
        phase = self.loop_state.phase.value
        return f"<Publisher {run.ref or run.id or 'no run'}, {phase}: {busy} in flight, {open_} pending, {skipped} rejected>"

    # ── messages of pytest ───────────────────────────────────────────────────────────────────────────────────────────

    def pytest_ended(self) -> None:
        """Note that pytest has written its last event, and waits."""
        self._pytest = "waiting" if self._pytest == "running" else self._pytest
        self.journal.resume()
        self.tasks.wake()

    def pytest_left(self) -> None:
        """Note that the pytest process has ended: it does not wait, and can't stop the publisher."""
        self.pytest_ended()
        self._pytest = "gone" if self._pytest != "stop" else "stop"
        self.health.restart_patience()

    def stop(self) -> None:
        """Stop at the next safe point."""
        self._pytest = "stop"
        self.tasks.wake()

    # ── state ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def loop_state(self) -> LoopState:
        """The present state of the loop."""
        return LoopState(
            must_stop=self._pytest == "stop" or bool(self.health.fatal) or self._is_out_of_patience,
            journal=self.journal.progress,
            questions=self.recovery.questions,
            is_recovering=self.recovery.is_active,
            has_run=bool(self.receipts.observed.get(RUN).id),
            has_work=not self.queue.idle,
            tasks=len(self.tasks),
            is_paused=self.health.is_paused,
            reports=self.reporting.progress,
        )

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do, or nothing more can be done."""
        return self.loop_state.phase is Phase.ENDED

    @property
    def is_complete(self) -> bool:
        """Whether the whole session is published."""
        return self.loop_state.is_settled and not self.queue.open and self.reporting.is_complete

    @property
    def was_stopped(self) -> bool:
        """Whether it ended before its work did, by pytest or by a fatal failure."""
        return self._pytest == "stop" or bool(self.health.fatal)

    @property
    def problem(self) -> str:
        """Why the session is not published: the fatal failure, or the last transient one."""
        if self.health.fatal or self.is_complete:
            return self.health.fatal
        if self.journal.progress == "behind" and self._is_out_of_patience:
            return "the journal was not read to its end in this time"
        return self.health.transient or self.uploads.transient or self.reporting.transient

    @property
    def _is_out_of_patience(self) -> bool:
        """Whether nothing succeeded for too long, and pytest does not wait. Reading a journal is not a success."""
        return self._pytest == "gone" and self.health.is_out_of_patience(self.uploads.contents.progress_at)

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, report: Callable[["Publisher"], None]) -> None:
        """Publish until the end. `report` is called in every turn."""
        while not self.has_ended:
            self.tasks.clear()
            phase = self.loop_state.phase
            try:
                self._read_journal()
                for action in next_actions(self.loop_state):
                    self._perform(action)
            except ReceiptsError as error:
                self.health.stop(error)
            report(self)
            if not self.has_ended:
                await self._rest(phase)
        await self.tasks.wait(LAST_REQUESTS_S)
        self.uploads.contents.stop()
        await self.tasks.cancel()  # all tasks must end before the lock on the receipts is released
        report(self)

    def _read_journal(self) -> None:
        changed = self.journal.read(self.health.clock(), pytest_ended=self._pytest != "running")
        self.queue.touch(*changed)
        if self.journal.problem:
            self.health.stop(self.journal.problem)

    def _perform(self, action: Action) -> None:
        match action:
            case Action.SEND:
                self.sender.send()
            case Action.UPLOAD:
                for key in self.uploads.take():
                    self.tasks.start(self.uploads.upload(key))
            case Action.REQUEST_REPORTS:
                for request in self.reporting.start():
                    self.tasks.start(request)
            case _:
                self.tasks.start(self._recover(action, self.recovery.start(action)))

    async def _recover(self, action: Action, recovery: Coroutine[Any, Any, None]) -> None:
        """Perform one action of the recovery. Its failures are handled like those of requests."""
        sent = self.health.clock()
        try:
            await recovery
        except WrongRunError as error:
            self.health.has_responded = True
            self.health.stop(error)
        except AtlasError as error:
            log.warning("%s: %s", action.value, error)
            self.health.failed(error)
            if failures.action(error, "reading") is failures.Action.STOP:
                self.health.stop(error)
            else:
                self.health.pause(error, sent)
        else:
            self.health.succeeded()

    async def _rest(self, phase: Phase) -> None:
        """Wait for a task, the next read of the journals or the end of a pause; not if the phase has changed."""
        state = self.loop_state
        if state.journal == "behind" or state.phase is not phase:
            await asyncio.sleep(0)
        else:
            await self.tasks.rest(min(READ_EVERY_S, self.health.pause_s or READ_EVERY_S))

    def _internal_error(self, error: BaseException) -> None:
        if isinstance(error, ReceiptsError):
            self.health.stop(error)
        else:
            name = type(error).__name__
            self.health.stop(f"internal error of the publisher: {name}: {error}; please report it with publisher.log")
            log.error("internal error", exc_info=error)
