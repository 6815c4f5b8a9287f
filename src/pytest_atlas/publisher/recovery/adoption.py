"""Adopt entities of the run as it was read, and verify the receipts of earlier processes against it."""

from collections.abc import Iterable

from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.log import log
from pytest_atlas.publisher.receipts import Receipts
from pytest_atlas.publisher.reconcile.queue import Queue
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from . import match, verify
from .run_index import RunIndex

DELETED = "deleted in Atlas"
CARD_DELETED = "its card was deleted"


class Adoption:
    """Writes receipts for entities that exist already. The index of the run is `queue.index`."""

    def __init__(self, state: SessionState, receipts: Receipts, queue: Queue) -> None:
        self.ignored: list[str] = []  # a line for each receipt that Atlas does not confirm
        self._state = state
        self._receipts = receipts
        self._queue = queue

    def ignore(self, key: str, why: str) -> None:
        """Ignore the receipts of `key`, and report it."""
        log.warning("%s: %s", key, why)
        self._receipts.write(rc.Ignored(key=key, why=why))
        self.ignored.append(why)

    def adopt(self, key: str) -> bool:
        """Return whether `key` need not be created: it exists in the run, or it is skipped."""
        index, observed = self._queue.index, self._receipts.observed
        if index is None or key == RUN:
            return False
        if key in observed.claims:  # the journal named it after the run was read
            if self._is_deleted(key):
                self._receipts.write(rc.Rejected(key=key, why=DELETED))
            elif observed.get(key).id:
                self.note([key])
            return bool(observed.get(key).id or observed.get(key).skipped)
        found = match.adopt(index, self._state, observed, key)
        if found is not None:
            self._take(index, found)
        return found is not None

    def note(self, keys: Iterable[str]) -> None:
        """Note the texts and outcomes of other authors on these entities."""
        if self._queue.index:
            observed = self._receipts.observed
            for note in list(match.notes(self._queue.index, self._state, observed, keys)):
                observed.note(note)

    def verify_all(self) -> None:
        """Verify the receipts of earlier processes, parents first. A deleted entity is skipped with its children."""
        observed = self._receipts.observed
        deleted: set[str] = set()
        for key in list(desired.keys(self._state)) if observed.claims else ():
            if self._is_deleted(key):
                deleted.add(key)
                self._receipts.write(rc.Rejected(key=key, why=DELETED))
            elif not observed.get(key).id and desired.parent(self._state, key) in deleted:
                self._receipts.write(rc.Rejected(key=key, why=CARD_DELETED))

    def _take(self, index: RunIndex, found: rc.Created) -> None:
        self._receipts.write(found)
        self.note([found.key])
        if not index.shared and not self._receipts.observed.doubts:
            # Created by a publisher whose receipts are lost, and with them its unconfirmed requests.
            self._receipts.write(rc.Unconfirmed(key=found.key))

    def _is_deleted(self, key: str) -> bool:
        """Verify the receipt of `key`, if there is one. Return whether the entity is no longer in the run."""
        index, observed = self._queue.index, self._receipts.observed
        assert index is not None, "receipts are verified against a run that was read"
        claim = observed.claims.get(key)
        if claim is None or observed.get(key).id:
            observed.drop_claim(key)
            return False
        if known := verify.confirmed(index, self._state, observed, key):
            observed.confirm(key, known)
            return False
        observed.refuse(key)
        is_in_run = claim.id in index.entities or bool(index.url_of(claim.id))
        is_matched = self.adopt(key)
        if is_in_run and observed.get(key).id != claim.id:
            want = desired.entity(self._state, key)
            why = f"a receipt is not used: it names another entity of the run for {want.kind} {want.title!r}"
            if is_matched:
                log.warning("%s: %s", key, why)
                self.ignored.append(why)
            else:
                self.ignore(key, why)
        return not is_in_run and not is_matched
