"""A session that is a guest in its run: others' cards and steps stand there, or its own of an earlier attempt. Pure.

What is a person's or a template's keeps its title and its text, with ours as a block behind it. `merge` has the outcomes.
"""

from pytest_atlas.atlas.models import Card, Run, Step
from pytest_atlas.descriptions import block, identity_line_of, run_block_name, with_block, without_block
from pytest_atlas.session.desired import DesiredCard, DesiredRun, DesiredStep

Described = DesiredRun | DesiredCard | DesiredStep


CLOCK_GRAIN_S = 0.001
"""A server may keep times less finely than we send them."""


def theirs(thing: Run | Card | Step, want: Described) -> str | None:
    """What stands in the description of `thing` beside our block; None where pytest made it, and its text may be replaced."""
    beside = without_block(thing.description, _block(want))
    has_block = beside != thing.description.strip()
    is_ours = bool(want.identity_line) and identity_line_of(thing.description) == want.identity_line and not has_block
    return None if is_ours else beside


def description(want: Described, beside: str | None, ours: str) -> str:
    """The description to send: `ours`, after `beside` in a block if that is not empty."""
    if beside is None or beside.strip() == ours.strip():
        return ours
    return with_block(beside, _block(want), ours)


def has_block(thing: Run | Card | Step, want: Described) -> bool:
    """Whether the description of `thing` has our block as we want it."""
    return block(_block(want), want.description) in thing.description


def _block(want: Described) -> str:
    """What our block in somebody's description is called."""
    return want.identity_line or run_block_name(want.title)
