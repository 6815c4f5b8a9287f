"""The page of a data file: the file, its run and step, and the other files of the same owner."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

import sqlite3

from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference

from .step import CARD_NUMBER


@dataclass(frozen=True, slots=True)
class DataFile:
    """A registered data file. Only one of `step` and `card` is set; none for a file of the run."""

    id: int
    uuid: str
    name: str
    url: str
    size: int  # bytes, as registered
    content_type: str
    created_at: int
    step: int | None
    card: int | None
    run: int


@dataclass(frozen=True, slots=True)
class Owner:
    """The run, and the card and step, that a data file belongs to. Empty texts if there is none."""

    run: str  # TR-0042
    run_title: str
    system_id: str
    card: int | None  # place of the card in its run, from 1
    card_title: str
    step: str  # UUID
    step_title: str


_OWNER = f"""SELECT r.number, r.title, r.system_id, CASE WHEN c.id IS NOT NULL THEN {CARD_NUMBER} END, coalesce(c.title, ''),
    coalesce(s.uuid, ''), coalesce(s.title, '')
    FROM files f JOIN runs r ON r.id = f.run LEFT JOIN steps s ON s.id = f.step
    LEFT JOIN cards c ON c.id = coalesce(f.card, s.card)"""
_FILES = """SELECT f.id, f.uuid, f.file_name, f.s3_url, f.file_size, f.content_type, f.created_at, f.step, f.card, f.run
    FROM files f"""


def find_file(db: sqlite3.Connection, uuid: str) -> DataFile | None:
    """Return the file with this UUID; None if it does not exist."""
    row = db.execute(f"{_FILES} WHERE f.uuid = ?", (uuid,)).fetchone()
    return DataFile(*row) if row else None


def read_owner(db: sqlite3.Connection, file: DataFile) -> Owner:
    """Return the run, card and step of a file."""
    row = db.execute(f"{_OWNER} WHERE f.id = ?", (file.id,)).fetchone()
    return Owner(run_reference(row[0]), *row[1:])


def files_of_step(db: sqlite3.Connection, step: int, *, limit: int) -> list[DataFile]:
    """Return the first files of a step."""
    return [DataFile(*row) for row in db.execute(f"{_FILES} WHERE f.step = ? ORDER BY f.id LIMIT ?", (step, limit)).fetchall()]


def files_of_card(db: sqlite3.Connection, card: int, *, limit: int) -> list[DataFile]:
    """Return the first files of a card, without those of its steps."""
    return [DataFile(*row) for row in db.execute(f"{_FILES} WHERE f.card = ? ORDER BY f.id LIMIT ?", (card, limit)).fetchall()]


def files_with_owner(db: sqlite3.Connection, file: DataFile, *, limit: int) -> list[DataFile]:
    """Return the first files of the step, the card or the run that `file` belongs to."""
    if file.step is not None:
        return files_of_step(db, file.step, limit=limit)
    if file.card is not None:
        return files_of_card(db, file.card, limit=limit)
    rows = db.execute(
        f"{_FILES} WHERE f.run = ? AND f.step IS NULL AND f.card IS NULL ORDER BY f.id LIMIT ?", (file.run, limit)
    )
    return [DataFile(*row) for row in rows.fetchall()]
