"""The page of all runs: the systems with their last runs, and the runs that match a filter, newest first."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference
from pytest_atlas.local.search import quoted

from .run import IS_INNER, NUMBER

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

MAX_FAILURES = 200
"""Most failures of a run that are compared with the run before. With more, only their number is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to show. Empty values match all runs."""

    system: str = ""  # UUID, or its start
    statuses: tuple[str, ...] = ()  # runs with a step of one of these statuses; `running`: runs whose session has not ended
    job: str = ""
    device: str = ""
    bench: str = ""
    created_after: int | None = None  # microseconds since 1970, UTC; inclusive
    created_before: int | None = None  # exclusive
    text: str = ""  # words in the title or the description of the run
    has_reports: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run in a list."""

    id: int
    reference: str
    title: str
    system_id: str
    system_name: str
    created_at: int
    state: str
    job: str
    device: str
    bench: str
    git_commit: str
    duration_us: int | None
    counts: Mapping[str, int]
    reports: int
    previous: int | None  # id of the previous run of the system
    previous_reference: str

    @property
    def steps(self) -> int:
        """The number of steps."""
        return sum(self.counts.values())

    @property
    def completion(self) -> float:
        """The share of the steps that have an outcome."""
        return 1 - self.counts.get("todo", 0) / self.steps if self.steps else 0.0

    @property
    def is_running(self) -> bool:
        """Whether its session has not ended."""
        return self.state == "running"


_HEAD = """SELECT r.id, r.number, r.title, r.system_id, n.name, r.created_at, coalesce(d.state, '') AS state,
    coalesce(d.job, '') AS job, coalesce(d.device, '') AS device, coalesce(d.bench, '') AS bench,
    coalesce(d.git_commit, '') AS git_commit, d.duration_us,
    (SELECT p.id FROM runs p WHERE p.system_id = r.system_id AND (p.created_at, p.id) < (r.created_at, r.id)
        ORDER BY p.created_at DESC, p.id DESC LIMIT 1) AS previous
    FROM runs r LEFT JOIN run_details d ON d.run = r.id LEFT JOIN names n ON n.uuid = r.system_id"""


def _where(chosen: RunFilter) -> tuple[str, dict[str, Any]]:
    """Return the filter as SQL over `runs r` and `run_details d`, and its values."""
    parts: list[tuple[bool, str, dict[str, Any]]] = [
        (bool(chosen.system), "r.system_id >= :system AND r.system_id < :system || 'g'", {"system": chosen.system.lower()}),
        (bool(chosen.job), "d.job = :job", {"job": chosen.job}),
        (bool(chosen.device), "d.device = :device", {"device": chosen.device}),
        (bool(chosen.bench), "d.bench = :bench", {"bench": chosen.bench}),
        (chosen.created_after is not None, "r.created_at >= :after", {"after": chosen.created_after}),
        (chosen.created_before is not None, "r.created_at < :before", {"before": chosen.created_before}),
        (chosen.has_reports, "EXISTS (SELECT 1 FROM reports p WHERE p.run = r.id)", {}),
        (bool(chosen.statuses), _STATUSES, {"statuses": json.dumps(chosen.statuses)}),
        (bool(quoted(chosen.text[:200])), "r.id IN (SELECT rowid FROM runs_fts WHERE runs_fts MATCH :text)",
         {"text": quoted(chosen.text[:200])}),
    ]  # fmt: skip
    used = [(sql, values) for is_used, sql, values in parts if is_used]
    return " AND ".join(sql for sql, _ in used) or "TRUE", {k: v for _, values in used for k, v in values.items()}


_STATUSES = """(EXISTS (SELECT 1 FROM json_each(:statuses) j JOIN tallies t ON t.run = r.id AND t.what = j.value AND t.n > 0)
    OR (d.state = 'running' AND EXISTS (SELECT 1 FROM json_each(:statuses) j WHERE j.value = 'running')))"""


def read_runs(db: sqlite3.Connection, chosen: RunFilter, *, before: int | None = None, limit: int = 50) -> list[RunRow]:
    """Return the newest runs that match, with numbers below `before`."""
    where, values = _where(chosen)
    page = "" if before is None else "AND r.number < :number"
    rows = db.execute(
        f"{_HEAD} WHERE {where} {page} ORDER BY r.id DESC LIMIT :limit", {**values, "number": before, "limit": limit}
    ).fetchall()
    return _rows(db, rows)


def count_runs(db: sqlite3.Connection, chosen: RunFilter) -> int:
    """Return the number of runs that match."""
    where, values = _where(chosen)
    row = db.execute(f"SELECT count(*) FROM runs r LEFT JOIN run_details d ON d.run = r.id WHERE {where}", values).fetchone()
    return int(row[0])


def _rows(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[RunRow]:
    ids = json.dumps([run for row in rows for run in (row["id"], row["previous"]) if run is not None])
    tallies: dict[int, dict[str, int]] = defaultdict(dict)
    for run, what, n in db.execute(
        "SELECT run, what, n FROM tallies WHERE n > 0 AND run IN (SELECT value FROM json_each(?))", (ids,)
    ):
        tallies[run][what] = n
    numbers = dict(db.execute("SELECT id, number FROM runs WHERE id IN (SELECT value FROM json_each(?))", (ids,)).fetchall())
    return [_row(row, tallies[row["id"]], numbers) for row in rows]


def _row(row: sqlite3.Row, tallies: dict[str, int], numbers: Mapping[int, int]) -> RunRow:
    counts = {what: n for what, n in tallies.items() if what not in ("card", "file", "report")}
    previous = row["previous"]
    return RunRow(
        id=row["id"],
        reference=run_reference(row["number"]),
        title=row["title"],
        system_id=row["system_id"],
        system_name=row["name"] or f"System {row['system_id'][:8]}",
        created_at=row["created_at"],
        state=row["state"],
        job=row["job"],
        device=row["device"],
        bench=row["bench"],
        git_commit=row["git_commit"],
        duration_us=row["duration_us"],
        counts=counts,
        reports=tallies.get("report", 0),
        previous=previous,
        previous_reference=run_reference(numbers[previous]) if previous is not None else "",
    )


@dataclass(frozen=True, slots=True)
class System:
    """A system with its newest runs, newest first."""

    uuid: str
    name: str
    runs: int  # number of all runs
    last: tuple[RunRow, ...]


def read_systems(db: sqlite3.Connection, *, limit: int, runs: int) -> list[System]:
    """Return the systems, the one with the newest run first."""
    rows = db.execute(
        """SELECT r.system_id, n.name, count(*) AS runs, max(r.created_at) AS newest FROM runs r
        LEFT JOIN names n ON n.uuid = r.system_id GROUP BY r.system_id ORDER BY newest DESC LIMIT ?""",
        (limit,),
    ).fetchall()
    last = f"{_HEAD} WHERE r.system_id = ? ORDER BY r.created_at DESC, r.id DESC LIMIT ?"
    return [
        System(
            row["system_id"],
            row["name"] or f"System {row['system_id'][:8]}",
            row["runs"],
            tuple(_rows(db, db.execute(last, (row["system_id"], runs)).fetchall())),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Choices:
    """The values of the filter: those that occur in the store."""

    systems: tuple[tuple[str, str], ...]  # UUID and name
    jobs: tuple[str, ...]
    devices: tuple[str, ...]
    benches: tuple[str, ...]


def read_choices(db: sqlite3.Connection, *, limit: int = 200) -> Choices:
    """Return the systems, jobs, devices and benches of all runs."""
    systems = db.execute(
        """SELECT r.system_id, coalesce(n.name, 'System ' || substr(r.system_id, 1, 8)) AS name FROM
        (SELECT DISTINCT system_id FROM runs) r LEFT JOIN names n ON n.uuid = r.system_id ORDER BY name LIMIT ?""",
        (limit,),
    ).fetchall()

    def texts(column: str) -> tuple[str, ...]:
        rows = db.execute(
            f"SELECT DISTINCT {column} FROM run_details WHERE {column} IS NOT NULL ORDER BY {column} LIMIT ?", (limit,)
        )
        return tuple(row[0] for row in rows.fetchall())

    return Choices(tuple((row[0], row[1]) for row in systems), texts("job"), texts("device"), texts("bench"))


@dataclass(frozen=True, slots=True)
class Failing:
    """A test that failed in a run, with its status in the previous run of the system."""

    uuid: str
    title: str
    test: str
    before: str  # empty if the previous run does not have it


def read_failing(db: sqlite3.Connection, run: int, previous: int | None) -> list[Failing]:
    """Return the failed tests of a run, without inner steps; at most MAX_FAILURES."""
    rows = db.execute(
        f"""SELECT s.uuid, s.title, coalesce(s.test, ''), coalesce((SELECT p.execution_status FROM steps p
            WHERE p.test = s.test AND p.run = ? LIMIT 1), '')
        FROM steps s WHERE s.run = ? AND s.execution_status = 'failed' AND NOT {IS_INNER} ORDER BY s.id LIMIT ?""",
        (previous, run, MAX_FAILURES),
    )
    return [Failing(*row) for row in rows.fetchall()]


def change_of_all(db: sqlite3.Connection) -> tuple[int, int]:
    """Return values that change with each change of any run: the number of all changes, and of all runs."""
    row = db.execute("SELECT coalesce(sum(n), 0), count(*) FROM changes").fetchone()
    return row[0], row[1]


def last_number(db: sqlite3.Connection) -> int:
    """Return the number of the newest run; 0 without one."""
    row = db.execute("SELECT max(number) FROM runs").fetchone()
    return row[0] or 0


def number_of(reference: str) -> int | None:
    """Return the number in `TR-0042`; None for any other text."""
    found = NUMBER.fullmatch(reference.strip())
    return int(found[1]) if found else None
