"""Match the entities of a session with a run that was read. Pure.

Entities exist although their response was lost, because an earlier attempt created them, or twice. The functions return the
receipt to write or the operation that deletes a duplicate; they create nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pytest_atlas.atlas.models import Card, Run, Step
from pytest_atlas.atlas.operations import DeleteCard, DeleteDataFile, DeleteStep
from pytest_atlas.base.identifiers import is_uuid
from pytest_atlas.descriptions import identity_line_of
from pytest_atlas.journal.receipts import Created, Shown, fingerprint
from pytest_atlas.publisher.reconcile import merge
from pytest_atlas.publisher.reconcile.observed import Note, Observed
from pytest_atlas.session import desired
from pytest_atlas.session.desired import DesiredCard, DesiredFile, DesiredRun, DesiredStep
from pytest_atlas.session.state import SessionState

from . import shared_run
from .run_index import RunIndex, places


def adopt(index: RunIndex, state: SessionState, observed: Observed, key: str) -> Created | None:
    """Return a receipt for `key`, which is not known to be in Atlas, if the run has the entity."""
    want, known = desired.entity(state, key), observed.get(key)
    owner = observed.get(want.parent)
    if isinstance(want, DesiredRun):
        return None  # `find_run` finds it
    if isinstance(want, DesiredFile):
        file = index.file(owner.id, known.url, observed.ids.taken)
        return Created(key=key, id=file.uuid, adopted=True) if file else None
    found = index.find(want, known, owner.id, observed.ids.taken)
    if found is None:
        return None
    card = found.card_id if isinstance(want, DesiredStep) and found.card_id != owner.id else ""
    shows = shown(found.entity, want, shared=index.shared)
    return Created(key=key, id=found.entity.uuid, card=card, shows=shows, adopted=True)


def notes(index: RunIndex, state: SessionState, observed: Observed, keys: Iterable[str]) -> Iterator[Note]:
    """Yield what other authors wrote on these cards and steps of the session, or on its run."""
    for key in keys:
        entity, want = index.entities.get(observed.get(key).id), desired.entity(state, key)
        if entity is None or isinstance(want, DesiredFile):
            continue
        step = entity if isinstance(entity, Step) and isinstance(want, DesiredStep) else None
        by_hand = step is not None and merge.is_set_by_hand(step, want.identity_line)
        text = shared_run.foreign_text(entity, want) if index.shared else observed.get(key).foreign_text
        yield Note(key, text, step, is_set_by_hand=by_hand, blocks=shared_run.blocks_of_others(entity, want))


def duplicate_files(run: Run, observed: Observed) -> Iterator[DeleteDataFile]:
    """Yield operations that delete duplicate records of data files: same URL and same entity as a verified one."""
    known = {entity.id: entity.url for entity in observed.entities.values() if entity.id and entity.url}
    for files in places(run).values():
        ours = {file.s3_url for file in files if file.uuid in known}
        for file in files:
            if file.s3_url in ours and file.uuid not in known and is_uuid(file.uuid):
                yield DeleteDataFile(run_id=run.uuid, file_id=file.uuid)


def refreshed(index: RunIndex, state: SessionState, observed: Observed) -> Iterator[tuple[str, Shown]]:
    """Yield what the known entities show in the run; nothing for those that are not in it."""
    for key in desired.keys(state):
        entity = index.entities.get(observed.get(key).id)
        want = desired.entity(state, key)
        if entity is not None and not isinstance(want, DesiredFile):
            yield key, shown(entity, want, shared=index.shared and not observed.get(key).is_created)


def missing(index: RunIndex, ids: Iterable[str]) -> set[str]:
    """Return those of `ids` (of cards and steps) that are not in the run."""
    return {id_ for id_ in ids if id_ and id_ not in index.entities}


def duplicates(index: RunIndex, state: SessionState, observed: Observed) -> Iterator[DeleteStep | DeleteCard]:
    """Yield operations that delete duplicates of entities that this process verified, in a run with our run key line.

    The verified entity stays, because it has the outcome and the files. A duplicate step has the same identity line and
    order, a duplicate card the same title and order and no content. In a shared run, only an entity with the order that we
    gave is a duplicate: the steps of another session have the same identity line.
    """
    taken, deleted = observed.ids.taken, set[str]()
    for key in desired.keys(state):
        want, known = desired.entity(state, key), observed.get(key)
        if isinstance(want, DesiredRun | DesiredFile) or not known.id or (index.shared and known.order is None):
            continue
        original = index.entities.get(known.id)
        if not isinstance(original, Card | Step):
            continue
        for found in index.matching(want, known, known.card or observed.get(want.parent).id, taken):
            entity = found.entity
            if entity.uuid in taken or entity.uuid in deleted or entity.order != original.order:
                continue
            if found.identity_line != want.identity_line or not is_uuid(entity.uuid):
                continue
            deleted.add(entity.uuid)
            if isinstance(entity, Step):
                yield DeleteStep(run_id=index.run.uuid, card_id=found.card_id, step_id=entity.uuid)
            elif entity.title == original.title and not entity.test_steps and not entity.test_data:
                yield DeleteCard(run_id=index.run.uuid, card_id=entity.uuid)


def shown(entity: Run | Card | Step, want: DesiredRun | DesiredCard | DesiredStep, *, shared: bool = False) -> Shown:
    """Return what `entity` shows, as fingerprints. An equivalent value counts as the desired one.

    In a shared run, a foreign title counts as the desired one, and a description does if it contains our block. A step shows
    the desired values if it has the result of `merge`.
    """
    got = {"title": entity.title, "description": entity.description}
    fields = want.fields
    wanted = dict(fields)
    foreign = shared_run.foreign_text(entity, want) if shared else None
    if foreign is None and isinstance(want, DesiredRun):
        blocks = shared_run.blocks_of_others(entity, want)
        wanted["description"] = shared_run.description(want, None, want.description, blocks)
    if foreign is not None:
        wanted["description"] = shared_run.description(want, foreign, want.description)
        if shared_run.has_block(entity, want):  # other sessions may have added their blocks after it
            wanted["description"] = entity.description
        got["title"] = want.title
    if shared and isinstance(entity, Run):
        got["title"] = want.title
    if isinstance(entity, Step) and isinstance(want, DesiredStep):
        got |= merge.outcome(entity)
        together = merge.merge_step(want, entity, foreign).fields
        wanted |= {name: together.get(name, got[name]) for name in ("description", *merge.OUTCOME) if name in wanted}
    shows: Shown = {}
    for name, value in got.items():
        if name in fields and _same(name, value, wanted[name]):
            shows[name] = fingerprint(fields[name])
        elif value and value != fields.get(name):  # our text without the foreign text is not the desired one
            shows[name] = fingerprint(value)
    return shows


def _same(name: str, got: str, wanted: str) -> bool:
    if name in ("started_at", "ended_at") and got and wanted:
        apart = datetime.fromisoformat(got) - datetime.fromisoformat(wanted)
        return abs(apart.total_seconds()) < shared_run.CLOCK_GRAIN_S
    return got.strip() == wanted.strip()


def is_ours(run: Run, state: SessionState) -> bool:
    """Return whether `run` is the run of this session: its description ends with our run key line."""
    return identity_line_of(run.description) == desired.run(state).identity_line
