"""What of a session is in a run that was read back: made though its answer never came, made by an earlier attempt, made twice.

Pure. Nothing here is ever made, only matched: each function says what to write down, or what to remove.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pytest_atlas.atlas.models import Card, Run, Step
from pytest_atlas.atlas.operations import DeleteCard, DeleteDataFile, DeleteStep
from pytest_atlas.descriptions import identity_line_of
from pytest_atlas.journal.receipts import Created, Shown, fingerprint
from pytest_atlas.publisher.reconcile import merge
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.session import desired
from pytest_atlas.session.desired import DesiredCard, DesiredFile, DesiredRun, DesiredStep
from pytest_atlas.session.state import SessionState

from . import shared_run
from .run_index import RunIndex, places


def adopt(there: RunIndex, facts: SessionState, observed: Observed, key: str) -> Created | None:
    """What `key`, not known to be in Atlas, is there: a receipt for it, or None where nothing is it."""
    want, seen = desired.entity(facts, key), observed.get(key)
    owner = observed.get(want.parent)
    if isinstance(want, DesiredRun):
        return None  # `find_run` finds it
    if isinstance(want, DesiredFile):
        file = there.file(owner.id, seen.url)
        return Created(key=key, id=file.uuid, adopted=True) if file else None
    found = there.find(want, seen, owner.id)
    if found is None:
        return None
    elsewhere = found.card_id if isinstance(want, DesiredStep) and found.card_id != owner.id else ""
    shows = shown(found.thing, want, shared=there.shared)
    return Created(key=key, id=found.thing.uuid, card=elsewhere, shows=shows, adopted=True)


def note_read(there: RunIndex, facts: SessionState, observed: Observed, keys: Iterable[str]) -> None:
    """Note in `observed` what others wrote on these of the session's cards and steps, or on its run."""
    for key in keys:
        seen = observed.entities[key]
        thing = there.things.get(seen.id)
        if thing is None:
            continue
        want = desired.entity(facts, key)
        if isinstance(want, DesiredFile):
            continue
        if there.shared:
            seen.theirs = shared_run.theirs(thing, want)
        if isinstance(thing, Step) and isinstance(want, DesiredStep):
            observed.note_step(key, thing, is_set_by_hand=merge.is_set_by_hand(thing, want.identity_line))


def twin_files(run: Run, observed: Observed) -> Iterator[DeleteDataFile]:
    """The calls that remove duplicate records of data files: same URL and same entity as one that was verified."""
    known = {seen.id: seen.url for seen in observed.entities.values() if seen.id and seen.url}
    for files in places(run).values():
        ours = {file.s3_url for file in files if file.uuid in known}
        for file in files:
            if file.s3_url in ours and file.uuid not in known:
                yield DeleteDataFile(run_id=run.uuid, file_id=file.uuid)


def refreshed(there: RunIndex, facts: SessionState, observed: Observed) -> Iterator[tuple[str, Shown]]:
    """What the entities that we know of really show in the run; nothing for those that are not there."""
    for key in desired.keys(facts):
        thing = there.things.get(observed.get(key).id)
        want = desired.entity(facts, key)
        if thing is not None and not isinstance(want, DesiredFile):
            yield key, shown(thing, want, shared=there.shared and not observed.get(key).was_made)


def missing(there: RunIndex, ids: Iterable[str]) -> set[str]:
    """Which of `ids` (of cards and steps) are not in the run any more."""
    return {own for own in ids if own and own not in there.things}


def twins(there: RunIndex, facts: SessionState, observed: Observed) -> Iterator[DeleteStep | DeleteCard]:
    """The calls that remove duplicates of entities that were verified in this process, in a run with our run key line.

    The verified entity stays, because it has the outcome and the files. A duplicate step has the same identity line and
    order, a duplicate card the same title and order and no content. In a shared run, only an entity with the order that we
    gave is a duplicate: another session's steps have the same identity line.
    """
    gone: set[str] = set()
    for key in desired.keys(facts):
        want, seen = desired.entity(facts, key), observed.get(key)
        if isinstance(want, DesiredRun | DesiredFile) or not seen.id or (there.shared and seen.order is None):
            continue
        known = there.things.get(seen.id)
        if not isinstance(known, Card | Step):
            continue
        for found in there.matching(want, seen, seen.card or observed.get(want.parent).id):
            own = found.thing.uuid
            if own in there.taken or own in gone or found.thing.order != known.order or found.mark != want.identity_line:
                continue
            gone.add(own)
            if isinstance(found.thing, Step):
                yield DeleteStep(run_id=there.run.uuid, card_id=found.card_id, step_id=own)
            elif found.thing.title == known.title and not found.thing.test_steps and not found.thing.test_data:
                yield DeleteCard(run_id=there.run.uuid, card_id=own)


def shown(thing: Run | Card | Step, want: DesiredRun | DesiredCard | DesiredStep, *, shared: bool = False) -> Shown:
    """What `thing` shows, as fingerprints; a value that only reads differently counts as the one we want.

    In a shared run that is what it shows of ours: a title of somebody's is as we want it, a text is if our block is in it. A
    step is as we want it if it shows what `merge` makes of it.
    """
    got = {"title": thing.title, "description": thing.description}
    fields = want.fields
    wanted = dict(fields)
    beside = shared_run.theirs(thing, want) if shared else None
    if beside is not None:
        wanted["description"] = shared_run.description(want, beside, want.description)
        if shared_run.has_block(thing, want):  # other sessions may have added their blocks after it
            wanted["description"] = thing.description
        got["title"] = want.title
    if shared and isinstance(thing, Run):
        got["title"] = want.title
    if isinstance(thing, Step) and isinstance(want, DesiredStep):
        got |= merge.outcome(thing)
        together = merge.merged(want, thing, beside).fields
        wanted |= {name: together.get(name, got[name]) for name in ("description", *merge.OUTCOME) if name in wanted}
    shows: Shown = {}
    for name, value in got.items():
        if name in fields and _same(name, value, wanted[name]):
            shows[name] = fingerprint(fields[name])
        elif value and value != fields.get(name):  # a text of ours that others' has to be added to is not as we want it
            shows[name] = fingerprint(value)
    return shows


def _same(name: str, got: str, wanted: str) -> bool:
    if name in ("started_at", "ended_at") and got and wanted:
        apart = datetime.fromisoformat(got) - datetime.fromisoformat(wanted)
        return abs(apart.total_seconds()) < shared_run.CLOCK_GRAIN_S
    return got.strip() == wanted.strip()


def is_ours(run: Run, facts: SessionState) -> bool:
    """Whether `run` is the one of this session: its description ends with C1's line."""
    return identity_line_of(run.description) == desired.run(facts).identity_line
