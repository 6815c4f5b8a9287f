"""What stands in a run of Atlas, as it was read: looked up by what identifies it. Pure.

A step of ours is recognised by C1's line, a card by its title, and both by their order where a receipt knows that. In a run
that others write into, too, a step is recognised by C1's line on any card, and what has none by its title.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_atlas.atlas.models import Card, DataFile, Run, Step
from pytest_atlas.descriptions import identity_line_of
from pytest_atlas.publisher.reconcile.observed import KnownEntity, Observed
from pytest_atlas.session.desired import DesiredCard, DesiredStep
from pytest_atlas.session.model import STEP


@dataclass(frozen=True, slots=True)
class Found:
    """A card or step in Atlas, with the id of the card that it stands in."""

    thing: Card | Step
    card_id: str
    mark: str = ""

    @property
    def age(self) -> tuple[str, str]:
        """Sorts the earliest first."""
        return (self.thing.created_at.isoformat() if self.thing.created_at else "", self.thing.uuid)


class RunIndex:
    """A run with what is in it. `shared`: others write into it, too, so that orders say little."""

    def __init__(self, run: Run, observed: Observed, *, shared: bool) -> None:
        self.run = run
        self.shared = shared
        self.things: dict[str, Run | Card | Step] = {run.uuid: run}
        """Run, cards and steps by their ids."""
        self.claimed = {seen.id for seen in observed.entities.values() if seen.id}
        """The ids of the session's entities. Claims of the receipts are added when they are confirmed."""
        self.taken = self.claimed | {claim.id for claim in observed.claims.values()}
        """What `find` passes over: the session's entities, and claims that are still to be checked."""
        self.card_of: dict[str, str] = {}
        """The id of the card of each step, by the id of the step."""
        self._own = {seen.id for seen in observed.entities.values() if seen.was_made}
        self._cards = [Found(card, card.uuid) for card in run.test_cards]
        self._by_mark: dict[str, list[Found]] = defaultdict(list)
        self._by_title: dict[tuple[str, str], list[Found]] = defaultdict(list)
        self._files: dict[tuple[str, str], DataFile] | None = None
        self._urls: dict[str, str] | None = None
        for card in run.test_cards:
            self.things[card.uuid] = card
            for step in card.test_steps:
                self.things[step.uuid] = step
                self.card_of[step.uuid] = card.uuid
                mark = identity_line_of(step.description)
                if mark:
                    self._by_mark[mark].append(Found(step, card.uuid, mark))
                else:
                    self._by_title[card.uuid, _plain(step.title)].append(Found(step, card.uuid))

    def confirm(self, seen: KnownEntity) -> None:
        """Note that `seen` is an entity of the session."""
        self.claimed.add(seen.id)
        self.taken.add(seen.id)
        if seen.was_made:
            self._own.add(seen.id)

    def refuse(self, id_: str) -> None:
        """Let `find` take the entity `id_` for another one: it is not the one that a receipt claimed."""
        if id_ not in self.claimed:
            self.taken.discard(id_)

    def url_of(self, file_id: str) -> str:
        """The URL of a registered data file, wherever in the run; empty if there is none with this id."""
        if self._urls is None:
            self._urls = {file.uuid: file.s3_url for files in places(self.run).values() for file in files}
        return self._urls.get(file_id, "")

    def behind(self, card_id: str = "") -> int:
        """What the orders of new steps in this card, or of new cards in the run, are counted from: all there is, but ours."""
        holder = self.things.get(card_id or self.run.uuid)
        things = holder.test_steps if isinstance(holder, Card) else holder.test_cards if isinstance(holder, Run) else []
        last = max((thing.order or 0 for thing in things if thing.uuid not in self._own), default=0)
        return -(-last // STEP) * STEP if self.shared else 0

    def find(self, want: DesiredCard | DesiredStep, seen: KnownEntity, card_id: str) -> Found | None:
        """The card or step that `want` is, if it is there and nobody's yet; the best fitting of several."""
        fitting = [found for found in self.matching(want, seen, card_id) if found.thing.uuid not in self.taken]
        if not fitting:
            return None
        order = seen.order if seen.order is not None else want.order
        best = min(fitting, key=lambda f: (f.thing.order != order, f.card_id != card_id, f.thing.order or 0, f.age))
        self.taken.add(best.thing.uuid)
        return best

    def matching(self, want: DesiredCard | DesiredStep, seen: KnownEntity, card_id: str) -> Iterator[Found]:
        """All that may be `want`, taken or not."""
        order = seen.order if seen.order is not None else want.order
        if isinstance(want, DesiredCard):
            yield from (found for found in self._cards if self.is_card(found.thing, want, seen, order))
            return
        marked = self._by_mark.get(want.identity_line, [])
        if not self.shared:  # an order that no receipt knows may have been counted otherwise: facts come in another sequence
            yield from (f for f in marked if f.card_id == card_id and (seen.order is None or f.thing.order == order))
            return
        yield from marked
        if all(found.thing.uuid in self.taken for found in marked):
            yield from self._by_title.get((card_id, _plain(want.title)), [])

    def is_card(self, card: Card | Step, want: DesiredCard, seen: KnownEntity, order: int | None) -> bool:
        """Whether `card` has the title of `want` and, if the receipts know one, its order."""
        has_title = _plain(card.title) == _plain(want.title)
        if seen.order is None:
            return has_title or (card.order == order and bool(want.template_id) and not self.shared)
        return card.order == order and (has_title or bool(want.template_id))

    def file(self, owner_id: str, url: str) -> DataFile | None:
        """The record of a data file on a step, a card or the run, if nobody has taken it yet."""
        if self._files is None:
            self._files = {place: file for place, file in registered(self.run).items() if file.uuid not in self.taken}
        return self._files.pop((owner_id, url), None)


def _plain(title: str) -> str:
    return " ".join(title.split())


def registered(run: Run) -> dict[tuple[str, str], DataFile]:
    """The data files of `run`, by the id of the step, card or run that they hang on and their URL; the earliest of twins."""
    return {
        (owner, file.s3_url): file for owner, files in places(run).items() for file in sorted(files, key=_age, reverse=True)
    }


def places(run: Run) -> dict[str, list[DataFile]]:
    """The data files of each step, each card and the run itself, by its id. A run may list those of its steps too."""
    found = {step.uuid: step.test_data for card in run.test_cards for step in card.test_steps}
    on_steps = {file.uuid for files in found.values() for file in files}
    for card in run.test_cards:
        found[card.uuid] = [file for file in card.test_data if file.uuid not in on_steps]
    below = {file.uuid for files in found.values() for file in files}
    return {**found, run.uuid: [file for file in run.test_data if file.uuid not in below]}


def _age(file: DataFile) -> tuple[str, str]:
    return (file.created_at.isoformat() if file.created_at else "", file.uuid)
