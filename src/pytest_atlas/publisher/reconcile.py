"""What to send next: the difference between what Atlas should show and what it has acknowledged.

Pure. `next_operation` decides for one entity; `Queue` in which order, with one call at a time for each entity and a parent
before its children. An entity that changed while it waited is sent once, in its last state.
"""

from dataclasses import dataclass
from typing import Any

from pytest_atlas.atlas.operations import CreateCard, CreateRun, CreateStep, Operation, UpdateCard, UpdateRun, UpdateStep
from pytest_atlas.journal.receipts import fingerprint

from . import desired
from .desired import Entity
from .facts import Facts
from .observed import Observed, Seen

OUTCOME = ("execution_status", "exception", "started_at", "ended_at")
"""What matters more than prose: it is sent alone where the whole was refused."""


@dataclass(frozen=True, slots=True)
class Work:
    """One call to make."""

    key: str
    operation: Operation[Any]
    shows: dict[str, str]  # what Atlas shows of the entity once it has taken this
    order: int | None = None

    @property
    def creates(self) -> bool:
        """Whether it must not be sent twice."""
        return self.operation.creates


def next_operation(want: Entity, seen: Seen, ids: dict[str, str]) -> Work | None:
    """The call that brings `want` nearer, or None where it is in place, in doubt or set aside.

    `ids` are those of what it belongs to: run_id, and for a step card_id.
    """
    if not seen.id:
        return None if seen.in_doubt or seen.aside else _create(want, seen, ids)
    if seen.aside and not seen.prose_only:
        return None
    changes = difference(want, seen)
    if seen.prose_only:
        changes = {name: value for name, value in changes.items() if name in OUTCOME}
    return _update(want, seen.id, ids, changes) if changes else None


def difference(want: Entity, seen: Seen) -> dict[str, str]:
    """The fields that an update has to send. What Atlas shows and we do not ask for is none: it can't be unset."""
    changes = {name: value for name, value in want.shows.items() if fingerprint(value) != seen.shows.get(name)}
    if "ended_at" in changes and "started_at" in want.shows:
        changes["started_at"] = want.shows["started_at"]  # a span is sent whole
    return changes


def outcome_only(work: Work) -> dict[str, str]:
    """What is left of an update without its prose."""
    return {name: value for name, value in work.shows.items() if name in OUTCOME}


def _create(want: Entity, seen: Seen, ids: dict[str, str]) -> Work:
    order = seen.order if seen.order is not None else want.order
    text = {name: value for name, value in want.shows.items() if name not in OUTCOME}
    match want.kind:
        case "run":
            return Work(want.key, CreateRun(**text, **want.once), text)  # type: ignore[arg-type]
        case "card" if "template_id" in want.once:  # the template gives the text; the title follows where it differs
            return Work(want.key, CreateCard(run_id=ids["run_id"], order=order, **want.once), {}, order)  # type: ignore[arg-type]
        case "card":
            return Work(want.key, CreateCard(**ids, **text, order=order), text, order)  # type: ignore[arg-type]
        case "step":
            step = CreateStep(**ids, **text, **want.once, order=order)  # type: ignore[arg-type]
            return Work(want.key, step, {**text, "execution_status": "todo"}, order)


def _update(want: Entity, own_id: str, ids: dict[str, str], changes: dict[str, str]) -> Work:
    match want.kind:
        case "run":
            return Work(want.key, UpdateRun(run_id=own_id, **changes), changes)  # type: ignore[arg-type]
        case "card":
            return Work(want.key, UpdateCard(card_id=own_id, **ids, **changes), changes)  # type: ignore[arg-type]
        case "step":
            return Work(want.key, UpdateStep(step_id=own_id, **ids, **changes), changes)  # type: ignore[arg-type]


class Queue:
    """Which entities may differ, and whose turn it is."""

    def __init__(self, facts: Facts, observed: Observed) -> None:
        self._facts = facts
        self._observed = observed
        self._waiting: dict[str, None] = {}
        self._parked: dict[str, dict[str, None]] = {}  # parent -> children that can't be sent before it is there
        self.busy: set[str] = set()
        self.open: set[str] = set()
        """All that is not known to be in place: waiting, under way, in doubt or set aside."""

    def __repr__(self) -> str:
        return f"<Queue {len(self.open)} open: {len(self._waiting)} waiting, {len(self.busy)} under way>"

    def touch(self, *keys: str) -> None:
        """These may differ."""
        for key in keys:
            self._waiting[key] = None
            self.open.add(key)

    def next_work(self, room: int) -> list[Work]:
        """At most `room` calls that can be made now; their entities are busy until `finished`."""
        taken: list[Work] = []
        passed_over: list[str] = []
        while self._waiting and len(taken) < room:
            key = next(iter(self._waiting))
            del self._waiting[key]
            if key in self.busy:
                passed_over.append(key)
            elif work := self._work(key):
                self.busy.add(key)
                taken.append(work)
        self._waiting.update(dict.fromkeys(passed_over))
        return taken

    def finished(self, key: str) -> None:
        """The call about `key` is over, well or not: see whether anything is left to say."""
        self.busy.discard(key)
        self.touch(key)
        if self._observed.get(key).id:
            self._waiting.update(self._parked.pop(key, {}))

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way. Entities may still be in doubt, set aside or without a parent."""
        return not self._waiting and not self.busy

    def _work(self, key: str) -> Work | None:
        ids = self._ids(key)
        if ids is None:
            return None
        seen = self._observed.get(key)
        work = next_operation(desired.entity(self._facts, key), seen, ids)
        if work is None and seen.id and not seen.aside:
            self.open.discard(key)
        return work

    def _ids(self, key: str) -> dict[str, str] | None:
        """The ids that the calls about `key` need; None, and it is parked, where what it belongs to is not there yet."""
        ids: dict[str, str] = {}
        parent = desired.parent(self._facts, key)
        for name in ("card_id", "run_id") if desired.parent(self._facts, parent or key) else ("run_id",):
            if not parent:
                return {}
            if not (own := self._observed.get(parent).id):
                self._parked.setdefault(parent, {})[key] = None
                return None
            ids[name] = own
            parent = desired.parent(self._facts, parent)
        return ids
