"""The page of one measurement: its valid values in the last runs of a system, and the same measurement of other parameters."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pytest_atlas.analysis.measurements import Row
from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

MAX_VALUES = 20_000
"""Most values of one measurement that are read: those of the newest runs."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measurement of a system: the same in all runs."""

    id: int
    system_id: str
    system_name: str
    test: str
    name: str
    card: str  # titles in the newest run that has the test; empty if no step has it
    step: str
    runs: int  # number of runs with values


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run with values of the measurement."""

    reference: str
    title: str
    began_at: int
    git_commit: str
    firmware: str
    device: str
    bench: str
    step: str  # UUID of the test's step; empty if it was deleted


def system_name(db: sqlite3.Connection, system_id: str) -> str | None:
    """Return the name of a system; None if it has no runs."""
    row = db.execute(
        "SELECT r.system_id, n.name FROM runs r LEFT JOIN names n ON n.uuid = r.system_id WHERE r.system_id = ? LIMIT 1",
        (system_id,),
    ).fetchone()
    return (row["name"] or f"System {system_id[:8]}") if row else None


def find_quantity(db: sqlite3.Connection, system_id: str, test: str, name: str) -> Quantity | None:
    """Return a measurement of a system; None if it has no values."""
    row = db.execute(
        "SELECT id FROM quantities WHERE system_id = ? AND test = ? AND name = ?", (system_id, test, name)
    ).fetchone()
    if row is None:
        return None
    (runs,) = db.execute(
        "SELECT count(DISTINCT f.run) FROM measured m JOIN files f ON f.id = m.file WHERE m.quantity = ?", (row["id"],)
    ).fetchone()
    titles = db.execute(
        "SELECT c.title AS card, s.title AS step FROM steps s JOIN cards c ON c.id = s.card JOIN runs r ON r.id = s.run "
        "WHERE s.test = ? AND r.system_id = ? ORDER BY s.run DESC LIMIT 1",
        (test, system_id),
    ).fetchone()
    card, step = (titles["card"], titles["step"]) if titles else ("", "")
    return Quantity(row["id"], system_id, system_name(db, system_id) or system_id, test, name, card, step, runs)


def read_values(db: sqlite3.Connection, quantity: int, *, runs: int) -> list[tuple[str, Row]]:
    """Return the valid values of the newest runs in the order of runs, as pairs of run and row."""
    rows = db.execute(
        f"""WITH last AS (SELECT DISTINCT f.run FROM measured m JOIN files f ON f.id = m.file WHERE m.quantity = ?1
            ORDER BY f.run DESC LIMIT ?2)
        SELECT {VALUE_COLUMNS} FROM measurements m JOIN runs r ON r.id = m.run LEFT JOIN run_details d ON d.run = m.run
        WHERE m.quantity = ?1 AND m.run IN (SELECT run FROM last) AND m.valid ORDER BY m.run DESC, m.id DESC LIMIT ?3""",
        (quantity, runs, MAX_VALUES),
    ).fetchall()
    return [(run_reference(row["number"]), row_of(row)) for row in reversed(rows)]


VALUE_COLUMNS = """r.number, m.quantity, m.test, m.name, m.text, m.value, m.unit, m.low, m.high, m.verdict, m.equal, m.at,
    coalesce(m.device, d.device, '') AS device, coalesce(m.bench, d.bench, '') AS bench,
    coalesce(m.firmware, d.firmware, '') AS firmware"""
"""SQL for the columns of `row_of`. Needs measurements m, runs r and run_details d."""


def row_of(row: sqlite3.Row) -> Row:
    """Return a row of the index as a row of a measurement file."""
    return Row(
        test=row["test"],
        name=row["name"],
        value=row["text"],
        number=row["value"],
        unit=row["unit"],
        low=row["low"],
        high=row["high"],
        verdict=row["verdict"],
        equal=row["equal"] or "",
        at="" if row["at"] is None else (_EPOCH + timedelta(microseconds=row["at"])).isoformat(timespec="microseconds"),
        dut=row["device"],
        bench=row["bench"],
        firmware=row["firmware"],
    )


def read_runs(db: sqlite3.Connection, system_id: str, test: str, references: Iterable[str]) -> Mapping[str, RunInfo]:
    """Return the runs with these references (TR-0042)."""
    numbers = [int(reference.removeprefix("TR-")) for reference in references]
    if not numbers:
        return {}
    rows = db.execute(
        """SELECT r.number, r.title, coalesce(d.started_at, r.created_at) AS began_at, coalesce(d.git_commit, '') AS git_commit,
            coalesce(d.firmware, '') AS firmware, coalesce(d.device, '') AS device, coalesce(d.bench, '') AS bench,
            coalesce((SELECT s.uuid FROM steps s WHERE s.test = ?2 AND s.run = r.id LIMIT 1), '') AS step
        FROM runs r LEFT JOIN run_details d ON d.run = r.id WHERE r.system_id = ?1 AND r.number BETWEEN ?3 AND ?4""",
        (system_id, test, min(numbers), max(numbers)),
    )
    wanted = set(numbers)
    found = (row for row in rows.fetchall() if row["number"] in wanted)
    return {run_reference(row["number"]): RunInfo(run_reference(row["number"]), *tuple(row)[1:]) for row in found}


def siblings(db: sqlite3.Connection, quantity: Quantity, *, limit: int) -> Sequence[tuple[Quantity, str]]:
    """Return the same measurement of the same test function with other parameters."""
    function, bracket, _ = quantity.test.partition("[")
    if not bracket:
        return []
    rows = db.execute(
        """SELECT test FROM quantities WHERE system_id = ? AND test >= ? AND test < ? AND name = ? AND id <> ?
        ORDER BY test LIMIT ?""",
        (quantity.system_id, f"{function}[", f"{function}\\", quantity.name, quantity.id, limit),
    ).fetchall()
    found = (find_quantity(db, quantity.system_id, row["test"], quantity.name) for row in rows)
    return [(one, one.test[len(function) :]) for one in found if one]
