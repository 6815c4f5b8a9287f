"""Lines of a journal or of receipts, read as what they are. A line that is none is None: the reader counts it.

pydantic checks every field's type, since a journal may come from anywhere. Not imported inside pytest.
"""

from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from .events import Event
from .receipts import Receipt

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="e")])


@cache
def _receipts() -> TypeAdapter[Receipt]:
    """Made when the first receipt is read: the publisher that pytest starts finds none, and pytest may be waiting for it."""
    return TypeAdapter(Annotated[Receipt, Field(discriminator="r")])


def event(line: bytes) -> Event | None:
    """The fact that `line` holds."""
    try:
        return _EVENT.validate_json(line)
    except ValidationError:
        return None


def receipt(line: bytes) -> Receipt | None:
    """The receipt that `line` holds."""
    try:
        return _receipts().validate_json(line)
    except ValidationError:
        return None
