"""Steps of a card, and the outcomes recorded on them. The busiest operations: no more than the one step is read."""

from typing import Any
from uuid import uuid4

from pytest_atlas.atlas.models import Step
from pytest_atlas.atlas.operations import CreateStep, DeleteStep, UpdateStep

from .files import files_of
from .reports import summaries_of
from .rows import Call, Fields, fields, locate, microseconds, refuse
from .templates import TemplateStep

_HIDDEN = ("id", "run", "card", "position")


def step_fields(row: Any, test_data: list[Fields], reports: list[Fields]) -> Fields:
    """A row of `steps` as an answer's fields."""
    return {**fields(row, *_HIDDEN), "order": row["position"], "test_data": test_data, "reports": reports}


def add_step(call: Call, card: Any, step: TemplateStep, order: int | None) -> Fields:
    """Insert a step into a card (its row); the new row. Without `order` it goes behind the last one."""
    if order is None:
        order = call.row(
            "SELECT min(coalesce(max(position), 0), 9223372036854775806) + 1 FROM steps WHERE card = ?", (card["id"],)
        )[0]
    columns = {
        "uuid": str(uuid4()),
        "run": card["run"],
        "card": card["id"],
        "position": order,
        "step_type": step.step_type,
        "execution_status": "todo",
        "exception": None,
        "started_at": None,
        "ended_at": None,
        "created_at": call.now,
        "updated_at": call.now,
        "title": step.title,
        "description": step.description,
    }
    return {"id": call.insert("steps", **columns), **columns}


def create_step(call: Call, op: CreateStep) -> Step:
    """Add a step, still to do. NotFound: run or card."""
    card = locate(call, op, "card", run=op.run_id, card=op.card_id)
    row = add_step(call, card, TemplateStep(op.title, op.description or "", op.step_type or "passfail"), op.order)
    return Step.model_validate(step_fields(row, [], []))


def update_step(call: Call, op: UpdateStep) -> Step:
    """Change what is given. A note stays only with `passed_with_exception`: another status clears it.

    Invalid: `exception` without that status, neither given nor there already. The document gives no rule for the times'
    order, so none is kept. Nothing given changes nothing, `updated_at` included. NotFound: run, card or step.
    """
    row = dict(locate(call, op, "step", run=op.run_id, card=op.card_id, step=op.step_id))
    changes = _changes(op)
    status = changes.get("execution_status", row["execution_status"])
    if status != "passed_with_exception":
        if op.exception is not None:
            refuse(op, "exception", f"exception belongs to passed_with_exception only, the status is {status}")
        changes["exception"] = None
    if any(row[name] != value for name, value in changes.items()):
        changes["updated_at"] = call.now
        call.update("steps", row["id"], **changes)
    row |= changes
    test_data, reports = files_of(call, "step", row["id"]), summaries_of(call, "step", row["id"])
    return Step.model_validate(step_fields(row, test_data, reports))


def _changes(op: UpdateStep) -> Fields:
    changes = op.model_dump(exclude_none=True, exclude={"run_id", "card_id", "step_id"})
    return {name: microseconds(value) if name.endswith("_at") else value for name, value in changes.items()}


def delete_step(call: Call, op: DeleteStep) -> None:
    """Delete a step. Its files and reports stay with the run."""
    call.delete("steps", locate(call, op, "step", run=op.run_id, card=op.card_id, step=op.step_id)["id"])
