"""Shared by all operations on the store: the context of a call, times, rows by UUID, and errors."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from pytest_atlas.atlas.errors import Invalid, NotFound
from pytest_atlas.atlas.operations import Id, Operation
from pytest_atlas.base.records import dataclass

from .objects import LocalObjects

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TIMES = ("created_at", "updated_at", "started_at", "ended_at")

Fields = dict[str, Any]
"""The fields of a response, by their names in the API document."""


def run_reference(number: int) -> str:
    """Return the reference of a run: `TR-0042`."""
    return f"TR-{number:04}"


@dataclass(frozen=True, slots=True)
class AfterCommit:
    """Work that must wait for the commit of a transaction."""

    unregistered: list[str] = field(default_factory=list)
    """URLs of deleted records."""
    reports: list[int] = field(default_factory=list)
    """Ids of new reports."""
    measurements: list[int] = field(default_factory=list)
    """Ids of new measurement files."""


@dataclass(frozen=True, slots=True)
class Call:
    """The context of one operation."""

    db: sqlite3.Connection
    user: str  # author of new records
    now: int  # microseconds since 1970, UTC
    objects: LocalObjects
    after_commit: AfterCommit

    def row(self, sql: str, values: Sequence[Any] | Fields = ()) -> Any:
        """Return the first row, or None."""
        return self.db.execute(sql, values).fetchone()

    def rows(self, sql: str, values: Sequence[Any] | Fields = ()) -> list[Any]:
        """Return all rows."""
        return self.db.execute(sql, values).fetchall()

    def insert(self, table: str, **values: Any) -> int:
        """Insert a row and return its id. Table and columns are always constants of this package."""
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        cursor = self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
        return int(cursor.lastrowid or 0)

    def update(self, table: str, row_id: int, **values: Any) -> None:
        """Change columns of a row. Table and columns are always constants of this package."""
        changes = ", ".join(f"{name} = :{name}" for name in values)
        self.db.execute(f"UPDATE {table} SET {changes} WHERE id = :id", {"id": row_id, **values})

    def delete(self, table: str, row_id: int) -> None:
        """Delete a row and the rows that belong to it. The table is always a constant of this package."""
        self.db.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))


def microseconds(instant: datetime) -> int:
    """Return an instant as the store has it: microseconds since 1970, UTC."""
    return (instant - EPOCH) // MICROSECOND


def fields(row: Any, *hidden: str) -> Fields:
    """Return a row as the fields of a response, with datetimes and without the `hidden` columns."""
    found = dict(row)
    for name in hidden:
        del found[name]
    for name in TIMES:
        if found.get(name) is not None:
            found[name] = EPOCH + found[name] * MICROSECOND
    return found


class _Kind(NamedTuple):
    label: str
    sql: str
    parent: str | None


_KINDS = {
    "run": _Kind("Test run", "SELECT id, id AS run FROM runs WHERE uuid = :run", None),
    "card": _Kind(
        "Test card", "SELECT t.* FROM cards t JOIN runs r ON r.id = t.run WHERE t.uuid = :card AND r.uuid = :run", "run"
    ),
    "step": _Kind(
        "Step",
        "SELECT t.* FROM steps t JOIN cards c ON c.id = t.card JOIN runs r ON r.id = c.run "
        "WHERE t.uuid = :step AND c.uuid = :card AND r.uuid = :run",
        "card",
    ),
    "step of run": _Kind(
        "Step", "SELECT t.* FROM steps t JOIN runs r ON r.id = t.run WHERE t.uuid = :step AND r.uuid = :run", "run"
    ),
    "file": _Kind(
        "Data file", "SELECT t.* FROM files t JOIN runs r ON r.id = t.run WHERE t.uuid = :file AND r.uuid = :run", "run"
    ),
    "report": _Kind(
        "Report", "SELECT t.* FROM reports t JOIN runs r ON r.id = t.run WHERE t.uuid = :report AND r.uuid = :run", "run"
    ),
}


def locate(call: Call, op: Operation[Any], kind: str, **ids: Id) -> Any:
    """Return the row of a run, card, step, file or report by its UUID and those of its run and card.

    Raises NotFound with the outermost entity that does not exist.
    """
    uuids = {name: str(value) for name, value in ids.items()}
    row = call.row(_KINDS[kind].sql, uuids)
    if row is None:
        _not_found(call, op, kind, uuids)
    return row


def _not_found(call: Call, op: Operation[Any], kind: str, uuids: dict[str, str]) -> NoReturn:
    parent = _KINDS[kind].parent
    if parent and call.row(_KINDS[parent].sql, uuids) is None:
        _not_found(call, op, parent, uuids)
    uuid = uuids[kind.partition(" ")[0]]
    raise NotFound(op, 404, json.dumps({"detail": f"{_KINDS[kind].label} {uuid} not found"}))


def reject(op: Operation[Any], field: str, message: str) -> NoReturn:
    """Raise Invalid as FastAPI responds: 422, with the field and the message."""
    problem = {"loc": ["query" if op.method == "GET" else "body", field], "msg": message, "type": "value_error"}
    raise Invalid(op, 422, json.dumps({"detail": [problem]}))


def reject_unstorable(op: Operation[Any]) -> None:
    """Raise Invalid for values that SQLite can't store: integers over 64 bits and text with lone surrogates."""
    for name, value in op:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            reject(op, name, "Input should be an integer of at most 64 bits")
        if isinstance(value, str) and not _is_unicode(value):
            reject(op, name, "Input should be a valid string, without lone surrogates")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
