"""What to send next: the difference between what Atlas should show and what it has acknowledged.

Pure. `next_operation` decides for one entity; `Queue` in which order, with one call at a time for each entity and a parent
before its children. An entity that changed while it waited is sent once, in its last state.
"""

from dataclasses import dataclass, replace
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
)
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
    """One call to make."""

    key: str
    operation: Operation[Any] | None  # None: Atlas has all that it should show of the entity, which is only to be written down
    shows: dict[str, str]  # what Atlas shows of the entity once it has taken this
    order: int | None = None
    url: str = ""  # of a file

    @property
    def creates(self) -> bool:
        """Whether it must not be sent twice."""
        return self.operation is not None and self.operation.creates


def next_operation(want: Desired, seen: KnownEntity, ids: dict[str, str]) -> Work | None:
    """The call that brings `want` nearer, or None where it is in place, in doubt or set aside.

    `ids` are those of what it belongs to: run_id, card_id, step_id, as far as it is below them.
    """
    if not seen.id:
        return None if seen.in_doubt or seen.aside else _create(want, seen, ids)
    if seen.aside and not seen.prose_only:
        return None
    changes = difference(want, seen)
    if seen.prose_only:
        changes = {name: value for name, value in changes.items() if name in merge.OUTCOME}
    return _update(want, seen, ids, changes) if changes else None


def difference(want: Desired, seen: KnownEntity) -> dict[str, str]:
    """The fields that an update has to send. What Atlas shows and we do not ask for is none: it can't be unset."""
    shown = seen.shows
    fields = want.fields
    changes = {name: value for name, value in fields.items() if fingerprint(value) != shown.get(name)}
    if isinstance(want, DesiredStep) and "started_at" in shown and "ended_at" not in shown:
        changes |= want.late_times  # it was shown as running, and is not any more
    if "ended_at" in changes and "started_at" in fields:
        changes["started_at"] = fields["started_at"]  # a span is sent whole
    return changes


def _create(want: Desired, seen: KnownEntity, ids: dict[str, str]) -> Work:
    text = {name: value for name, value in want.fields.items() if name not in merge.OUTCOME}
    match want:
        case DesiredRun():
            return Work(want.key, CreateRun(**text, **want.creation_fields), text)  # type: ignore[arg-type]
        case DesiredCard():
            order = seen.order if seen.order is not None else want.order
            if want.template_id:  # the template gives the text; the title follows where it differs
                card = CreateCard(run_id=ids["run_id"], order=order, template_id=want.template_id)
                return Work(want.key, card, {}, order)
            return Work(want.key, CreateCard(**ids, **text, order=order), text, order)
        case DesiredStep():
            order = seen.order if seen.order is not None else want.order
            step_type = {"step_type": want.step_type} if want.step_type else {}
            step = CreateStep(**ids, **text, **step_type, order=order)
            return Work(want.key, step, {**text, "execution_status": "todo"}, order)
        case DesiredFile():
            return Work(want.key, _register(want, seen, ids), {}, url=seen.url)


def _register(want: DesiredFile, seen: KnownEntity, ids: dict[str, str]) -> RegisterDataFile:
    """A file names its step or its card, not both; one of the run names neither."""
    if "step_id" in ids:
        place: Association | None = Association(test_step_id=ids["step_id"])
    else:
        place = Association(test_card_id=ids["card_id"]) if "card_id" in ids else None
    return RegisterDataFile(
        run_id=ids["run_id"],
        s3_url=seen.url,
        file_size=seen.size,
        associate_with=place,
        file_name=want.file_name,
        content_type=want.content_type,
    )


def owner_id(operation: Operation[Any] | None) -> str:
    """The id of the step, card or run that a data file is registered for."""
    assert isinstance(operation, RegisterDataFile)
    place = operation.associate_with
    return str((place and (place.test_step_id or place.test_card_id)) or operation.run_id)


def _update(want: Desired, seen: KnownEntity, ids: dict[str, str], changes: dict[str, str]) -> Work:
    """The change, in our terms; what is sent keeps what others wrote."""
    sent: dict[str, Any] = _sent(want, seen, changes)
    if not sent:
        return Work(want.key, None, changes)
    match want:
        case DesiredRun():
            return Work(want.key, UpdateRun(run_id=seen.id, **sent), changes)
        case DesiredCard():
            return Work(want.key, UpdateCard(card_id=seen.id, **ids, **sent), changes)
        case DesiredStep():
            return Work(want.key, UpdateStep(step_id=seen.id, **ids, **sent), changes)  # type: ignore[arg-type]
        case DesiredFile():
            raise AssertionError("a data file has nothing that an update could change")


def _sent(want: Desired, seen: KnownEntity, changes: dict[str, str]) -> dict[str, str]:
    if seen.step is not None and isinstance(want, DesiredStep):
        sent = merge.changed(want, seen.step, seen.theirs, changes.keys())
        sent = {name: value for name, value in sent.items() if name in merge.OUTCOME or not seen.prose_only}
        return sent | {name: value for name, value in changes.items() if name == "title"}
    sent = dict(changes)
    if "description" in changes and not isinstance(want, DesiredFile):
        sent["description"] = shared_run.description(want, seen.theirs, changes["description"])
    if "exception" in changes:  # it is valid with this status only
        sent["execution_status"] = want.fields["execution_status"]
    return sent


class Queue:
    """Which entities may differ, and whose turn it is."""

    def __init__(self, facts: SessionState, observed: Observed) -> None:
        self._facts = facts
        self._observed = observed
        self._waiting = Fifo()
        self._parked: dict[str, dict[str, None]] = {}  # parent -> children that can't be sent before it is there
        self.busy: set[str] = set()
        self.open: set[str] = set()
        """All that is not known to be in place: waiting, under way, in doubt or set aside."""
        self.to_upload = Fifo()
        """Files whose content has to be brought somewhere before they can be registered. `finished` says that it is."""
        self.impossible: dict[str, str] = {}
        """What no call can say, since the journal has something else than the API takes, and why. To be set aside."""
        self.there: RunIndex | None = None
        """The run as it was last read, where something of it may be ours or in our way."""

    def __repr__(self) -> str:
        return f"<Queue {len(self.open)} open: {len(self._waiting)} waiting, {len(self.busy)} under way>"

    def touch(self, *keys: str) -> None:
        """These may differ."""
        self._waiting.add(keys)
        self.open.update(keys)

    def next_work(self, room: int) -> list[Work]:
        """At most `room` calls that can be made now; their entities are busy until `finished`."""
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
        """The call about `key` is over, well or not: see whether anything is left to say."""
        self.busy.discard(key)
        self.touch(key)
        if self._observed.get(key).id:
            self._waiting.add(self._parked.pop(key, {}))

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way. Entities may still be in doubt, set aside or without a parent."""
        return not (self._waiting or self.busy or self.to_upload)

    def _work(self, key: str) -> Work | None:
        ids = self._ids(key)
        if ids is None:
            return None
        want, seen = desired.entity(self._facts, key), self._observed.get(key)
        if not seen.id and isinstance(want, DesiredCard | DesiredStep):
            want = replace(want, order=self._order(want, ids))
        if isinstance(want, DesiredFile) and not seen.url and not seen.aside:
            self._ask_for_upload(key)
            return None
        try:
            work = next_operation(want, seen, ids)
        except ValidationError as error:  # a journal may come from anywhere
            self.impossible[key] = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
            return None
        if work is None and seen.id and not seen.aside:
            self.open.discard(key)
        return work

    def _order(self, want: DesiredCard | DesiredStep, ids: dict[str, str]) -> int:
        """The order to be made with: behind what is there already; a step inside a test right behind that."""
        step = self._facts.steps.get(want.key)
        if isinstance(step, InnerStep) and (given := self._observed.get(step.test.key).order) is not None:
            return given + want.order - step.test.order
        behind = self.there.behind(ids.get("card_id", "")) if self.there else 0
        return want.order + behind if behind else want.order  # the same object, which takes no more memory

    def _ask_for_upload(self, key: str) -> None:
        if self._facts.files_stay:
            self.open.discard(key)
        else:
            self.to_upload.add([key])

    def _ids(self, key: str) -> dict[str, str] | None:
        """The ids of all that `key` belongs to; None, and it is parked, where one of them is not there yet."""
        ids: dict[str, str] = {}
        parent = desired.parent(self._facts, key)
        while parent:
            if not (own := self._observed.get(parent).id):
                self._parked.setdefault(parent, {})[key] = None
                return None
            ids[f"{desired.kind(self._facts, parent)}_id"] = own
            parent = desired.parent(self._facts, parent)
        if elsewhere := self._observed.get(key).card:
            ids["card_id"] = elsewhere
        return ids
