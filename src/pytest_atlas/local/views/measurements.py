"""The page of all measurements of a system: their valid values in its last runs."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pytest_atlas.analysis.measurements import Row
from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference

from .measurement import VALUE_COLUMNS, row_of

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

MAX_RUNS = 24
"""Most runs whose values are read."""
MAX_VALUES = 12_000
"""Largest number of values that are read at once. With more, the newest values come from fewer runs, but at least from one."""


@dataclass(frozen=True, slots=True)
class LastRuns:
    """The newest runs of a system that have values, newest first."""

    ids: tuple[int, ...]
    recent: tuple[int, ...]  # the runs of which all values are read

    @property
    def are_all(self) -> bool:
        """Whether all values of all these runs are read."""
        return self.ids == self.recent


def read_last_runs(db: sqlite3.Connection, system_id: str) -> LastRuns:
    """Return the runs whose values are read."""
    rows = db.execute(
        """SELECT f.run, sum(i.rows) AS n FROM runs r JOIN files f ON f.run = r.id AND f.file_name = 'measurements.csv'
            JOIN indexed_files i ON i.file = f.id AND i.rows > 0
        WHERE r.system_id = ? GROUP BY f.run ORDER BY r.created_at DESC, r.id DESC LIMIT ?""",
        (system_id, MAX_RUNS),
    ).fetchall()
    recent, total = list[int](), 0
    for run, n in rows:
        total += n
        if recent and total > MAX_VALUES:
            break
        recent.append(run)
    return LastRuns(tuple(run for run, _ in rows), tuple(recent))


Groups = Mapping[tuple[str, str], list[sqlite3.Row]]
"""Rows of the index by test and name, in the order of runs. `rows_of` converts them."""


def read_values(db: sqlite3.Connection, runs: Sequence[int]) -> Groups:
    """Return all valid values of these runs."""
    return _grouped(
        db.execute(
            f"""SELECT {VALUE_COLUMNS} FROM json_each(?) j JOIN files f ON f.run = j.value AND f.file_name = 'measurements.csv'
                JOIN measurements m ON m.file = f.id JOIN runs r ON r.id = f.run LEFT JOIN run_details d ON d.run = f.run
            WHERE m.valid ORDER BY f.run, m.id LIMIT ?""",
            (json.dumps(runs), 20 * MAX_VALUES),
        )
    )


def read_history(db: sqlite3.Connection, runs: LastRuns, quantities: Iterable[int]) -> Groups:
    """Return the valid values of some measurements in the last runs."""
    (first,) = db.execute(
        "SELECT min(id) FROM files WHERE run IN (SELECT value FROM json_each(?)) AND file_name = 'measurements.csv'",
        (json.dumps(runs.ids),),
    ).fetchone()
    return _grouped(
        db.execute(
            f"""SELECT {VALUE_COLUMNS} FROM json_each(?1) j
                JOIN measured x ON x.quantity = j.value AND x.file >= ?2 JOIN measurements m ON m.id = x.id
                JOIN runs r ON r.id = m.run LEFT JOIN run_details d ON d.run = m.run
            WHERE m.run IN (SELECT value FROM json_each(?3)) AND m.valid ORDER BY m.run, m.id LIMIT ?4""",
            (json.dumps(list(quantities)), first, json.dumps(runs.ids), 20 * MAX_VALUES),
        )
    )


def _grouped(cursor: sqlite3.Cursor) -> Groups:
    found: dict[tuple[str, str], list[sqlite3.Row]] = defaultdict(list)
    for row in cursor.fetchall():
        found[row["test"], row["name"]].append(row)
    return found


def rows_of(rows: Iterable[sqlite3.Row]) -> list[tuple[str, Row]]:
    """Return pairs of run (TR-0042) and row of a measurement file."""
    return [(run_reference(row["number"]), row_of(row)) for row in rows]


def newest_of(rows: Sequence[sqlite3.Row]) -> list[sqlite3.Row]:
    """Return the rows of the newest run among these."""
    return [row for row in rows if row["number"] == rows[-1]["number"]]


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
