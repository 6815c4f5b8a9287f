"""Decode the lines of journals and receipts. The result of an invalid line is None; the reader counts it.

pydantic checks the type of every field, because a journal can come from an untrusted source; this module checks the ranges of
numbers. Not imported inside pytest.
"""

import re
from dataclasses import fields, replace
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from pytest_atlas.base.identifiers import is_reference, is_uuid, reference

from .events import Event, SessionStarted
from .receipts import Created, Receipt, RunChosen
from .schema import is_sane

# Adapters are created at their first use: a short session has few kinds of events and no receipts, and its publisher starts
# faster.
_KINDS: dict[str, Any] = {  # mypy: a type[Event] is unhashable
    kind: event for event in get_args(Event) for kind in get_args(next(f.type for f in fields(event) if f.name == "e"))
}
_START = re.compile(rb'{"e":"([a-z ]+)"')
"""The start of a line of our writer. Other programs can write the fields in another order."""


@cache
def _events_of(kind: Any) -> TypeAdapter[Event]:
    return TypeAdapter(kind)


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Annotated[Event, Field(discriminator="e")])


@cache
def _receipts() -> TypeAdapter[Receipt]:
    return TypeAdapter(Annotated[Receipt, Field(discriminator="r")])


def _adapter_of(line: bytes) -> TypeAdapter[Event]:
    start = _START.match(line)
    kind = _KINDS.get(start[1].decode()) if start else None
    return _events_of(kind) if kind else _events()


def event(line: bytes) -> Event | None:
    """Decode the event in `line`."""
    try:
        found = _adapter_of(line).validate_json(line)
    except ValidationError:
        return None
    return found if is_sane(found) and _has_possible_ids(found) else None


def receipt(line: bytes) -> Receipt | None:
    """Decode the receipt in `line`."""
    try:
        found = _receipts().validate_json(line)
    except ValidationError:
        return None
    if isinstance(found, Created):  # a reference is printed in commands; without one, the uuid names the run
        found = replace(found, ref=reference(found.ref))
    return found if is_sane(found) and _has_possible_ids(found) else None


def _has_possible_ids(found: Event | Receipt) -> bool:
    """Return whether the ids of systems, runs and entities are valid."""
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
