"""The requests that bring Atlas from the observed to the desired state. Pure.

`next_operation` decides for one entity, `Queue` decides the order: one request at a time for each entity, parents before their
children. An entity that changes while it waits is sent once, in its last state.
"""

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from pytest_atlas.atlas.operations import (
    Association,
    CreateCard,
    CreateRun,
    CreateStep,
    Operation,
    RegisterDataFile,
    UpdateCard,
    UpdateRun,
    UpdateStep,
    invalid_fields,
)
from pytest_atlas.base.records import dataclass
from pytest_atlas.journal.receipts import fingerprint
from pytest_atlas.publisher.recovery import shared_run
from pytest_atlas.publisher.recovery.run_index import RunIndex
from pytest_atlas.session import desired
from pytest_atlas.session.desired import Desired, DesiredCard, DesiredFile, DesiredRun, DesiredStep
from pytest_atlas.session.model import InnerStep
from pytest_atlas.session.state import SessionState

from . import merge
from .fifo import Fifo
from .observed import KnownEntity, Observed


@dataclass(frozen=True, slots=True)
class Work:
    """One request for one entity."""

    key: str
    operation: Operation[Any] | None  # None: Atlas has the desired state already; only the receipt is missing
    shows: dict[str, str]  # the values that Atlas shows after the request
    order: int | None = None
    url: str = ""  # of a file

    @property
    def creates(self) -> bool:
        """Whether it creates an entity, so that it must not be sent twice."""
        return self.operation is not None and self.operation.creates


def next_operation(want: Desired, known: KnownEntity, ids: dict[str, str]) -> Work | None:
    """Return the next request for `want`, or None if it is published, unconfirmed or skipped.

    `ids`: the uuids of its parents (`run_id`, `card_id`, `step_id`).
    """
    if not known.id:
        return None if known.unconfirmed or known.skipped else _create(want, known, ids)
    if known.skipped and not known.prose_only:
        return None
    changes = difference(want, known)
    if known.prose_only:
        changes = {name: value for name, value in changes.items() if name in merge.OUTCOME}
    return _update(want, known, ids, changes) if changes else None


def difference(want: Desired, known: KnownEntity) -> dict[str, str]:
    """Return the fields that an update has to send. A field that `want` lacks is not sent, because it can't be unset."""
    shown = known.shows
    fields = want.fields
    changes = {name: value for name, value in fields.items() if fingerprint(value) != shown.get(name)}
    if isinstance(want, DesiredStep) and "started_at" in shown and "ended_at" not in shown:
        changes |= want.late_times  # it was shown as running, and has ended
    if "ended_at" in changes and "started_at" in fields:
        changes["started_at"] = fields["started_at"]  # both times are sent together
    return changes


def _create(want: Desired, known: KnownEntity, ids: dict[str, str]) -> Work:
    text = {name: value for name, value in want.fields.items() if name not in merge.OUTCOME}
    match want:
        case DesiredRun():
            fields: dict[str, Any] = {**text, **want.creation_fields}
            return Work(want.key, CreateRun(**fields), text)
        case DesiredCard():
            order = known.order if known.order is not None else want.order
            if want.template_id:  # texts come from the template; an update sends a different title
                card = CreateCard(run_id=ids["run_id"], order=order, template_id=want.template_id)
                return Work(want.key, card, {}, order)
            return Work(want.key, CreateCard(**ids, **text, order=order), text, order)
        case DesiredStep():
            order = known.order if known.order is not None else want.order
            step_type = {"step_type": want.step_type} if want.step_type else {}
            step = CreateStep(**ids, **text, **step_type, order=order)
            return Work(want.key, step, {**text, "execution_status": "todo"}, order)
        case DesiredFile():
            return Work(want.key, _register(want, known, ids), {}, url=known.url)


def _register(want: DesiredFile, known: KnownEntity, ids: dict[str, str]) -> RegisterDataFile:
    """Return the registration of a file. It names its step or its card, not both; a file of the run names neither."""
    if "step_id" in ids:
        place: Association | None = Association(test_step_id=ids["step_id"])
    else:
        place = Association(test_card_id=ids["card_id"]) if "card_id" in ids else None
    return RegisterDataFile(
        run_id=ids["run_id"],
        s3_url=known.url,
        file_size=known.size,
        associate_with=place,
        file_name=want.file_name,
        content_type=want.content_type,
    )


def owner_id(operation: Operation[Any] | None) -> str:
    """Return the uuid of the step, card or run that a data file is registered for."""
    assert isinstance(operation, RegisterDataFile)
    place = operation.associate_with
    return str((place and (place.test_step_id or place.test_card_id)) or operation.run_id)


def _update(want: Desired, known: KnownEntity, ids: dict[str, str], changes: dict[str, str]) -> Work:
    """Return the update. It keeps the text of other authors."""
    sent: dict[str, Any] = _sent(want, known, changes)
    if not sent:
        return Work(want.key, None, changes)
    match want:
        case DesiredRun():
            return Work(want.key, UpdateRun(run_id=known.id, **sent), changes)
        case DesiredCard():
            return Work(want.key, UpdateCard(card_id=known.id, **ids, **sent), changes)
        case DesiredStep():
            return Work(want.key, UpdateStep(step_id=known.id, **{**ids, **sent}), changes)
        case DesiredFile():
            raise AssertionError("a data file has no fields that an update can change")


def _sent(want: Desired, known: KnownEntity, changes: dict[str, str]) -> dict[str, str]:
    if known.step is not None and isinstance(want, DesiredStep):
        sent = merge.changed(want, known.step, known.foreign_text, changes.keys())
        sent = {name: value for name, value in sent.items() if name in merge.OUTCOME or not known.prose_only}
        return sent | {name: value for name, value in changes.items() if name == "title"}
    sent = dict(changes)
    if "description" in changes and not isinstance(want, DesiredFile):
        sent["description"] = shared_run.description(want, known.foreign_text, changes["description"], known.blocks)
    if "exception" in changes:  # it is valid only together with the status
        sent["execution_status"] = want.fields["execution_status"]
    return sent


class Queue:
    """The entities whose observed state may differ from the desired one, in the order of their requests."""

    def __init__(self, state: SessionState, observed: Observed) -> None:
        self._state = state
        self._observed = observed
        self._waiting = Fifo()
        self._parked: dict[str, dict[str, None]] = {}  # parent -> children that wait for its creation
        self._invalid: dict[str, str] = {}  # key -> problem
        self.busy: set[str] = set()  # a request is in flight
        self.open: set[str] = set()  # not known to be published: waiting, in flight, unconfirmed or skipped
        self.to_upload = Fifo()  # files that must be uploaded before they can be registered
        self.index: RunIndex | None = None  # the run as it was last read, if it may have entities of the session

    def __repr__(self) -> str:
        return f"<Queue {len(self.open)} open: {len(self._waiting)} waiting, {len(self.busy)} in flight>"

    def touch(self, *keys: str) -> None:
        """Note that the state of these entities may differ."""
        self._waiting.add(keys)
        self.open.update(keys)

    def next_work(self, room: int) -> list[Work]:
        """Return at most `room` requests to send now. Their entities are busy until `finished`."""
        taken: list[Work] = []
        passed_over: list[str] = []
        while self._waiting and len(taken) < room:
            key = self._waiting.pop()
            if key in self.busy:
                passed_over.append(key)
            elif work := self._work(key):
                self.busy.add(key)
                taken.append(work)
        self._waiting.add(passed_over)
        return taken

    def finished(self, key: str) -> None:
        """Note that the request for `key` has ended, with or without success, and compare the entity again."""
        self.busy.discard(key)
        self.touch(key)
        if self._observed.get(key).id:
            self._waiting.add(self._parked.pop(key, {}))

    def take_invalid(self) -> dict[str, str]:
        """Return the entities for which no valid request exists, with the problems, and forget them."""
        invalid, self._invalid = self._invalid, {}
        return invalid

    @property
    def idle(self) -> bool:
        """Return whether nothing waits or is in flight. Entities may be unconfirmed, skipped or without a parent."""
        return not (self._waiting or self.busy or self.to_upload)

    def _work(self, key: str) -> Work | None:
        ids = self._ids(key)
        if ids is None:
            return None
        want, known = desired.entity(self._state, key), self._observed.get(key)
        if not known.id and isinstance(want, DesiredCard | DesiredStep):
            want = replace(want, order=self._order(want, ids))
        if isinstance(want, DesiredFile) and not known.url and not known.skipped:
            self._request_upload(key)
            return None
        try:
            work = next_operation(want, known, ids)
        except ValidationError as error:  # the journal is untrusted, and an id of Atlas may not be a UUID
            self._invalid[key] = invalid_fields(error)
            return None
        if work is None and known.id and not known.skipped:
            self.open.discard(key)
        return work

    def _order(self, want: DesiredCard | DesiredStep, ids: dict[str, str]) -> int:
        """Return the order of a new entity: after the existing ones; an inner step follows its test."""
        step = self._state.steps.get(want.key)
        if isinstance(step, InnerStep) and (order := self._observed.get(step.test.key).order) is not None:
            return order + want.order - step.test.order
        if self.index is None:
            return want.order
        offset = self.index.next_order(self._observed.ids.created, ids.get("card_id", ""))
        return want.order + offset if offset else want.order  # the same object, which takes no more memory

    def _request_upload(self, key: str) -> None:
        if self._state.files_stay:
            self.open.discard(key)
        else:
            self.to_upload.add([key])

    def _ids(self, key: str) -> dict[str, str] | None:
        """Return the uuids of the parents of `key`. If one is not created yet, park `key` and return None."""
        ids: dict[str, str] = {}
        parent = desired.parent(self._state, key)
        while parent:
            if not (own := self._observed.get(parent).id):
                self._parked.setdefault(parent, {})[key] = None
                return None
            ids[f"{desired.kind(self._state, parent)}_id"] = own
            parent = desired.parent(self._state, parent)
        if elsewhere := self._observed.get(key).card:
            ids["card_id"] = elsewhere
        return ids
