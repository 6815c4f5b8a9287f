"""Test cards: created by title or from a template, returned with their steps, files and reports."""

from typing import Any
from uuid import uuid4

from pytest_atlas.atlas.models import Card
from pytest_atlas.atlas.operations import CreateCard, DeleteCard, UpdateCard

from .files import files_of
from .reports import summaries_of
from .rows import Call, Fields, fields, locate
from .steps import add_step, step_fields
from .templates import Template, read_template

_HIDDEN = ("id", "run", "position")
_BLANK = Template("", "", ())


def card_fields(row: Any, steps: list[Fields], test_data: list[Fields], reports: list[Fields]) -> Fields:
    """Return a row of `cards` as the fields of a response."""
    parts = {"order": row["position"], "test_steps": steps, "test_data": test_data, "reports": reports}
    return {**fields(row, *_HIDDEN), **parts}


def add_card(call: Call, run: int, template: Template, order: int | None) -> int:
    """Insert a card with the steps of its template, and return its id. Without `order`, it is the last card."""
    if order is None:
        order = call.row("SELECT min(coalesce(max(position), 0), 9223372036854775806) + 1 FROM cards WHERE run = ?", (run,))[0]
    card = call.insert(
        "cards",
        uuid=str(uuid4()),
        run=run,
        position=order,
        created_at=call.now,
        updated_at=call.now,
        title=template.title,
        description=template.description,
    )
    for position, step in enumerate(template.steps, start=1):
        add_step(call, {"id": card, "run": run}, step, position)
    return card


def create_card(call: Call, op: CreateCard) -> Card:
    """Create a card. A given title or description replaces that of the template.

    Raises NotFound (run) and Invalid (unknown template).
    """
    run = locate(call, op, "run", run=op.run_id)["id"]
    template = _BLANK if op.template_id is None else read_template(call, op, "template_id", op.template_id)
    title = template.title if op.title is None else op.title
    description = template.description if op.description is None else op.description
    return _read(call, add_card(call, run, Template(title, description, template.steps), op.order))


def update_card(call: Call, op: UpdateCard) -> Card:
    """Change the title or the description; without either, change nothing. Raises NotFound (run or card)."""
    row = locate(call, op, "card", run=op.run_id, card=op.card_id)
    changes = op.model_dump(exclude_none=True, include={"title", "description"})
    if changes:
        call.update("cards", row["id"], updated_at=call.now, **changes)
    return _read(call, row["id"])


def delete_card(call: Call, op: DeleteCard) -> None:
    """Delete a card with its steps. Their files and reports remain in the run."""
    call.delete("cards", locate(call, op, "card", run=op.run_id, card=op.card_id)["id"])


def _read(call: Call, card: int) -> Card:
    row = call.row("SELECT * FROM cards WHERE id = ?", (card,))
    rows = call.rows("SELECT * FROM steps WHERE card = ? ORDER BY position, id", (card,))
    steps = [step_fields(step, files_of(call, "step", step["id"]), summaries_of(call, "step", step["id"])) for step in rows]
    return Card.model_validate(card_fields(row, steps, files_of(call, "card", card), summaries_of(call, "card", card)))
