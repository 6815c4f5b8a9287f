"""A session that is a guest in its run: others' cards and steps stand there, or its own of an earlier attempt. Pure.

What is a person's or a template's keeps its title and its text, with ours as a block behind it. An outcome is replaced by a
newer one only, and never by its absence.
"""

from collections.abc import Mapping
from datetime import datetime

from pytest_atlas.atlas.models import Card, Run, Step
from pytest_atlas.publisher.wanted import texts
from pytest_atlas.publisher.wanted.desired import Entity
from pytest_atlas.publisher.wanted.facts import Facts
from pytest_atlas.publisher.wanted.parts import File, Inner

from .observed import Observed, Seen

CLOCK_GRAIN_S = 0.001
"""A server may keep times less finely than we send them."""


def theirs(thing: Run | Card | Step, want: Entity) -> str | None:
    """What stands in the description of `thing` beside our block; None where pytest made it, and its text may be replaced."""
    beside = texts.without_block(thing.description, _block(want))
    has_block = beside != thing.description.strip()
    is_ours = bool(want.mark) and texts.mark_of(thing.description) == want.mark and not has_block
    return None if is_ours else beside


def description(want: Entity, beside: str | None) -> str:
    """The description to send where `beside` stands already."""
    ours = want.shows.get("description", "")
    if beside is None or beside.strip() == ours.strip():
        return ours
    return texts.with_block(beside, _block(want), ours)


def _block(want: Entity) -> str:
    """What our block in somebody's description is called."""
    return want.mark or texts.RUN_MARK + want.shows["title"]


def yields(want: Entity, seen: Seen) -> bool:
    """Whether a step in Atlas that others made, or an earlier session, keeps its outcome: ours is none, or is older."""
    if want.kind != "step" or seen.was_made or seen.shows.get("execution_status", "todo") == "todo":
        return False
    if want.shows["execution_status"] == "todo":
        return True
    ours, there = (_when(shows) for shows in (want.shows, seen.shows))
    return ours is not None and there is not None and ours < there - CLOCK_GRAIN_S


def _when(shows: Mapping[str, str]) -> float | None:
    """When an outcome was, in Unix seconds."""
    text = shows.get("ended_at") or shows.get("started_at")
    return datetime.fromisoformat(text).timestamp() if text else None


def is_left(facts: Facts, observed: Observed, key: str) -> bool:
    """Whether `key` is not to be touched: it is somebody else's, or hangs on a step that is."""
    while key:
        if observed.get(key).left:
            return True
        thing = facts.files.get(key) or facts.steps.get(key)
        key = thing.owner if isinstance(thing, File) else thing.test.key if isinstance(thing, Inner) else ""
    return False
