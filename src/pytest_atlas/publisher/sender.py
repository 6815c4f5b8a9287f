"""Send requests: the intent of a create is written first, and each response or failure becomes a receipt (C5, C6)."""

import asyncio
from typing import Any

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound
from pytest_atlas.atlas.models import Card, Run
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import is_uuid, reference
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.files.uploads import Uploads
from pytest_atlas.publisher.reconcile.merge import OUTCOME
from pytest_atlas.publisher.reconcile.queue import Queue, Work, owner_id
from pytest_atlas.session.state import RUN

from .failures import Action, Subject, action
from .health import Health
from .log import log
from .receipts import Receipts
from .recovery.adoption import DELETED
from .recovery.recover import Recovery
from .tasks import Tasks


class Sender:
    """Sends the work of the queue."""

    def __init__(
        self,
        atlas: AsyncAtlas,
        receipts: Receipts,
        queue: Queue,
        *,
        health: Health,
        tasks: Tasks,
        recovery: Recovery,
        uploads: Uploads,
    ) -> None:
        self._atlas = atlas
        self._receipts = receipts
        self._queue = queue
        self._health = health
        self._tasks = tasks
        self._recovery = recovery
        self._uploads = uploads
        self._not_found: set[str] = set()  # keys with one 404 so far
        self._copied: set[str] = set()

    def send(self) -> None:
        """Start as many requests as the pace allows."""
        work = self._queue.next_work(self._health.pace.room(self._health.clock(), len(self._queue.busy)))
        self._skip_invalid()
        work = [w for w in work if not self._recovery.is_settled_without(w)]
        if work:
            self._tasks.start(self._send_all(work))

    def _skip_invalid(self) -> None:
        """Skip entities that no valid request can create: the journal has values that the API does not allow."""
        for key, problem in self._queue.take_invalid().items():
            if key == RUN:
                self._health.stop(f"the journal has a value that Atlas does not allow for a run: {problem}")
            self._receipts.write(rc.Rejected(key=key, why=problem))

    async def _send_all(self, batch: list[Work]) -> None:
        """Write the intents of all creates, wait for the disk once, then send the requests."""
        intents = [rc.Intended(key=work.key, order=work.order, url=work.url) for work in batch if work.creates]
        if intents:
            self._receipts.write(*intents)
            await asyncio.to_thread(self._receipts.sync)
        for work in batch:
            self._tasks.start(self._send(work))

    async def _send(self, work: Work) -> None:
        sent = self._health.clock()
        assert work.operation is not None, "work without an operation is not sent"
        try:
            response = await self._atlas.send(work.operation)
        except Invalid as error:
            if not await self._is_copied(work):
                self._failed(work, error, sent)
        except AtlasError as error:
            self._failed(work, error, sent)
        else:
            self._health.succeeded()
            self._write(work, response)
        if work.key not in self._recovery.not_found:
            self._queue.finished(work.key)

    async def _is_copied(self, work: Work) -> bool:
        """Copy a file whose URL is registered for another entity, once: a server may reject a second registration (C7)."""
        if not work.url or work.key in self._copied or not self._uploads.is_shared(work.key):
            return False
        self._copied.add(work.key)
        self._receipts.write(rc.NotCreated(key=work.key))
        return await self._uploads.copy(work.key, owner_id(work.operation))

    def _write(self, work: Work, response: Any) -> None:
        shows = rc.fingerprints(work.shows)
        if not work.creates:
            self._receipts.write(rc.Updated(key=work.key, shows=shows))
            return
        if isinstance(response, Card) and not shows:  # the title comes from the template
            shows = rc.fingerprints({"title": response.title})
        ref = reference(response.test_run_id) if isinstance(response, Run) else ""
        self._receipts.write(rc.Created(key=work.key, id=response.uuid, ref=ref, shows=shows))
        if work.key == RUN and not is_uuid(response.uuid):
            self._health.stop(
                f"Atlas created the run with the id {response.uuid!r}, which is not a UUID: nothing can be sent to it"
            )
        self._recovery.created(work.operation)

    # ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _failed(self, work: Work, error: AtlasError, sent: float) -> None:
        log.warning("%s: %s", work.key, error)
        self._health.failed(error)
        if error.in_doubt:
            self._receipts.write(rc.Unconfirmed(key=work.key))
            if work.creates:
                self._recovery.unconfirmed.add(work.key)
        elif work.creates:
            self._receipts.write(rc.NotCreated(key=work.key))
        match action(error, _subject(work)):
            case Action.STOP:
                if work.key == RUN and not work.creates and isinstance(error, NotFound):
                    self._receipts.write(rc.Rejected(key=RUN, why=DELETED, deleted=True))
                self._health.stop(error)
            case Action.FIND_DELETED:
                self._find_deleted(work.key, error, sent)
            case Action.SKIP:
                self._skip(work, error)
            case Action.RETRY:
                self._health.pause(error, sent)

    def _skip(self, work: Work, error: AtlasError) -> None:
        """Skip the entity. An update is retried once with status, note and times: the outcome matters more than texts."""
        prose_only = not work.creates and any(name not in OUTCOME for name in work.shows)
        self._receipts.write(rc.Rejected(key=work.key, why=_reason(error), prose_only=prose_only))

    def _find_deleted(self, key: str, error: AtlasError, sent: float) -> None:
        """After the first 404 of an entity, read the run. After the second one, skip the entity."""
        if key in self._not_found:
            self._receipts.write(rc.Rejected(key=key, why=_reason(error) or "not found in Atlas"))
            return
        self._not_found.add(key)
        self._health.pause(error, sent)
        self._recovery.not_found.add(key)


def _subject(work: Work) -> Subject:
    if work.key != RUN:
        return "entity"
    return "new run" if work.creates else "run"


def _reason(error: AtlasError) -> str:
    """The text of the response."""
    return error.words if isinstance(error, Invalid | NotFound) else str(error)
