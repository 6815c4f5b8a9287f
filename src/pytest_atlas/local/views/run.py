"""The page of a run: its head, failures, cards, steps, timeline, files, reports."""

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_atlas.analysis.timeline import Timed
from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

NUMBER = re.compile(r"TR-0*(\d{1,15})", re.IGNORECASE | re.ASCII)
UUID_START = re.compile(r"[0-9a-f][0-9a-f-]{3,35}", re.IGNORECASE | re.ASCII)
LATEST = "latest"

_RUNNING = "s.execution_status = 'todo' AND s.started_at IS NOT NULL AND s.ended_at IS NULL"
STATUS = f"CASE WHEN {_RUNNING} AND coalesce(d.state, 'running') = 'running' THEN 'running' ELSE s.execution_status END"
"""SQL for the status of a step in a page: also `running`, while its session runs. Needs steps s and run_details d."""
IS_INNER = "instr(coalesce(s.test, ''), ' > ') > 0"
"""SQL for whether a step is an inner step. A test with ` > ` in a parameter is taken for one."""


class AmbiguousRun(LookupError):  # noqa: N818 - a question, not a fault
    """The start of a UUID belongs to several runs."""


def find_run(db: sqlite3.Connection, reference: str) -> int | None:
    """Return the id of the run that `TR-0042`, the start of its UUID (4 characters or more) or `latest` names; None without it.

    Raises AmbiguousRun.
    """
    if reference.lower() == LATEST:
        row = db.execute("SELECT id FROM runs ORDER BY created_at DESC, id DESC LIMIT 1").fetchone()
        return row[0] if row else None
    if found := NUMBER.fullmatch(reference):
        row = db.execute("SELECT id FROM runs WHERE number = ?", (int(found[1]),)).fetchone()
        return row[0] if row else None
    if not UUID_START.fullmatch(reference):
        return None
    start = reference.lower()
    rows = db.execute("SELECT id FROM runs WHERE uuid >= ? AND uuid < ? LIMIT 2", (start, f"{start}g")).fetchall()
    if len(rows) > 1:
        raise AmbiguousRun(reference)
    return rows[0][0] if rows else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """A run without its cards. Times are microseconds since 1970, UTC."""

    id: int
    uuid: str
    reference: str
    title: str
    description: str
    system_id: str
    system_name: str
    created_at: int
    created_by: str
    counts: Mapping[str, int]  # number of steps by status
    files: int
    reports: int
    state: str = ""  # running, ended, died or interrupted; empty for a run without a session
    exit_status: int | None = None
    host: str = ""
    job: str = ""
    ci_url: str = ""
    git_commit: str = ""
    branch: str = ""
    device: str = ""
    bench: str = ""
    firmware: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    duration_us: int | None = None
    environment: Mapping[str, str]
    changes: int = 0

    @property
    def steps(self) -> int:
        """The number of steps."""
        return sum(self.counts.values())

    @property
    def began_at(self) -> int:
        """The start of the session, or the creation of the run."""
        return self.created_at if self.started_at is None else self.started_at

    @property
    def is_running(self) -> bool:
        """Whether its session has not ended."""
        return self.state == "running"


_TEXTS = ("host", "job", "ci_url", "git_commit", "branch", "device", "bench", "firmware", "state")


def read_head(db: sqlite3.Connection, run: int) -> RunHead | None:
    """Return the head of a run; None if it does not exist."""
    row = db.execute(
        """SELECT r.*, n.name AS system_name, c.n AS changes, d.state, d.exit_status, d.host, d.job, d.ci_url, d.git_commit,
            d.branch, d.device, d.bench, d.firmware, d.started_at, d.ended_at, d.duration_us, d.environment
        FROM runs r LEFT JOIN names n ON n.uuid = r.system_id LEFT JOIN changes c ON c.run = r.id
        LEFT JOIN run_details d ON d.run = r.id WHERE r.id = ?""",
        (run,),
    ).fetchone()
    if row is None:
        return None
    tallies = dict(db.execute("SELECT what, n FROM tallies WHERE run = ? AND n > 0", (run,)).fetchall())
    others = {what: tallies.pop(what, 0) for what in ("card", "file", "report")}
    return RunHead(
        id=run,
        uuid=row["uuid"],
        reference=run_reference(row["number"]),
        title=row["title"],
        description=row["description"],
        system_id=row["system_id"],
        system_name=row["system_name"] or f"System {row['system_id'][:8]}",
        created_at=row["created_at"],
        created_by=row["created_by"],
        counts=tallies,
        files=others["file"],
        reports=others["report"],
        exit_status=row["exit_status"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        duration_us=row["duration_us"],
        environment=json.loads(row["environment"] or "{}"),
        changes=row["changes"] or 0,
        **{name: row[name] or "" for name in _TEXTS},
    )


def change_number(db: sqlite3.Connection, run: int) -> int | None:
    """Return the number of changes of a run; None if it was deleted."""
    row = db.execute("SELECT n FROM changes WHERE run = ?", (run,)).fetchone()
    return row[0] if row else None


def neighbours(db: sqlite3.Connection, head: RunHead) -> tuple[str | None, str | None]:
    """Return the references of the previous and the next run of the same system."""
    previous = db.execute(
        "SELECT max(id), number FROM runs WHERE system_id = ? AND id < ?", (head.system_id, head.id)
    ).fetchone()
    following = db.execute(
        "SELECT min(id), number FROM runs WHERE system_id = ? AND id > ?", (head.system_id, head.id)
    ).fetchone()
    references = [run_reference(row["number"]) if row["number"] is not None else None for row in (previous, following)]
    return references[0], references[1]


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card with the number of its steps by status."""

    id: int
    uuid: str
    title: str
    description: str
    counts: Mapping[str, int]  # also "running"
    took_us: int | None  # sum of its tests
    version: str  # changes with its steps

    @property
    def steps(self) -> int:
        """The number of steps."""
        return sum(self.counts.values())


def read_cards(db: sqlite3.Connection, run: int) -> list[CardRow]:
    """Return the cards of a run in their order."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    took: dict[int, int] = defaultdict(int)
    versions: dict[int, int] = defaultdict(int)
    rows = db.execute(
        f"""SELECT s.card, {STATUS} AS status, count(*) AS n, max(s.updated_at) AS updated_at,
            sum(CASE WHEN {IS_INNER} THEN 0 ELSE s.ended_at - s.started_at END) AS took
        FROM cards c JOIN steps s ON s.card = c.id LEFT JOIN run_details d ON d.run = c.run
        WHERE c.run = ? GROUP BY s.card, status""",
        (run,),
    )
    for row in rows:
        counts[row["card"]][row["status"]] = row["n"]
        took[row["card"]] += row["took"] or 0
        versions[row["card"]] = max(versions[row["card"]], row["updated_at"])
    return [
        CardRow(
            row["id"],
            row["uuid"],
            row["title"],
            row["description"],
            counts[row["id"]],
            took[row["id"]] or None,
            f"{versions[row['id']]}-{sum(counts[row['id']].values())}",
        )
        for row in db.execute(
            "SELECT id, uuid, title, description FROM cards WHERE run = ? ORDER BY position, id", (run,)
        ).fetchall()
    ]


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step with its texts."""

    id: int
    uuid: str
    card: int
    title: str
    status: str  # also "running"
    test: str  # identity: the nodeid, with the titles of inner steps; empty if the step does not belong to pytest
    description: str
    exception: str
    started_at: int | None
    ended_at: int | None
    worker: str
    attempts: int

    @property
    def took_us(self) -> int | None:
        """The duration in microseconds; None while it is unknown."""
        return None if self.started_at is None or self.ended_at is None else self.ended_at - self.started_at

    @property
    def depth(self) -> int:
        """The number of tests and steps around it."""
        return self.test.count(" > ")


_STEPS = f"""SELECT s.id, s.uuid, s.card, s.title, {STATUS} AS status, coalesce(s.test, '') AS test, s.description,
    coalesce(s.exception, '') AS exception, s.started_at, s.ended_at, coalesce(s.worker, '') AS worker,
    coalesce(s.attempts, 0) AS attempts
    FROM steps s LEFT JOIN run_details d ON d.run = s.run"""


def _step(row: sqlite3.Row) -> StepRow:
    return StepRow(*row)


def read_steps(
    db: sqlite3.Connection, card: int, *, limit: int, offset: int = 0, statuses: Sequence[str] = ()
) -> list[StepRow]:
    """Return some steps of a card in their order; with `statuses`, only those."""
    where = f"AND {STATUS} IN (SELECT value FROM json_each(?))" if statuses else ""
    values: list[Any] = [card, *([json.dumps(statuses)] if statuses else []), limit, offset]
    rows = db.execute(f"{_STEPS} WHERE s.card = ? {where} ORDER BY s.position, s.id LIMIT ? OFFSET ?", values)
    return [_step(row) for row in rows.fetchall()]


def read_failed_steps(db: sqlite3.Connection, run: int, *, limit: int) -> list[StepRow]:
    """Return the first failed steps of a run, in its order."""
    rows = db.execute(
        f"""{_STEPS} JOIN cards c ON c.id = s.card WHERE s.run = ? AND s.execution_status = 'failed'
        ORDER BY c.position, c.id, s.position, s.id LIMIT ?""",
        (run, limit),
    )
    return [_step(row) for row in rows.fetchall()]


def read_measured_steps(db: sqlite3.Connection, run: int, *, limit: int) -> list[StepRow]:
    """Return the last steps of a run that ended and can have a measurement with limits in their description."""
    rows = db.execute(
        f"""{_STEPS} WHERE s.card IN (SELECT id FROM cards WHERE run = ?) AND s.ended_at IS NOT NULL
            AND (instr(s.description, ' (≤ ') OR instr(s.description, ' (≥ ') OR instr(s.description, ' … '))
        ORDER BY s.ended_at DESC LIMIT ?""",
        (run, limit),
    )
    return [_step(row) for row in rows.fetchall()]


def read_repeated_steps(db: sqlite3.Connection, run: int, *, limit: int) -> list[StepRow]:
    """Return the tests of a run with several attempts, in the order of the run."""
    rows = db.execute(
        f"""{_STEPS} JOIN cards c ON c.id = s.card WHERE c.run = ? AND s.attempts > 1 AND NOT {IS_INNER}
        ORDER BY c.position, c.id, s.position, s.id LIMIT ?""",
        (run, limit),
    )
    return [_step(row) for row in rows.fetchall()]


@dataclass(frozen=True, slots=True)
class Past:
    """A test in a run of the same system."""

    run: str  # TR-0042
    status: str


def read_past(db: sqlite3.Connection, system_id: str, run: int, tests: Iterable[str], *, limit: int) -> dict[str, list[Past]]:
    """Return the statuses of each test in the newest runs of the system up to this run, newest first."""
    found: dict[str, list[Past]] = {}
    for test in dict.fromkeys(tests):
        rows = db.execute(
            f"""SELECT r.number, {STATUS} AS status FROM steps s JOIN runs r ON r.id = s.run
            LEFT JOIN run_details d ON d.run = s.run
            WHERE s.test = ? AND s.run <= ? AND r.system_id = ? GROUP BY s.run ORDER BY s.run DESC LIMIT ?""",
            (test, run, system_id, limit),
        )
        found[test] = [Past(run_reference(row["number"]), row["status"]) for row in rows.fetchall()]
    return found


def find_steps(db: sqlite3.Connection, run: int, tests: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return UUID and title of the step of each test in a run."""
    found = {}
    for test in tests:
        row = db.execute("SELECT uuid, title FROM steps WHERE test = ? AND run = ? ORDER BY id LIMIT 1", (test, run)).fetchone()
        if row is not None:
            found[test] = (row["uuid"], row["title"])
    return found


def read_timeline(db: sqlite3.Connection, run: int, *, limit: int) -> list[Timed]:
    """Return the tests of a run that started last, without inner steps, in the order of their start."""
    rows = db.execute(
        f"""SELECT s.uuid, s.title, {STATUS} AS status, coalesce(s.worker, ''), s.started_at, s.ended_at
        FROM cards c JOIN steps s ON s.card = c.id LEFT JOIN run_details d ON d.run = c.run
        WHERE c.run = ? AND s.started_at IS NOT NULL AND NOT {IS_INNER}
        ORDER BY s.started_at DESC, s.id DESC LIMIT ?""",
        (run, limit),
    )
    return [Timed._make(row) for row in reversed(rows.fetchall())]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A data file and the title of the step or card that it belongs to."""

    uuid: str
    name: str
    size: int
    content_type: str
    owner: str
    owner_url: str  # below the page of the run; empty for a file of the run


def read_files(db: sqlite3.Connection, run: int, *, limit: int) -> list[FileRow]:
    """Return the first files of a run."""
    rows = db.execute(
        """SELECT f.uuid, f.file_name, f.file_size, f.content_type, coalesce(s.title, c.title, ''),
            CASE WHEN s.uuid IS NOT NULL THEN '/steps/' || s.uuid WHEN c.uuid IS NOT NULL THEN '#card-' || c.uuid ELSE '' END
        FROM files f LEFT JOIN steps s ON s.id = f.step LEFT JOIN cards c ON c.id = coalesce(f.card, s.card)
        WHERE f.run = ? ORDER BY f.id LIMIT ?""",
        (run, limit),
    )
    return [FileRow(*row) for row in rows.fetchall()]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """An analysis report."""

    uuid: str
    title: str
    status: str
    summary: str
    run: str  # TR-0042


def read_reports(db: sqlite3.Connection, head: RunHead) -> tuple[list[ReportRow], ReportRow | None]:
    """Return the reports of a run, newest first, and the last report of an earlier run of the system."""
    columns = "p.uuid, p.title, p.status, p.summary"
    own = db.execute(f"SELECT {columns} FROM reports p WHERE p.run = ? ORDER BY p.id DESC LIMIT 100", (head.id,)).fetchall()
    earlier = db.execute(
        f"""SELECT {columns}, r.number FROM runs r JOIN reports p ON p.run = r.id
        WHERE r.system_id = ? AND r.id < ? AND p.scope = 'run' ORDER BY r.id DESC, p.id DESC LIMIT 1""",
        (head.system_id, head.id),
    ).fetchone()
    last = _report(earlier, run_reference(earlier["number"])) if earlier else None
    return [_report(row, head.reference) for row in own], last


def _report(row: sqlite3.Row, run: str) -> ReportRow:
    return ReportRow(row["uuid"], row["title"], row["status"], row["summary"], run)


@dataclass(frozen=True, slots=True)
class MarginRow:
    """The value of a measurement with limits."""

    quantity: int  # of the system: the same in all runs
    step: str  # UUID; empty if unknown
    step_title: str
    test: str
    name: str
    value: float
    unit: str
    low: float | None
    high: float | None
    verdict: str


_LOW = "(m.value - m.low) / coalesce(nullif(m.high - m.low, 0), nullif(abs(m.low), 0), 1)"
_HIGH = "(m.high - m.value) / coalesce(nullif(m.high - m.low, 0), nullif(abs(m.high), 0), 1)"
_SHARE = f"min(iif(m.low IS NULL, 1e300, {_LOW}), iif(m.high IS NULL, 1e300, {_HIGH}))"
"""SQL for the share of a margin, to select the smallest ones. `analysis.margins` computes the shown one."""


def read_margins(db: sqlite3.Connection, run: int, *, limit: int) -> list[MarginRow]:
    """Return the measurements of a run with the smallest margins; one value for each measurement."""
    rows = db.execute(
        f"""WITH found AS (
            SELECT m.id, m.quantity, min({_SHARE}) AS share FROM files f JOIN measured m ON m.file = f.id
            WHERE f.run = ? AND f.file_name = 'measurements.csv' AND m.value IS NOT NULL AND m.is_valid
                AND (m.low IS NOT NULL OR m.high IS NOT NULL)
            GROUP BY m.quantity ORDER BY share LIMIT ?)
        SELECT v.quantity, coalesce(s.uuid, ''), coalesce(s.title, v.test), v.test, v.name, v.value, v.unit, v.low, v.high,
            v.verdict
        FROM found JOIN measurements v ON v.id = found.id LEFT JOIN steps s ON s.id = v.step
        WHERE v.valid ORDER BY found.share""",
        (run, limit),
    )
    return [MarginRow(*row) for row in rows.fetchall()]


def count_margins(db: sqlite3.Connection, run: int) -> int:
    """Return the number of measurements of a run with limits."""
    row = db.execute(
        """SELECT count(DISTINCT m.quantity) FROM files f JOIN measured m ON m.file = f.id
        WHERE f.run = ? AND f.file_name = 'measurements.csv' AND m.value IS NOT NULL
            AND (m.low IS NOT NULL OR m.high IS NOT NULL)""",
        (run,),
    ).fetchone()
    return int(row[0])


def read_values(db: sqlite3.Connection, quantity: int, run: int, *, runs: int) -> list[float]:
    """Return the value of a measurement with the smallest margin in each of the newest runs up to this one, oldest first."""
    rows = db.execute(
        f"""SELECT f.run, m.value, min({_SHARE}) FROM measured m JOIN files f ON f.id = m.file
        WHERE m.quantity = ? AND f.run <= ? AND m.value IS NOT NULL AND m.is_valid
        GROUP BY f.run ORDER BY f.run DESC LIMIT ?""",
        (quantity, run, runs),
    )
    return [row[1] for row in reversed(rows.fetchall())]
