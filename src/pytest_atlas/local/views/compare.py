"""The page that compares two runs: their steps, and the runs that can be selected."""

import sqlite3

from pytest_atlas.analysis.inputs import Step
from pytest_atlas.descriptions import step_identity_line
from pytest_atlas.local.rows import run_reference


def read_steps(db: sqlite3.Connection, run: int) -> list[Step]:
    """Return the tests of a run in its order, without inner steps. `key` is the UUID.

    A description is complete if the step failed; otherwise it is the identity line only, because a run can have 10,000 steps.
    """
    rows = db.execute(
        """SELECT s.uuid, c.title AS card, s.title, s.execution_status AS status, s.exception, s.test,
            (s.ended_at - s.started_at) / 1e6 AS duration_s,
            CASE WHEN s.execution_status = 'failed' OR s.test IS NULL THEN s.description END AS description
        FROM cards c JOIN steps s ON s.card = c.id WHERE c.run = ? AND instr(coalesce(s.test, ''), ' > ') = 0
        ORDER BY c.position, c.id, s.position, s.id""",
        (run,),
    ).fetchall()
    return [
        Step(
            card=row["card"],
            title=row["title"],
            status=row["status"],
            description=row["description"] or (step_identity_line(row["test"]) if row["test"] else ""),
            exception=row["exception"],
            duration_s=row["duration_s"],
            key=row["uuid"],
        )
        for row in rows
    ]


def read_choices(db: sqlite3.Connection, system_id: str, *, limit: int = 50) -> list[str]:
    """Return the newest runs of a system."""
    rows = db.execute(
        "SELECT number FROM runs WHERE system_id = ? ORDER BY created_at DESC, id DESC LIMIT ?", (system_id, limit)
    )
    return [run_reference(number) for (number,) in rows]


def previous_run(db: sqlite3.Connection, run: int) -> str:
    """Return the run of the same system before this one; empty if it is the first."""
    row = db.execute(
        """SELECT p.number FROM runs r JOIN runs p ON p.system_id = r.system_id AND (p.created_at, p.id) < (r.created_at, r.id)
        WHERE r.id = ? ORDER BY p.created_at DESC, p.id DESC LIMIT 1""",
        (run,),
    ).fetchone()
    return run_reference(row[0]) if row else ""
