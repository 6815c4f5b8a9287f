"""The index of the local Atlas for its pages: columns from descriptions, and the values of measurement files.

Each write of a description updates the columns of its row in the same transaction. A measurement file is indexed after its
registration is committed, so that no problem of the file affects the registration. All of it can be rebuilt.
"""

import json
import logging
import math
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_atlas.analysis import MEASUREMENTS_FILE
from pytest_atlas.descriptions import RunSummary, parse_attempts, parse_git, parse_run_summaries, session_id, step_id

from .objects import LocalObjects
from .rows import Fields, microseconds

if TYPE_CHECKING:
    from pytest_atlas.analysis.measurements import Row

LOG = logging.getLogger(__name__)

EAGER_BYTES = 2 << 20
"""Largest measurement file that is indexed when it is registered: some 15,000 values, half a second of processor time.

Larger ones are pending until `LocalAtlas.update_index`, so that the end of a session does not wait for them."""
MAX_BYTES = 64 << 20
"""Largest measurement file that is indexed."""
MAX_ROWS = 250_000
"""Most values of one file in the index."""

STEP_COLUMNS = ("test", "worker", "attempts", "session")
"""The columns of `steps` that are index data."""

_DETAILS = (
    *("state", "exit_status", "host", "job", "ci_url", "git_commit", "branch", "device", "bench", "firmware"),
    *("started_at", "ended_at", "duration_us", "environment"),
)
_WRITE_DETAILS = (
    f"INSERT OR REPLACE INTO run_details (run, {', '.join(_DETAILS)}) "  # noqa: S608 - constants
    f"VALUES (:run, {', '.join(f':{name}' for name in _DETAILS)})"
)

_INSERT_QUANTITY = "INSERT OR IGNORE INTO quantities (system_id, test, name) VALUES (?, ?, ?)"
_FIND_QUANTITY = "SELECT id FROM quantities WHERE system_id = ? AND test = ? AND name = ?"
_INSERT_VALUE = """INSERT INTO measured (quantity, file, value, text, unit, low, high, equal, verdict, at, attempt, session,
    is_valid, inner_step, device, bench, firmware) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_PENDING_FILES = f"""SELECT f.id FROM files f WHERE f.file_name = '{MEASUREMENTS_FILE}'
    AND NOT EXISTS (SELECT 1 FROM indexed_files i WHERE i.file = f.id) ORDER BY f.id DESC"""  # noqa: S608 - constants


# ── descriptions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def step_columns(description: str) -> Fields:
    """Return the index columns of a step with this description; None for unknown values."""
    attempts = parse_attempts(description)
    executed = attempts.newest_executed if attempts else None
    newest = executed or (attempts.attempts[0] if attempts and attempts.attempts else None)
    return {
        "test": step_id(description) or None,
        "worker": (newest.worker if newest else "") or None,
        "attempts": attempts.total if attempts else None,
        "session": executed.session if executed else None,
    }


def run_details(description: str) -> Fields:
    """Return the columns of `run_details` for a run with this description; None for unknown values.

    Of several sessions in the run, the newest counts; while one of them runs, the run is running.
    """
    summaries = parse_run_summaries(description)
    if not summaries:
        return dict.fromkeys(_DETAILS)
    newest = summaries[-1]
    environment = dict(newest.environment)
    branch, commit = parse_git(environment.get("Git", ""))
    is_running = any(summary.end == "running" for summary in summaries)
    known: Fields = {
        "host": environment.get("Host"),
        "job": newest.job,
        "ci_url": environment.get("CI job"),
        "git_commit": commit,
        "branch": branch,
        "device": environment.get("Device"),
        "bench": environment.get("Bench"),
        "firmware": environment.get("Firmware"),
        "environment": json.dumps(environment, ensure_ascii=False) if environment else None,
    }
    return {
        **{name: value or None for name, value in known.items()},
        "state": "running" if is_running else newest.end,
        "exit_status": newest.exit_status,
        **_times(summaries, is_running=is_running),
    }


def _times(summaries: list[RunSummary], *, is_running: bool) -> Fields:
    """Return the start of the first session, the end of the last one, and the duration of the newest, in microseconds."""
    starts = [summary.started_at * 1_000_000 for summary in summaries if summary.started_at is not None]
    durations = [None if s.duration_s is None else round(s.duration_s * 1e6) for s in summaries]
    ends = [s.started_at * 1_000_000 + d for s, d in zip(summaries, durations, strict=True) if s.started_at and d is not None]
    return {
        "started_at": min(starts, default=None),
        "ended_at": None if is_running else max(ends, default=None),
        "duration_us": durations[-1],
    }


def write_details(db: sqlite3.Connection, run: int, description: str) -> None:
    """Update the details of a run from its description."""
    db.execute(_WRITE_DETAILS, {"run": run, **run_details(description)})


def index_run(db: sqlite3.Connection, run: int) -> None:
    """Index the descriptions of a run and of its steps."""
    row = db.execute("SELECT description FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:  # it was deleted meanwhile
        return
    write_details(db, run, row[0])
    # By the cards, because `steps` has no index on the run.
    sql = "SELECT s.id, s.description FROM cards c JOIN steps s ON s.card = c.id WHERE c.run = ?"
    steps = db.execute(sql, (run,)).fetchall()
    db.executemany(
        "UPDATE steps SET test = :test, worker = :worker, attempts = :attempts, session = :session WHERE id = :id",
        [{"id": step, **step_columns(text)} for step, text in steps],
    )
    db.execute("DELETE FROM unindexed WHERE run = ?", (run,))


# ── measurement files ────────────────────────────────────────────────────────────────────────────────────────────────


def read_values(objects: LocalObjects, url: str) -> tuple[list[tuple[Any, ...]], str]:
    """Return the rows of a measurement file (test, name, and the columns of `measured`), or no rows and the problem."""
    # Imported here, because a session without measurements must not wait for it.
    from pytest_atlas.analysis.reading import UnreadableError

    try:
        return _read(objects, url), ""
    except (UnreadableError, OSError) as error:
        return [], f"not indexed: {error}"
    except Exception as error:  # a data file can cause any error, and its registration must not fail
        LOG.exception("A measurement file was not indexed: %s", url)
        return [], f"not indexed: {error!r}"


def _read(objects: LocalObjects, url: str) -> list[tuple[Any, ...]]:
    from pytest_atlas.analysis.measurements import read_rows
    from pytest_atlas.analysis.reading import Budget, UnreadableError, open_table

    path = objects.path(url)
    if path is None:
        raise UnreadableError("the file is not in this local Atlas")
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableError(f"larger than {MAX_BYTES >> 20} MiB")
    with open_table(objects, url, is_gzip=False, budget=Budget(MAX_BYTES)) as table:
        values: list[tuple[Any, ...]] = []
        for row in read_rows(table):
            if len(values) == MAX_ROWS:
                raise UnreadableError(f"more than {MAX_ROWS} values")
            values.append(_value(row))
        return values


def _value(row: "Row") -> tuple[Any, ...]:
    number = None if row.number is None or math.isnan(row.number) else row.number  # SQLite has no NaN
    session = _session_id(row.session) if row.session else ""
    origin = (row.step, row.dut, row.bench, row.firmware)
    return (
        *(row.test, row.name, number, row.value, row.unit, row.low, row.high, row.equal or None, row.verdict, _instant(row.at)),
        *(row.attempt or None, session, row.is_valid),
        *(value or None for value in origin),
    )


@lru_cache(maxsize=64)
def _session_id(name: str) -> str:
    return session_id(name)


def _instant(text: str) -> int | None:
    try:
        return microseconds(datetime.fromisoformat(text))
    except (ValueError, TypeError):  # no time, or no time zone
        return None


def write_values(db: sqlite3.Connection, file: int, values: Iterable[tuple[Any, ...]], problem: str) -> None:
    """Store the values of a file, unless it was deleted or indexed meanwhile."""
    row = db.execute("SELECT r.system_id FROM files f JOIN runs r ON r.id = f.run WHERE f.id = ?", (file,)).fetchone()
    if row is None or db.execute("SELECT 1 FROM indexed_files WHERE file = ?", (file,)).fetchone():
        return
    rows = list(_with_quantities(db, row[0], file, values))
    db.executemany(_INSERT_VALUE, rows)
    db.execute("INSERT INTO indexed_files VALUES (?, ?, ?)", (file, len(rows), problem))


def _with_quantities(
    db: sqlite3.Connection, system_id: str, file: int, values: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    known: dict[tuple[str, str], int] = {}
    for test, name, *columns in values:
        quantity = known.get((test, name))
        if quantity is None:
            db.execute(_INSERT_QUANTITY, (system_id, test, name))
            (quantity,) = db.execute(_FIND_QUANTITY, (system_id, test, name)).fetchone()
            known[test, name] = quantity
        yield (quantity, file, *columns)


# ── the whole index ──────────────────────────────────────────────────────────────────────────────────────────────────


def pending_runs(db: sqlite3.Connection) -> list[int]:
    """Return the runs of an earlier version that are not indexed, the newest first."""
    return [run for (run,) in db.execute("SELECT run FROM unindexed ORDER BY run DESC")]


def pending_files(db: sqlite3.Connection) -> list[int]:
    """Return the measurement files that are not indexed, the newest first."""
    return [file for (file,) in db.execute(_PENDING_FILES)]


def forget(db: sqlite3.Connection) -> None:
    """Delete the values, and mark all runs as pending."""
    db.execute("DELETE FROM measured")
    db.execute("DELETE FROM indexed_files")
    db.execute("DELETE FROM quantities")
    db.execute("INSERT OR IGNORE INTO unindexed SELECT id FROM runs")
