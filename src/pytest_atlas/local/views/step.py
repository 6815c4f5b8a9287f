"""The page of a step: the step, inner steps, the same test with other parameters, measurements, history."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

import sqlite3
from dataclasses import dataclass, replace

from pytest_atlas.descriptions import inner_step_range, inner_title, test_of
from pytest_atlas.local.rows import run_reference

from .run import IS_INNER, STATUS, StepRow


@dataclass(frozen=True, slots=True)
class StepHead:
    """A step with its run and its card."""

    step: StepRow
    position: int
    run: int
    card: int
    card_number: int  # place of the card in its run, from 1
    card_title: str


_COLUMNS = f"""s.id, s.uuid, s.card, s.title, {STATUS} AS status, coalesce(s.test, '') AS test, s.description,
    coalesce(s.exception, '') AS exception, s.started_at, s.ended_at, coalesce(s.worker, '') AS worker,
    coalesce(s.attempts, 0) AS attempts"""
_FROM = "FROM steps s LEFT JOIN run_details d ON d.run = s.run"
CARD_NUMBER = "(SELECT count(*) FROM cards o WHERE o.run = c.run AND (o.position, o.id) <= (c.position, c.id))"
"""SQL for the place of card c in its run, which is also its anchor in the page of the run."""
_WIDTH = 12
"""Number of columns of StepRow."""


def find_step(db: sqlite3.Connection, run: int, uuid: str) -> StepHead | None:
    """Return the step of this run with this UUID; None if it does not exist."""
    row = db.execute(
        f"""SELECT {_COLUMNS}, s.position, {CARD_NUMBER}, c.title {_FROM} JOIN cards c ON c.id = s.card
        WHERE s.uuid = ? AND c.run = ?""",
        (uuid, run),
    ).fetchone()
    if row is None:
        return None
    step = StepRow(*row[:_WIDTH])
    return StepHead(step, row[_WIDTH], run, step.card, row[_WIDTH + 1], row[_WIDTH + 2])


def read_inner_steps(db: sqlite3.Connection, head: StepHead, *, limit: int) -> list[StepRow]:
    """Return the first inner steps of a step, also those inside of them, in their order."""
    if not head.step.test:
        return []
    return _in_range(db, head, inner_step_range(head.step.test), f"s.card = {int(head.card)}", limit)


def read_same_test(db: sqlite3.Connection, head: StepHead, function: str, *, limit: int) -> list[StepRow]:
    """Return the first steps of a run that have this function (a nodeid without parameters) with other parameters."""
    found = _in_range(db, head, (f"{function}[", f"{function}\\"), f"NOT {IS_INNER}", limit + 1)
    return [step for step in found if step.uuid != head.step.uuid][:limit]


def _in_range(db: sqlite3.Connection, head: StepHead, limits: tuple[str, str], where: str, limit: int) -> list[StepRow]:
    rows = db.execute(
        f"""SELECT {_COLUMNS} {_FROM} WHERE s.run = ? AND s.test >= ? AND s.test < ? AND {where}
        ORDER BY s.position, s.id LIMIT ?""",
        (head.run, *limits, limit),
    )
    return [StepRow(*row) for row in rows.fetchall()]


def read_failures_around(db: sqlite3.Connection, head: StepHead) -> tuple[str, str]:
    """Return the UUIDs of the previous and the next failed test of the run, in its order; empty if there is none."""
    key = "(c.position, c.id, s.position, s.id)"
    own = "(SELECT c.position, c.id, s.position, s.id FROM steps s JOIN cards c ON c.id = s.card WHERE s.id = :step)"
    query = (
        f"SELECT s.uuid FROM cards c JOIN steps s ON s.card = c.id WHERE c.run = :run AND s.execution_status = 'failed' "
        f"AND NOT {IS_INNER} AND {key} {{}} {own} ORDER BY c.position {{}}, c.id {{}}, s.position {{}}, s.id {{}} LIMIT 1"
    )
    values = {"run": head.run, "step": head.step.id}
    found = [db.execute(query.format(sign, *[order] * 4), values).fetchone() for sign, order in (("<", "DESC"), (">", "ASC"))]
    previous, following = (row[0] if row else "" for row in found)
    return previous, following


@dataclass(frozen=True, slots=True)
class PastStep:
    """A test in one run of a system."""

    run: str  # TR-0042
    step: str  # UUID
    status: str  # also "running"
    firmware: str
    is_this: bool  # whether it is the run of the page


def read_history(db: sqlite3.Connection, system_id: str, head: StepHead, *, limit: int) -> list[PastStep]:
    """Return a test in the newest runs of the system, also in those after the run of the page; newest first."""
    if not head.step.test:
        return []
    rows = db.execute(
        f"""SELECT r.number, s.uuid, {STATUS}, coalesce(d.firmware, ''), s.run = :run {_FROM} JOIN runs r ON r.id = s.run
        WHERE s.test = :test AND r.system_id = :system GROUP BY s.run ORDER BY s.run DESC LIMIT :limit""",
        {"test": head.step.test, "system": system_id, "run": head.run, "limit": limit},
    )
    return [PastStep(run_reference(row[0]), row[1], row[2], row[3], bool(row[4])) for row in rows.fetchall()]


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """A value in a measurement file that counts."""

    quantity: int
    name: str
    text: str  # the value with all digits
    value: float | None
    unit: str
    low: float | None
    high: float | None
    equal: str
    verdict: str
    inner_step: str
    run: str = ""  # TR-0042, in the history of a measurement


_VALUES = (
    "m.quantity, m.name, m.text, m.value, m.unit, m.low, m.high, coalesce(m.equal, ''), m.verdict, coalesce(m.inner_step, '')"
)


def read_measured(db: sqlite3.Connection, head: StepHead, system_id: str, *, limit: int) -> list[MeasuredValue]:
    """Return the first values of a step in its run, in the order of their recording: those of a test with its inner steps."""
    test = test_of(head.step.test)
    rows = db.execute(
        f"""SELECT {_VALUES} FROM quantities q JOIN measurements m ON m.quantity = q.id
        WHERE q.system_id = :system AND q.test = :test AND m.run = :run AND m.valid
            AND (:inner = '' OR m.inner_step = :inner OR substr(m.inner_step, 1, length(:inner) + 3) = :inner || ' > ')
        ORDER BY m.id LIMIT :limit""",
        {"system": system_id, "test": test, "run": head.run, "inner": inner_title(head.step.test), "limit": limit},
    )
    return [MeasuredValue(*row) for row in rows.fetchall()]


def read_values(db: sqlite3.Connection, quantity: int, *, limit: int) -> list[MeasuredValue]:
    """Return the newest values of a measurement in all runs of its system, newest first."""
    rows = db.execute(
        f"""SELECT {_VALUES}, r.number FROM measurements m JOIN runs r ON r.id = m.run
        WHERE m.quantity = ? AND m.valid ORDER BY m.run DESC, m.id DESC LIMIT ?""",
        (quantity, limit),
    )
    return [replace(MeasuredValue(*row[:10]), run=run_reference(row[10])) for row in rows.fetchall()]
