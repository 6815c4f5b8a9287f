"""Card templates. The API instantiates them but has no endpoint that makes or reads one, so these are plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from pytest_atlas.atlas.operations import STEP_TITLE_LIMIT, Id, Operation

from .rows import Call, refuse


@dataclass(frozen=True, slots=True)
class TemplateStep:
    """A step of a template. Raises ValueError on a title that no step may have."""

    title: str
    description: str = ""
    step_type: str = "passfail"

    def __post_init__(self) -> None:
        if not 0 < len(self.title) <= STEP_TITLE_LIMIT:
            raise ValueError(f"{self.title!r} is no title for a step: it has 1 to {STEP_TITLE_LIMIT} characters")


@dataclass(frozen=True, slots=True)
class Template:
    """A card as it will be instantiated."""

    title: str
    description: str
    steps: tuple[TemplateStep, ...]


def add_template(call: Call, title: str, description: str, steps: Sequence[TemplateStep]) -> UUID:
    """Keep a template; its uuid is what `template_ids` and `template_id` name."""
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
    """The template that `field` of `op` names. Raises Invalid (422) if there is none: the API has no path to it."""
    row = call.row("SELECT id, title, description FROM templates WHERE uuid = ?", (str(uuid),))
    if row is None:
        refuse(op, field, f"Template {uuid} not found")
    steps = call.rows(
        "SELECT title, description, step_type FROM template_steps WHERE template = ? ORDER BY position", (row["id"],)
    )
    return Template(row["title"], row["description"], tuple(TemplateStep(*step) for step in steps))
