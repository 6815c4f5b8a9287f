"""A run that was read, indexed by identity line and title. Pure, and never changed.

A step is found by its identity line, a card by its title, and both by their order if a receipt has it. In a shared run, a step
is found by its identity line on any card, and a step without an identity line by its title. Entities that belong to the session
already are passed as `taken`, see `Observed`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import cached_property

from pytest_atlas.atlas.models import Card, DataFile, Run, Step
from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import identity_line_of
from pytest_atlas.publisher.reconcile.observed import KnownEntity
from pytest_atlas.session.desired import DesiredCard, DesiredStep
from pytest_atlas.session.model import STEP


@dataclass(frozen=True, slots=True)
class Found:
    """A card or step in Atlas."""

    entity: Card | Step
    card_id: str  # of the card of the step, or of the card itself
    identity_line: str = ""

    @property
    def age(self) -> tuple[str, str]:
        """Sorts the earliest first."""
        return (self.entity.created_at.isoformat() if self.entity.created_at else "", self.entity.uuid)


class RunIndex:
    """A run with its content. `shared`: it may have entities of other authors, so that orders identify nothing."""

    def __init__(self, run: Run, *, shared: bool) -> None:
        self.run = run
        self.shared = shared
        self.entities: dict[str, Run | Card | Step] = {run.uuid: run}  # the run, its cards and their steps, by uuid
        self.card_of: dict[str, str] = {}  # the uuid of the card of each step, by the uuid of the step
        self._cards = [Found(card, card.uuid) for card in run.test_cards]
        self._by_line: dict[str, list[Found]] = defaultdict(list)
        self._by_title: dict[tuple[str, str], list[Found]] = defaultdict(list)
        for card in run.test_cards:
            self.entities[card.uuid] = card
            for step in card.test_steps:
                self.entities[step.uuid] = step
                self.card_of[step.uuid] = card.uuid
                line = identity_line_of(step.description)
                if line:
                    self._by_line[line].append(Found(step, card.uuid, line))
                else:
                    self._by_title[card.uuid, _plain(step.title)].append(Found(step, card.uuid))

    def url_of(self, file_id: str) -> str:
        """Return the URL of a registered data file, wherever it is in the run; empty if there is none with this uuid."""
        return self._urls.get(file_id, "")

    def next_order(self, created: Collection[str], card_id: str = "") -> int:
        """Return the offset for the orders of new steps in this card, or of new cards in the run.

        It is the last order of existing entities, except for those that the session has `created` (uuids).
        """
        if not self.shared:
            return 0
        parent = self.entities.get(card_id or self.run.uuid)
        children = parent.test_steps if isinstance(parent, Card) else parent.test_cards if isinstance(parent, Run) else []
        last = max((child.order or 0 for child in children if child.uuid not in created), default=0)
        return -(-last // STEP) * STEP

    def find(self, want: DesiredCard | DesiredStep, known: KnownEntity, card_id: str, taken: Collection[str]) -> Found | None:
        """Return the card or step that `want` is, if it exists and is not `taken` (uuids); the best match of several."""
        free = [found for found in self.matching(want, known, card_id, taken) if found.entity.uuid not in taken]
        order = known.order if known.order is not None else want.order
        best = sorted(free, key=lambda f: (f.entity.order != order, f.card_id != card_id, f.entity.order or 0, f.age))
        return best[0] if best else None

    def matching(
        self, want: DesiredCard | DesiredStep, known: KnownEntity, card_id: str, taken: Collection[str]
    ) -> Iterator[Found]:
        """Yield everything that may be `want`, also if it is `taken`."""
        order = known.order if known.order is not None else want.order
        if isinstance(want, DesiredCard):
            yield from (found for found in self._cards if self.is_card(found.entity, want, known, order))
            return
        same_line = self._by_line.get(want.identity_line, [])
        if not self.shared:  # without a receipt, the order is not compared: it depends on the sequence of the events
            yield from (f for f in same_line if f.card_id == card_id and (known.order is None or f.entity.order == order))
            return
        yield from same_line
        if all(found.entity.uuid in taken for found in same_line):
            yield from self._by_title.get((card_id, _plain(want.title)), [])

    def is_card(self, card: Card | Step, want: DesiredCard, known: KnownEntity, order: int | None) -> bool:
        """Return whether `card` has the title of `want` and, if the receipts have one, its order."""
        has_title = _plain(card.title) == _plain(want.title)
        if known.order is None:
            return has_title or (card.order == order and bool(want.template_id) and not self.shared)
        return card.order == order and (has_title or bool(want.template_id))

    def file(self, owner_id: str, url: str, taken: Collection[str]) -> DataFile | None:
        """Return the earliest record of a data file on a step, a card or the run that is not `taken` (uuids)."""
        file = self._files.get((owner_id, url))
        return file if file is not None and file.uuid not in taken else None

    @cached_property
    def _files(self) -> dict[tuple[str, str], DataFile]:
        return registered(self.run)

    @cached_property
    def _urls(self) -> dict[str, str]:
        return {file.uuid: file.s3_url for files in places(self.run).values() for file in files}


def _plain(title: str) -> str:
    return " ".join(title.split())


def registered(run: Run) -> dict[tuple[str, str], DataFile]:
    """Return the data files of `run` by the uuid of their step, card or run and their URL; of duplicates, the earliest."""
    return {
        (owner, file.s3_url): file for owner, files in places(run).items() for file in sorted(files, key=_age, reverse=True)
    }


def places(run: Run) -> dict[str, list[DataFile]]:
    """Return the data files of each step, each card and the run, by its uuid. A run may also list the files of its steps."""
    found = {step.uuid: step.test_data for card in run.test_cards for step in card.test_steps}
    on_steps = {file.uuid for files in found.values() for file in files}
    for card in run.test_cards:
        found[card.uuid] = [file for file in card.test_data if file.uuid not in on_steps]
    below = {file.uuid for files in found.values() for file in files}
    return {**found, run.uuid: [file for file in run.test_data if file.uuid not in below]}


def _age(file: DataFile) -> tuple[str, str]:
    return (file.created_at.isoformat() if file.created_at else "", file.uuid)
