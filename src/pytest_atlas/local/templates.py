"""Card templates. The API has no endpoint that creates or reads one, so these are plain functions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from pytest_atlas.atlas.operations import STEP_TITLE_LIMIT, Id, Operation
from pytest_atlas.base.records import dataclass

from .rows import Call, reject


@dataclass(frozen=True, slots=True)
class TemplateStep:
    """A step of a template. Raises ValueError for an invalid title."""

    title: str
    description: str = ""
    step_type: str = "passfail"

    def __post_init__(self) -> None:
        if not 0 < len(self.title) <= STEP_TITLE_LIMIT:
            raise ValueError(f"invalid step title {self.title!r}. Use 1 to {STEP_TITLE_LIMIT} characters")


@dataclass(frozen=True, slots=True)
class Template:
    """The content of a new card."""

    title: str
    description: str
    steps: tuple[TemplateStep, ...]


def add_template(call: Call, title: str, description: str, steps: Sequence[TemplateStep]) -> UUID:
    """Store a template and return its UUID, for `template_ids` and `template_id`."""
    uuid = uuid4()
    template = call.insert("templates", uuid=str(uuid), title=title, description=description)
    for position, step in enumerate(steps, start=1):
        call.insert(
            "template_steps",
            template=template,
            position=position,
            title=step.title,
            description=step.description,
            step_type=step.step_type,
        )
    return uuid


def read_template(call: Call, op: Operation[Any], field: str, uuid: Id) -> Template:
    """Return the template that `field` of `op` names. Raises Invalid (422) if it does not exist."""
    row = call.row("SELECT id, title, description FROM templates WHERE uuid = ?", (str(uuid),))
    if row is None:
        reject(op, field, f"Template {uuid} not found")
    steps = call.rows(
        "SELECT title, description, step_type FROM template_steps WHERE template = ? ORDER BY position", (row["id"],)
    )
    return Template(row["title"], row["description"], tuple(TemplateStep(*step) for step in steps))
