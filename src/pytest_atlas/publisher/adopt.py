"""Find our own entities in a run that was read back: what was made though its answer never came, and what was made twice.

Pure. An entity is recognised by what identifies it: C1's line and its order for a step, title and order for a card, C1's
line for a run. Nothing here is ever made, only matched.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pytest_atlas.atlas.models import Card, DataFile, Run, Step
from pytest_atlas.atlas.operations import DeleteCard, DeleteDataFile, DeleteStep
from pytest_atlas.journal.receipts import Made, Shown, fingerprint

from . import desired
from .desired import Entity
from .facts import RUN, Facts
from .observed import Observed
from .texts import mark_of

CLOCK_GRAIN_S = 0.001
"""A server may keep times less finely than we send them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A card or step in Atlas, with the id of the card that it stands in."""

    thing: Card | Step
    card_id: str

    @property
    def age(self) -> tuple[str, str]:
        """Sorts the earliest first."""
        return (self.thing.created_at.isoformat() if self.thing.created_at else "", self.thing.uuid)


def adopt(run: Run, facts: Facts, observed: Observed, keys: Iterable[str]) -> Iterator[Made]:
    """What of `keys` (parents first) is in `run` and not yet known to be: a receipt for each."""
    taken = {seen.id for seen in observed.entities.values() if seen.id}
    ids = {key: seen.id for key, seen in observed.entities.items() if seen.id}
    files = registered(run)
    for key in keys:
        want = desired.entity(facts, key)
        if want.kind == "run" or observed.get(key).id:
            continue
        if want.kind == "file":
            file = files.get((ids.get(want.parent, ""), observed.get(key).url))
            if file is not None and file.uuid not in taken:
                taken.add(file.uuid)
                yield Made(key=key, id=file.uuid, adopted=True)
            continue
        order = observed.get(key).order or want.order
        fitting = sorted((f for f in _matching(run, want, order, ids) if f.thing.uuid not in taken), key=lambda f: f.age)
        if fitting:
            thing = fitting[0].thing
            taken.add(thing.uuid)
            ids[key] = thing.uuid
            yield Made(key=key, id=thing.uuid, shows=shown(thing, want), adopted=True)


def registered(run: Run) -> dict[tuple[str, str], DataFile]:
    """The data files of `run`, by the id of the step, card or run that they hang on and their URL; the earliest of twins."""
    return {
        (owner, file.s3_url): file for owner, files in _places(run).items() for file in sorted(files, key=_age, reverse=True)
    }


def _places(run: Run) -> dict[str, list[DataFile]]:
    """The data files of each step, each card and the run itself, by its id. A run may list those of its steps too."""
    places = {step.uuid: step.test_data for card in run.test_cards for step in card.test_steps}
    on_steps = {file.uuid for files in places.values() for file in files}
    for card in run.test_cards:
        places[card.uuid] = [file for file in card.test_data if file.uuid not in on_steps]
    below = {file.uuid for files in places.values() for file in files}
    return {**places, run.uuid: [file for file in run.test_data if file.uuid not in below]}


def twin_files(run: Run, observed: Observed) -> Iterator[DeleteDataFile]:
    """The calls that remove records of data files which stand twice at one place, beside one that the receipts know."""
    known = {seen.id: seen.url for seen in observed.entities.values() if seen.id and seen.url}
    for files in _places(run).values():
        ours = {file.s3_url for file in files if file.uuid in known}
        for file in files:
            if file.s3_url in ours and file.uuid not in known:
                yield DeleteDataFile(run_id=run.uuid, file_id=file.uuid)  # type: ignore[arg-type]


def _age(file: DataFile) -> tuple[str, str]:
    return (file.created_at.isoformat() if file.created_at else "", file.uuid)


def refreshed(run: Run, facts: Facts, observed: Observed) -> Iterator[tuple[str, Shown]]:
    """What the entities that we know of really show in `run`; nothing for those that are not there."""
    there: dict[str, Run | Card | Step] = {run.uuid: run}
    for card in run.test_cards:
        there[card.uuid] = card
        there.update({step.uuid: step for step in card.test_steps})
    for key in desired.keys(facts):
        thing = there.get(observed.get(key).id)
        if thing is not None:
            yield key, shown(thing, desired.entity(facts, key))


def missing(run: Run, ids: Iterable[str]) -> set[str]:
    """Which of `ids` (of cards and steps) are not in `run` any more."""
    there = {card.uuid for card in run.test_cards} | {step.uuid for card in run.test_cards for step in card.test_steps}
    return {own for own in ids if own and own not in there}


def twins(run: Run, facts: Facts, observed: Observed) -> Iterator[DeleteStep | DeleteCard]:
    """The calls that remove what stands twice: entities with our identity that no receipt knows, beside one that it does.

    The one that the receipts know stays, since outcome and files hang on it. A card goes only when nothing stands in it.
    """
    known = {seen.id for seen in observed.entities.values() if seen.id}
    ids = {key: seen.id for key, seen in observed.entities.items() if seen.id}
    for key in desired.keys(facts):
        want = desired.entity(facts, key)
        if want.kind in ("run", "file") or not observed.get(key).id:
            continue
        for found in _matching(run, want, observed.get(key).order or want.order, ids):
            if found.thing.uuid in known:
                continue
            known.add(found.thing.uuid)
            if isinstance(found.thing, Step):
                yield DeleteStep(run_id=run.uuid, card_id=found.card_id, step_id=found.thing.uuid)  # type: ignore[arg-type]
            elif not found.thing.test_steps and not found.thing.test_data:
                yield DeleteCard(run_id=run.uuid, card_id=found.thing.uuid)  # type: ignore[arg-type]


def shown(thing: Run | Card | Step, want: Entity) -> Shown:
    """What `thing` shows, as fingerprints; a value that only reads differently counts as the one we want."""
    got = {"title": thing.title, "description": thing.description}
    if isinstance(thing, Step):
        got |= {"execution_status": thing.execution_status, "exception": thing.exception or ""}
        got |= {name: time.isoformat() for name in ("started_at", "ended_at") if (time := getattr(thing, name))}
    return {
        name: fingerprint(want.shows[name] if name in want.shows and _same(name, value, want.shows[name]) else value)
        for name, value in got.items()
        if value
    }


def _matching(run: Run, want: Entity, order: int | None, ids: dict[str, str]) -> Iterator[Found]:
    for card in run.test_cards:
        if want.kind == "card":
            if card.order == order and ("template_id" in want.once or card.title == want.shows["title"]):
                yield Found(card, card.uuid)
        elif card.uuid == ids.get(want.parent):
            yield from (
                Found(s, card.uuid) for s in card.test_steps if s.order == order and mark_of(s.description) == want.mark
            )


def _same(name: str, got: str, wanted: str) -> bool:
    if name in ("started_at", "ended_at"):
        return abs((datetime.fromisoformat(got) - datetime.fromisoformat(wanted)).total_seconds()) < CLOCK_GRAIN_S
    return got.strip() == wanted.strip()


def is_ours(run: Run, facts: Facts) -> bool:
    """Whether `run` is the one of this session: its description ends with C1's line."""
    return mark_of(run.description) == desired.entity(facts, RUN).mark
