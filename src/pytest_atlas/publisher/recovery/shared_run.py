"""Descriptions in a shared run, which has entities of other authors or of earlier sessions. Pure.

An entity of a person or a template keeps its title and text; our text follows in a block. `merge` decides outcomes.
"""

from pytest_atlas.atlas.models import Card, Run, Step
from pytest_atlas.descriptions import (
    block,
    identity_line_of,
    other_blocks,
    run_block_name,
    with_block,
    with_other_blocks,
    without_block,
)
from pytest_atlas.session.desired import DesiredCard, DesiredRun, DesiredStep

Described = DesiredRun | DesiredCard | DesiredStep


CLOCK_GRAIN_S = 0.001
"""Seconds. A server may store times with a lower resolution than we send."""


def foreign_text(entity: Run | Card | Step, want: Described) -> str | None:
    """Return the text outside our block; None if the whole description is ours and may be replaced."""
    foreign = without_block(entity.description, _block(want))
    has_block = foreign != entity.description.strip()
    is_ours = bool(want.identity_line) and identity_line_of(entity.description) == want.identity_line and not has_block
    return None if is_ours else foreign


def blocks_of_others(entity: Run | Card | Step, want: Described) -> str:
    """Return the blocks of other sessions in a run whose description is otherwise ours; empty for cards and steps."""
    return other_blocks(entity.description, _block(want)) if isinstance(entity, Run) else ""


def description(want: Described, foreign: str | None, ours: str, blocks: str = "") -> str:
    """Return the description to send: `ours`, in a block after the text `foreign` if there is one.

    `blocks`: the blocks of other sessions to keep in a description that is otherwise ours.
    """
    if foreign is None and blocks and blocks not in ours:
        return with_other_blocks(ours, blocks)
    if foreign is None or foreign.strip() == ours.strip():
        return ours
    return with_block(foreign, _block(want), ours)


def has_block(entity: Run | Card | Step, want: Described) -> bool:
    """Return whether the description of `entity` has our block in its desired state."""
    return block(_block(want), want.description) in entity.description


def _block(want: Described) -> str:
    """Return the name of our block in a description of another author."""
    return want.identity_line or run_block_name(want.title)
