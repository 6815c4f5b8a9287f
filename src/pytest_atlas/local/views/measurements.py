"""The page of all measurements of a system: their valid values in its last runs."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping

from pytest_atlas.analysis.measurements import Row
from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference

from .measurement import VALUE_COLUMNS, row_of

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

MAX_RUNS = 24
"""Most runs whose values are read."""
MAX_VALUES = 30_000
"""Most values that are read. With more, fewer runs are read, but at least the newest one with values."""


@dataclass(frozen=True, slots=True)
class LastRuns:
    """The newest runs of a system that have values, newest first."""

    ids: tuple[int, ...]
    are_all: bool  # False if MAX_VALUES left out some of MAX_RUNS


def read_last_runs(db: sqlite3.Connection, system_id: str) -> LastRuns:
    """Return the runs whose values are read."""
    rows = db.execute(
        """SELECT f.run, sum(i.rows) AS n FROM runs r JOIN files f ON f.run = r.id AND f.file_name = 'measurements.csv'
            JOIN indexed_files i ON i.file = f.id AND i.rows > 0
        WHERE r.system_id = ? GROUP BY f.run ORDER BY r.created_at DESC, r.id DESC LIMIT ?""",
        (system_id, MAX_RUNS),
    ).fetchall()
    found, total = list[int](), 0
    for run, n in rows:
        total += n
        if found and total > MAX_VALUES:
            break
        found.append(run)
    return LastRuns(tuple(found), len(found) == len(rows))


def read_values(db: sqlite3.Connection, runs: LastRuns) -> Mapping[tuple[str, str], list[tuple[str, Row]]]:
    """Return the valid values of these runs: test and name -> pairs of run and row, in the order of runs."""
    rows = db.execute(
        f"""SELECT {VALUE_COLUMNS} FROM json_each(?) j JOIN files f ON f.run = j.value AND f.file_name = 'measurements.csv'
            JOIN measurements m ON m.file = f.id JOIN runs r ON r.id = f.run LEFT JOIN run_details d ON d.run = f.run
        WHERE m.valid ORDER BY f.run, m.id LIMIT ?""",
        (json.dumps(runs.ids), 4 * MAX_VALUES),
    )
    found: dict[tuple[str, str], list[tuple[str, Row]]] = defaultdict(list)
    for row in rows:
        found[row["test"], row["name"]].append((run_reference(row["number"]), row_of(row)))
    return found


def read_titles(db: sqlite3.Connection, runs: LastRuns, tests: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return card and title of the newest step of each of these tests in these runs."""
    ids = json.dumps(runs.ids)
    found = {}
    for test in dict.fromkeys(tests):
        row = db.execute(
            """SELECT c.title, s.title FROM steps s JOIN cards c ON c.id = s.card
            WHERE s.test = ? AND s.run IN (SELECT value FROM json_each(?)) ORDER BY s.run DESC LIMIT 1""",
            (test, ids),
        ).fetchone()
        if row:
            found[test] = (row[0], row[1])
    return found


def read_systems(db: sqlite3.Connection, *, limit: int = 200) -> list[tuple[str, str, int]]:
    """Return UUID, name and number of measurements of each system that has any, the one with the newest run first."""
    rows = db.execute(
        """SELECT q.system_id, coalesce(n.name, 'System ' || substr(q.system_id, 1, 8)), q.n
        FROM (SELECT system_id, count(*) AS n FROM quantities GROUP BY system_id) q LEFT JOIN names n ON n.uuid = q.system_id
        ORDER BY (SELECT max(r.id) FROM runs r WHERE r.system_id = q.system_id) DESC LIMIT ?""",
        (limit,),
    )
    return [(row[0], row[1], row[2]) for row in rows]
