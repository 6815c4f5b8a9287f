"""Lines of a journal or of receipts, read as what they are. A line that is none is None: the reader counts it.

pydantic checks every field's type, since a journal may come from anywhere; numbers that no pytest writes are checked here. Not
imported inside pytest.
"""

from dataclasses import replace
from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from pytest_atlas.base.identifiers import is_reference, is_uuid, reference

from .events import Event, SessionStarted
from .receipts import Created, Receipt, RunChosen
from .schema import is_sane

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="e")])


@cache
def _receipts() -> TypeAdapter[Receipt]:
    """Made when the first receipt is read: the publisher that pytest starts finds none, and pytest may be waiting for it."""
    return TypeAdapter(Annotated[Receipt, Field(discriminator="r")])


def event(line: bytes) -> Event | None:
    """The fact that `line` holds."""
    try:
        found = _EVENT.validate_json(line)
    except ValidationError:
        return None
    return found if is_sane(found) and _has_possible_ids(found) else None


def receipt(line: bytes) -> Receipt | None:
    """The receipt that `line` holds."""
    try:
        found = _receipts().validate_json(line)
    except ValidationError:
        return None
    if isinstance(found, Created):  # a reference is printed in commands; without one, the uuid names the run
        found = replace(found, ref=reference(found.ref))
    return found if is_sane(found) and _has_possible_ids(found) else None


def _has_possible_ids(found: Event | Receipt) -> bool:
    """Whether systems, runs and entities are named as Atlas names them."""
    match found:
        case SessionStarted():
            return is_uuid(found.system_id) and _names_a_run(found.run)
        case RunChosen():
            return found.run is None or _names_a_run(found.run)
        case Created():
            return is_uuid(found.id)
    return True


def _names_a_run(text: str) -> bool:
    return text in ("", "auto") or is_reference(text) or is_uuid(text)
