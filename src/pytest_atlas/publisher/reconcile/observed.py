"""What an Atlas has acknowledged, folded from the receipts. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from pytest_atlas.atlas.models import Step
from pytest_atlas.journal import receipts as rc
from pytest_atlas.session.choice import JOURNAL, Choice
from pytest_atlas.session.state import RUN

from .packed import pack, pack_id, unpack, unpack_id

T = TypeVar("T")

REPORT = "report:"
"""How the keys of reports begin."""


class _Rare(Generic[T]):
    """An attribute of `KnownEntity` that has its default for most entities, and takes no memory then."""

    def __init__(self, default: T) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, seen: "KnownEntity", owner: type) -> T:
        return seen.rare.get(self._name, self._default) if seen.rare else self._default

    def __set__(self, seen: "KnownEntity", value: T) -> None:
        if value != self._default:
            seen.rare = {**(seen.rare or {}), self._name: value}
        elif seen.rare and self._name in seen.rare:
            seen.rare = {name: other for name, other in seen.rare.items() if name != self._name} or None


class KnownEntity:
    """What is known of one entity in Atlas. Compact, since a session can have 100,000 tests."""

    __slots__ = ("_id", "_shows", "order", "rare")

    ref = _Rare("")  # of a run: TR-0042
    card = _Rare("")  # of a step that stands in another card than it should: that one's id
    adopted = _Rare(False)  # it was found there
    in_doubt = _Rare(False)  # a create was intended, and it is not known whether it took effect
    url = _Rare("")  # of a file: where its content is
    size = _Rare(0)  # of a file, in bytes
    listed = _Rare[tuple[str, ...]](())  # of a report: the reports that existed before the request
    aside = _Rare("")  # why it was refused
    prose_only = _Rare(False)  # only its text was refused
    step = _Rare[Step | None](None)  # of a step: as it was last read, before what this process sent after that
    theirs = _Rare[str | None](None)
    """What a person or a template wrote there, as it was last read: never from receipts, since people go on writing."""

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
        """Its uuid; empty as long as it is not known to be there."""
        return unpack_id(self._id)

    @id.setter  # noqa: A003 - the setter of this property
    def id(self, text: str) -> None:
        self._id = pack_id(text)

    @property
    def shows(self) -> Mapping[str, str]:
        """What Atlas shows of it: field -> fingerprint. A copy."""
        return unpack(self._shows)

    @shows.setter
    def shows(self, shows: Mapping[str, str]) -> None:
        self._shows = pack(shows)

    @property
    def was_made(self) -> bool:
        """Whether it is this session's own creation, as far as the receipts know."""
        return bool(self._id) and (not self.adopted or self.order is not None)

    def __repr__(self) -> str:
        return f"<Seen {self.id or 'not in Atlas'}, order {self.order}, {self.rare or {}}>"

    def copy(self, **changes: Any) -> "KnownEntity":
        """Return a copy with other values of the named attributes."""
        return KnownEntity(**{"id": self.id, "order": self.order, "shows": self.shows, **(self.rare or {}), **changes})


_OfOne = rc.Intended | rc.Created | rc.Uploaded | rc.Updated | rc.NotCreated | rc.Rejected | rc.Preserved | rc.Ignored


class Observed:
    """Every entity that this Atlas was ever told of."""

    def __init__(self, receipts: Iterable[rc.Receipt] = ()) -> None:
        self.entities: dict[str, KnownEntity] = {}
        self.choice: Choice = JOURNAL
        self.claims: dict[str, KnownEntity] = {}
        """Entities that only the receipts know. Nothing in Atlas is changed for them until `sending.verify` confirms them."""
        self._registered: dict[str, dict[str, None]] = {}  # URL -> keys of files that were registered with it
        self.doubts: set[str] = set()  # keys with a call in doubt since the run was last settled
        self.set_by_hand: dict[str, None] = {}
        """Keys of steps whose status a person set, as they were last read."""
        self.ever_in_doubt: dict[str, None] = {}  # keys whose call in doubt may have taken effect after that, too
        for receipt in receipts:
            self.apply(receipt)

    def get(self, key: str) -> KnownEntity:
        """What is known of `key`; an empty record where nothing is."""
        return self.entities.get(key) or KnownEntity()

    def is_registered_elsewhere(self, key: str) -> bool:
        """Whether another file is registered with the URL of the file `key`."""
        url = self.get(key).url
        others = ((self.get(other), other) for other in self._registered.get(url, ()))
        return any(seen.id and seen.url == url and other != key for seen, other in others)

    def apply(self, receipt: rc.Receipt) -> None:
        """Take one receipt."""
        match receipt:
            case rc.TargetNamed():
                pass
            case rc.RunChosen():
                self.choice = _chosen(receipt)
            case rc.Settled():
                self.doubts.clear()
            case rc.Unconfirmed():
                self.doubts.add(receipt.key)
                self.ever_in_doubt[receipt.key] = None
            case rc.Ignored(key=key) if key == RUN:  # they are about another run
                self.entities.clear()
                self.claims.clear()
                self.set_by_hand.clear()
                self.doubts.clear()
                self.ever_in_doubt.clear()
            case _:
                self._apply(receipt, self.entities.setdefault(receipt.key, KnownEntity()))

    def _apply(self, receipt: _OfOne, seen: KnownEntity) -> None:
        match receipt:
            case rc.Uploaded():
                seen.url, seen.size = receipt.url, receipt.size
            case rc.Intended():
                seen.in_doubt, seen.order, seen.listed = True, receipt.order, receipt.listed
            case rc.Created():
                seen.id, seen.ref, seen.card, seen.adopted = receipt.id, receipt.ref, receipt.card, receipt.adopted
                seen.in_doubt, seen.aside = False, ""
                seen.shows = receipt.shows
                self._register(receipt.key, seen)
            case rc.Updated():
                seen.shows = {**seen.shows, **receipt.shows}
            case rc.NotCreated():
                seen.in_doubt = False
            case rc.Rejected():
                seen.aside, seen.prose_only, seen.in_doubt = receipt.why, receipt.prose_only, receipt.unconfirmed
            case rc.Preserved():
                seen.in_doubt = False  # of version 0.1.0; the next look decides
            case rc.Ignored():
                _forget(seen)
                self.claims.pop(receipt.key, None)

    def distrust(self) -> None:
        """Turn every entity that has an id into a claim: this process has not read the run yet. Reports are only read."""
        for key, seen in self.entities.items():
            if seen.id and not key.startswith(REPORT):
                self.claims[key] = seen.copy()
                _forget(seen)

    def keep_urls(self, is_own: Callable[[str], bool]) -> None:
        """Forget where the contents of files are, except for URLs that `is_own` accepts: the others are uploaded again."""
        for seen in self.entities.values():
            if seen.url and not is_own(seen.url):
                seen.url, seen.size = "", 0

    def refuse(self, key: str) -> None:
        """Atlas does not confirm the claim of `key`: neither its id nor its order is used."""
        del self.claims[key]
        self.entities[key].order = None

    def confirm(self, key: str, seen: KnownEntity) -> None:
        """Atlas confirms the claim of `key`, with these values."""
        del self.claims[key]
        self.entities[key] = seen
        self._register(key, seen)

    def _register(self, key: str, seen: KnownEntity) -> None:
        if seen.url:
            self._registered.setdefault(seen.url, {})[key] = None

    def in_doubt(self) -> list[str]:
        """The keys whose create was intended and never heard of again: after a crash, they may or may not exist."""
        return [key for key, seen in self.entities.items() if seen.in_doubt and not seen.id]

    def refused(self) -> dict[str, str]:
        """The keys that were set aside, and why."""
        return {key: seen.aside for key, seen in self.entities.items() if seen.aside}

    def note_step(self, key: str, step: Step, *, is_set_by_hand: bool) -> None:
        """Note the step `key` as it was read, and whether a person set its status."""
        self.entities[key].step = step
        self.set_by_hand.pop(key, None)
        if is_set_by_hand:
            self.set_by_hand[key] = None

    def try_again(self) -> None:
        """Forget what was set aside: a new push tries it once more."""
        for seen in self.entities.values():
            seen.aside, seen.prose_only = "", False


def _forget(seen: KnownEntity) -> None:
    """Forget that the entity is in Atlas. Its order, and the place of its content, remain."""
    seen.id, seen.ref, seen.card, seen.adopted, seen.shows = "", "", "", False, {}


def _chosen(receipt: rc.RunChosen) -> Choice:
    key = "" if receipt.key is None and receipt.run == "" else receipt.key  # version 0.1.0 wrote no key
    return Choice(run=receipt.run, key=key, overwrite=receipt.overwrite, from_elsewhere=receipt.from_elsewhere)
