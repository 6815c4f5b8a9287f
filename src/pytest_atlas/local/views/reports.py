"""The page of a report: its text, the other reports of the run, and the objects that a new report can be about."""

import sqlite3

from pytest_atlas.base.records import dataclass
from pytest_atlas.local.reports import shown_status


@dataclass(frozen=True, slots=True)
class ReportHead:
    """A report without its text."""

    uuid: str
    title: str
    scope: str
    status: str
    summary: str
    created_at: int
    created_by: str
    subject: str  # title of the card or step; empty for the run


@dataclass(frozen=True, slots=True)
class ReportText:
    """A report with its text."""

    head: ReportHead
    content: str  # Markdown
    files: int  # number of data files that it is about


_HEAD = """SELECT p.id, p.uuid, p.title, p.scope, p.status, p.summary, p.created_at, p.created_by,
    coalesce(s.title, c.title, '') AS subject {more}
    FROM reports p LEFT JOIN cards c ON c.id = p.card LEFT JOIN steps s ON s.id = p.step AND p.scope = 'step' """


def _head(row: sqlite3.Row, now: int) -> ReportHead:
    status, summary = shown_status(row, now)
    subject = row["subject"] if row["scope"] != "run" else ""
    return ReportHead(row["uuid"], row["title"], row["scope"], status, summary, row["created_at"], row["created_by"], subject)


def read_report(db: sqlite3.Connection, run: int, uuid: str, *, now: int) -> ReportText | None:
    """Return a report of a run; None if the run does not have it. `now`: microseconds since 1970, UTC."""
    sql = _HEAD.format(more=", p.content")
    row = db.execute(f"{sql} WHERE p.run = ? AND p.uuid = ?", (run, uuid)).fetchone()
    if row is None:
        return None
    (files,) = db.execute("SELECT count(*) FROM report_files WHERE report = ?", (row["id"],)).fetchone()
    return ReportText(_head(row, now), row["content"], files)


def read_reports(db: sqlite3.Connection, run: int, *, now: int, limit: int = 100) -> list[ReportHead]:
    """Return the reports of a run, the newest first."""
    rows = db.execute(f"{_HEAD.format(more='')} WHERE p.run = ? ORDER BY p.id DESC LIMIT ?", (run, limit))
    return [_head(row, now) for row in rows]


@dataclass(frozen=True, slots=True)
class Subject:
    """A card or a step that a report can be about."""

    uuid: str
    title: str


@dataclass(frozen=True, slots=True)
class Subjects:
    """The cards and the failed tests of a run, and a step that was selected elsewhere."""

    cards: tuple[Subject, ...]
    steps: tuple[Subject, ...]


def read_subjects(db: sqlite3.Connection, run: int, *, step: str = "", limit: int = 200) -> Subjects:
    """Return the subjects of a new report. `step`: UUID of a step that is listed in any case."""
    cards = db.execute("SELECT uuid, title FROM cards WHERE run = ? ORDER BY position, id LIMIT ?", (run, limit))
    steps = db.execute(
        """SELECT s.uuid, s.title FROM cards c JOIN steps s ON s.card = c.id
        WHERE c.run = ?1 AND (s.uuid = ?2 OR s.execution_status = 'failed' AND instr(coalesce(s.test, ''), ' > ') = 0)
        ORDER BY s.uuid <> ?2, c.position, c.id, s.position, s.id LIMIT ?3""",
        (run, step, limit),
    )
    return Subjects(tuple(Subject(*row) for row in cards), tuple(Subject(*row) for row in steps))


def card_of(db: sqlite3.Connection, run: int, step: str) -> str:
    """Return the UUID of the card of a step; empty if the run does not have the step."""
    row = db.execute(
        "SELECT c.uuid FROM steps s JOIN cards c ON c.id = s.card WHERE s.uuid = ? AND s.run = ?", (step, run)
    ).fetchone()
    return row[0] if row else ""
