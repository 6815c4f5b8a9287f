"""The observed state: what Atlas has acknowledged, folded from the receipts. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from pytest_atlas.atlas.models import Step
from pytest_atlas.base.records import dataclass
from pytest_atlas.journal import receipts as rc
from pytest_atlas.session.choice import JOURNAL, Choice
from pytest_atlas.session.state import RUN

from .packed import pack, pack_id, unpack, unpack_id

T = TypeVar("T")

REPORT = "report:"
"""Prefix of the keys of reports."""


class _Rare(Generic[T]):
    """An attribute of `KnownEntity` that has its default for most entities, and takes no memory then."""

    def __init__(self, default: T) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, known: "KnownEntity", owner: type) -> T:
        return known.rare.get(self._name, self._default) if known.rare else self._default

    def __set__(self, known: "KnownEntity", value: T) -> None:
        if value != self._default:
            known.rare = {**(known.rare or {}), self._name: value}
        elif known.rare and self._name in known.rare:
            known.rare = {name: other for name, other in known.rare.items() if name != self._name} or None


class KnownEntity:
    """An entity in the receipts. Compact, because a session can have 100,000 tests."""

    __slots__ = ("_id", "_shows", "order", "rare")

    ref = _Rare("")  # of a run: TR-0042
    card = _Rare("")  # of a step on another card than the desired one: the uuid of that card
    adopted = _Rare(False)  # it existed before
    unconfirmed = _Rare(False)  # its create has an unknown result
    url = _Rare("")  # of a file: the URL of its content
    size = _Rare(0)  # of a file, in bytes
    listed = _Rare[tuple[str, ...]](())  # of a report: the reports that existed before the request
    skipped = _Rare("")  # the reason why it is not sent until the next push
    prose_only = _Rare(False)  # only its texts are skipped
    step = _Rare[Step | None](None)  # of a step: as it was last read, without what this process sent later
    foreign_text = _Rare[str | None](None)
    """Text of a person or a template in its description, as last read. Not in receipts, because people continue to write."""
    blocks = _Rare("")
    """The blocks of other sessions in the description of a run that is otherwise ours, as last read. Not in receipts either."""

    def __init__(self, id: str = "", *, order: int | None = None, shows: Mapping[str, str] | None = None, **rare: Any) -> None:  # noqa: A002
        """`rare`: values of the other attributes."""
        self.rare: dict[str, Any] | None = None
        self.id = id
        self.order = order  # as intended: never computed again
        self.shows = shows or {}
        for name, value in rare.items():
            setattr(self, name, value)

    @property
    def id(self) -> str:
        """Its uuid; empty unless it is known to exist in Atlas."""
        return unpack_id(self._id)

    @id.setter  # noqa: A003 - the setter of this property
    def id(self, text: str) -> None:
        self._id = pack_id(text)

    @property
    def shows(self) -> Mapping[str, str]:
        """The fingerprints of the values that Atlas shows, by field. A copy."""
        return unpack(self._shows)

    @shows.setter
    def shows(self, shows: Mapping[str, str]) -> None:
        self._shows = pack(shows)

    @property
    def is_created(self) -> bool:
        """Whether this session created it, according to the receipts."""
        return bool(self._id) and (not self.adopted or self.order is not None)

    def __repr__(self) -> str:
        return f"<KnownEntity {self.id or 'not in Atlas'}, order {self.order}, {self.rare or {}}>"

    def copy(self, **changes: Any) -> "KnownEntity":
        """Return a copy with other values of the named attributes."""
        return KnownEntity(**{"id": self.id, "order": self.order, "shows": self.shows, **(self.rare or {}), **changes})


@dataclass(frozen=True, slots=True)
class Note:
    """What other authors wrote on an entity, as it was read."""

    key: str
    foreign_text: str | None
    step: Step | None  # of a step
    is_set_by_hand: bool  # a person set the status of the step
    blocks: str = ""  # of other sessions, in the description of the run


class KnownIds:
    """The uuids of the entities in the receipts. Kept only for runs that are read, because they take memory."""

    def __init__(self, entities: Iterable[KnownEntity], claims: Iterable[KnownEntity]) -> None:
        self.verified: set[str] = set()
        """Of entities that are known to be entities of the session."""
        self.created: set[str] = set()
        """Of those that the session created."""
        self.taken = {claim.id for claim in claims}
        """Of all that no other entity of the session can be: verified ones, and claims that are not verified yet."""
        for entity in entities:
            self.add(entity)

    def add(self, entity: KnownEntity) -> None:
        """Add an entity of the session."""
        if entity.id:
            self.verified.add(entity.id)
            self.taken.add(entity.id)
        if entity.is_created:
            self.created.add(entity.id)

    def refuse(self, claim: KnownEntity) -> None:
        """Allow the entity of `claim` to be another one than its receipt claimed."""
        if claim.id not in self.verified:
            self.taken.discard(claim.id)


_OfOne = rc.Intended | rc.Created | rc.Uploaded | rc.Updated | rc.NotCreated | rc.Rejected | rc.Preserved | rc.Ignored


class Observed:
    """Every entity that the receipts of one Atlas name."""

    def __init__(self, receipts: Iterable[rc.Receipt] = ()) -> None:
        self.entities: dict[str, KnownEntity] = {}
        self.choice: Choice = JOURNAL
        self.claims: dict[str, KnownEntity] = {}
        """Entities of receipts that are not verified (`recovery.verify`): nothing in Atlas is changed for them."""
        self.run_is_deleted = False  # Atlas no longer had the run when it was last read
        self.doubts: set[str] = set()  # keys with an unconfirmed request since the run was last settled
        self.set_by_hand: dict[str, None] = {}
        """Keys of steps whose status a person set, as they were last read."""
        self.ever_unconfirmed: dict[str, None] = {}  # keys with an unconfirmed request, which may still take effect
        self._registered: dict[str, dict[str, None]] = {}  # URL -> keys of files that were registered with it
        self._ids: KnownIds | None = None
        for receipt in receipts:
            self.apply(receipt)

    @property
    def ids(self) -> KnownIds:
        """The uuids of all entities."""
        if self._ids is None:
            self._ids = KnownIds(self.entities.values(), self.claims.values())
        return self._ids

    def get(self, key: str) -> KnownEntity:
        """Return the entity `key`; an empty one if the receipts don't name it."""
        return self.entities.get(key) or KnownEntity()

    def is_registered_elsewhere(self, key: str) -> bool:
        """Return whether another file is registered with the URL of the file `key`."""
        url = self.get(key).url
        others = ((self.get(other), other) for other in self._registered.get(url, ()))
        return any(known.id and known.url == url and other != key for known, other in others)

    def apply(self, receipt: rc.Receipt) -> None:
        """Apply one receipt."""
        match receipt:
            case rc.TargetNamed():
                pass
            case rc.RunChosen():
                self.choice = _chosen(receipt)
            case rc.Settled():
                self.doubts.clear()
            case rc.Unconfirmed():
                self.doubts.add(receipt.key)
                self.ever_unconfirmed[receipt.key] = None
            case rc.Rejected(key=key, deleted=True) if key == RUN:
                self.run_is_deleted = True
            case rc.Ignored(key=key) if key == RUN:  # all receipts are about another run
                self.entities.clear()
                self.claims.clear()
                self.set_by_hand.clear()
                self.doubts.clear()
                self.ever_unconfirmed.clear()
                self.run_is_deleted = False
                self._ids = None
            case _:
                self._apply(receipt, self.entities.setdefault(receipt.key, KnownEntity()))

    def _apply(self, receipt: _OfOne, known: KnownEntity) -> None:
        match receipt:
            case rc.Uploaded():
                known.url, known.size = receipt.url, receipt.size
            case rc.Intended():
                known.unconfirmed, known.order, known.listed = True, receipt.order, receipt.listed
            case rc.Created():
                known.id, known.ref, known.card, known.adopted = receipt.id, receipt.ref, receipt.card, receipt.adopted
                known.unconfirmed, known.skipped = False, ""
                known.shows = receipt.shows
                self.run_is_deleted = self.run_is_deleted and receipt.key != RUN
                self._register(receipt.key, known)
            case rc.Updated():
                known.shows = {**known.shows, **receipt.shows}
            case rc.NotCreated():
                known.unconfirmed = False
            case rc.Rejected():
                known.skipped, known.prose_only, known.unconfirmed = receipt.why, receipt.prose_only, receipt.unconfirmed
            case rc.Preserved():
                known.unconfirmed = False  # of version 0.1.0; the next read decides
            case rc.Ignored():
                _forget(known)
                self.drop_claim(receipt.key)

    def drop_claim(self, key: str) -> None:
        """Forget the claim of `key`, if there is one."""
        self.claims.pop(key, None)

    def distrust(self) -> None:
        """Turn every entity with a uuid into a claim, because this process has not read the run. Reports are only read."""
        for key, known in self.entities.items():
            if known.id and not key.startswith(REPORT):
                self.claims[key] = known.copy()
                _forget(known)
        self._ids = None

    def keep_urls(self, is_own: Callable[[str], bool]) -> None:
        """Forget the URLs of files that `is_own` does not accept, so that the files are uploaded again."""
        for known in self.entities.values():
            if known.url and not is_own(known.url):
                known.url, known.size = "", 0

    def refuse(self, key: str) -> None:
        """Forget the claim of `key`, which the run does not confirm, and its order."""
        claim = self.claims.pop(key)
        self.ids.refuse(claim)
        self.entities[key].order = None

    def confirm(self, key: str, known: KnownEntity) -> None:
        """Replace the claim of `key` by the entity `known`, which the run confirms."""
        del self.claims[key]
        self.entities[key] = known
        self._register(key, known)

    def _register(self, key: str, known: KnownEntity) -> None:
        if self._ids is not None:
            self._ids.add(known)
        if known.url:
            self._registered.setdefault(known.url, {})[key] = None

    def unconfirmed(self) -> list[str]:
        """Return the keys of unconfirmed creates: they may or may not exist in Atlas."""
        return [key for key, known in self.entities.items() if known.unconfirmed and not known.id]

    def skipped(self) -> dict[str, str]:
        """Return the keys of skipped entities, with the reasons."""
        return {key: known.skipped for key, known in self.entities.items() if known.skipped}

    def note(self, note: Note) -> None:
        """Keep what other authors wrote on an entity."""
        entity = self.entities[note.key]
        entity.foreign_text, entity.blocks = note.foreign_text, note.blocks
        if note.step is not None:
            entity.step = note.step
            self.set_by_hand.pop(note.key, None)
            if note.is_set_by_hand:
                self.set_by_hand[note.key] = None

    def retry_skipped(self) -> None:
        """Forget which entities were skipped: each push retries them."""
        for known in self.entities.values():
            known.skipped, known.prose_only = "", False


def _forget(known: KnownEntity) -> None:
    """Forget that the entity is in Atlas, but not its order and the URL of its content."""
    known.id, known.ref, known.card, known.adopted, known.shows = "", "", "", False, {}


def _chosen(receipt: rc.RunChosen) -> Choice:
    key = "" if receipt.key is None and receipt.run == "" else receipt.key  # version 0.1.0 wrote no key
    return Choice(run=receipt.run, key=key, overwrite=receipt.overwrite, from_elsewhere=receipt.from_elsewhere)
