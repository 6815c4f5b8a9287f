"""Steps of a card and their outcomes. These are the most frequent operations, so they read a single step only."""

from typing import Any
from uuid import uuid4

from pytest_atlas.atlas.models import Step
from pytest_atlas.atlas.operations import CreateStep, DeleteStep, UpdateStep

from .files import files_of
from .index import STEP_COLUMNS, step_columns
from .reports import summaries_of
from .rows import Call, Fields, fields, locate, microseconds, reject
from .templates import TemplateStep

_HIDDEN = ("id", "run", "card", "position", *STEP_COLUMNS)


def step_fields(row: Any, test_data: list[Fields], reports: list[Fields]) -> Fields:
    """Return a row of `steps` as the fields of a response."""
    return {**fields(row, *_HIDDEN), "order": row["position"], "test_data": test_data, "reports": reports}


def add_step(call: Call, card: Any, step: TemplateStep, order: int | None) -> Fields:
    """Insert a step into a card, given as its row, and return the new row. Without `order`, it is the last step."""
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
        **step_columns(step.description),
    }
    return {"id": call.insert("steps", **columns), **columns}


def create_step(call: Call, op: CreateStep) -> Step:
    """Create a step with the status `todo`. Raises NotFound (run or card)."""
    card = locate(call, op, "card", run=op.run_id, card=op.card_id)
    row = add_step(call, card, TemplateStep(op.title, op.description or "", op.step_type or "passfail"), op.order)
    return Step.model_validate(step_fields(row, [], []))


def update_step(call: Call, op: UpdateStep) -> Step:
    """Change the given fields. A status other than `passed_with_exception` deletes the note.

    An update without changes does not change `updated_at` either. The API document has no rule for the order of the times, so
    they are not checked. Raises NotFound (run, card or step), and Invalid for `exception` with another status.
    """
    row = dict(locate(call, op, "step", run=op.run_id, card=op.card_id, step=op.step_id))
    changes = _changes(op)
    status = changes.get("execution_status", row["execution_status"])
    if status != "passed_with_exception":
        if op.exception is not None:
            reject(op, "exception", f"exception is only allowed with passed_with_exception, the status is {status}")
        changes["exception"] = None
    if any(row[name] != value for name, value in changes.items()):
        changes["updated_at"] = call.now
        if changes.get("description", row["description"]) != row["description"]:
            # Only changed columns: SQLite writes the entry of an index if the statement names one of its columns.
            changes |= {name: value for name, value in step_columns(changes["description"]).items() if row[name] != value}
        call.update("steps", row["id"], **changes)
    row |= changes
    test_data, reports = files_of(call, "step", row["id"]), summaries_of(call, "step", row["id"])
    return Step.model_validate(step_fields(row, test_data, reports))


def _changes(op: UpdateStep) -> Fields:
    changes = op.model_dump(exclude_none=True, exclude={"run_id", "card_id", "step_id"})
    return {name: microseconds(value) if name.endswith("_at") else value for name, value in changes.items()}


def delete_step(call: Call, op: DeleteStep) -> None:
    """Delete a step. Its files and reports remain in the run."""
    call.delete("steps", locate(call, op, "step", run=op.run_id, card=op.card_id, step=op.step_id)["id"])
