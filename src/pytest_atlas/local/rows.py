"""What all operations on the store share: the call's surroundings, times, finding a row by its ids, and refusing."""

# ruff: noqa: S608 - the SQL is put together from this package's own words only; values are always parameters

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from pytest_atlas.atlas.errors import Invalid, NotFound
from pytest_atlas.atlas.operations import Id, Operation

from .objects import LocalObjects

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TIMES = ("created_at", "updated_at", "started_at", "ended_at")

Fields = dict[str, Any]
"""The fields of an answer, by the document's names."""


@dataclass(frozen=True, slots=True)
class AfterCommit:
    """What operations leave to be done once they are written for good."""

    unregistered: list[str] = field(default_factory=list)
    """URLs that have a record less."""
    reports: list[int] = field(default_factory=list)
    """Ids of the reports to be analysed."""


@dataclass(frozen=True, slots=True)
class Call:
    """What an operation works with: the open store, who asks, the time in microseconds since 1970, UTC, and the objects."""

    db: sqlite3.Connection
    user: str
    now: int
    objects: LocalObjects
    later: AfterCommit

    def row(self, sql: str, values: Sequence[Any] | Fields = ()) -> Any:
        """The only row, or None."""
        return self.db.execute(sql, values).fetchone()

    def rows(self, sql: str, values: Sequence[Any] | Fields = ()) -> list[Any]:
        """All rows."""
        return self.db.execute(sql, values).fetchall()

    def insert(self, table: str, **values: Any) -> int:
        """Insert one row; its id. Table and columns are always our own words."""
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        cursor = self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
        return int(cursor.lastrowid or 0)

    def update(self, table: str, row_id: int, **values: Any) -> None:
        """Change columns of one row. Table and columns are always our own words."""
        changes = ", ".join(f"{name} = :{name}" for name in values)
        self.db.execute(f"UPDATE {table} SET {changes} WHERE id = :id", {"id": row_id, **values})

    def delete(self, table: str, row_id: int) -> None:
        """Delete one row and what hangs on it. The table is always our own word."""
        self.db.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))


def microseconds(instant: datetime) -> int:
    """The instant as it is stored."""
    return (instant - EPOCH) // MICROSECOND


def fields(row: Any, *hidden: str) -> Fields:
    """A row (or a dict of one) as an answer's fields: times are instants, `hidden` columns are left out."""
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
    """The row of a run, card, step, file or report by its uuid and those of what it must belong to.

    Raises NotFound, naming the outermost of them that is not there.
    """
    wanted = {name: str(value) for name, value in ids.items()}
    row = call.row(_KINDS[kind].sql, wanted)
    if row is None:
        _not_found(call, op, kind, wanted)
    return row


def _not_found(call: Call, op: Operation[Any], kind: str, wanted: dict[str, str]) -> NoReturn:
    parent = _KINDS[kind].parent
    if parent and call.row(_KINDS[parent].sql, wanted) is None:
        _not_found(call, op, parent, wanted)
    uuid = wanted[kind.partition(" ")[0]]
    raise NotFound(op, 404, json.dumps({"detail": f"{_KINDS[kind].label} {uuid} not found"}))


def refuse(op: Operation[Any], field: str, message: str) -> NoReturn:
    """Refuse the operation as FastAPI would: 422, naming the field. The words are the answer's whole body."""
    problem = {"loc": ["query" if op.method == "GET" else "body", field], "msg": message, "type": "value_error"}
    raise Invalid(op, 422, json.dumps({"detail": [problem]}))


def refuse_unstorable(op: Operation[Any]) -> None:
    """Refuse what SQLite can't hold: integers beyond 64 bits, texts with lone surrogates. Returns if there is none."""
    for name, value in op:
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            refuse(op, name, "Input should be an integer of at most 64 bits")
        if isinstance(value, str) and not _is_unicode(value):
            refuse(op, name, "Input should be a valid string, without lone surrogates")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
