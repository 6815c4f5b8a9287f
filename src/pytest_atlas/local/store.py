"""Opening the local Atlas's file: durability, several processes, versions. Knows no operation."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pytest_atlas.base import atlas_directory
from pytest_atlas.base.private_files import create as create_file
from pytest_atlas.base.private_files import verify_own

from .schema import MIGRATIONS

APPLICATION_ID = 0x41746C73
"""Of the header of a store, "Atls". Stores of version 0.1.0 have 0."""

LOGS = ("", "-wal", "-shm", "-journal")
"""Suffixes of the files that SQLite opens for a database."""

MISSING = "does not exist. pytest --atlas-system=UUID creates one, in Python LocalAtlas(path, create=True)"

BUSY_S = 30.0
"""Seconds that a process waits for another one's transaction before it gives up."""

CACHE_KIB = 8 << 10
"""Memory for pages. The index of uuids is read and written everywhere: with SQLite's 2 MiB, each step of a run with 100,000
is slower than one of a small run."""
CHECKPOINT_PAGES = 4000
"""Pages in the write-ahead log (16 MB) until they are copied into the database: pages that change often are copied less."""


class StoreError(Exception):
    """The file of the local Atlas can't be used. Says which file, why, and what to do."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        super().__init__(f"The local Atlas in {path}: {what}")


def open_store(path: Path, *, create: bool, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the store and update it to this version. The caller closes it, and uses it in one thread at a time.

    With `create`, a missing directory, file or table is created. Raises StoreError: no store, no directory and none can be
    created, not a database, a newer version, no FTS5.
    """
    if not create and not os.path.lexists(path):
        raise StoreError(path, MISSING)
    try:
        atlas_directory.make(path.parent)
        if create:
            _create_private(path)
        _verify_private(path)
        with suppress(sqlite3.OperationalError), closing(_connect(path, "ro", 0)) as reader:
            # The journal of a crashed writer can't be read in this mode: it is checked again below.
            _verify_ours(reader, path, create=create)
        db = _connect(path, "rw", busy_s)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(path, f"can't be opened ({error}). Name a folder that can be written, with --atlas-dir") from error
    try:
        _verify_ours(db, path, create=create)
        db.row_factory = sqlite3.Row
        choose_journal(db, busy_s)
        # FULL: a commit that was acknowledged survives power loss; receipts rely on it.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        _migrate(db, path)
    except (sqlite3.Error, StoreError) as error:
        db.close()
        if isinstance(error, StoreError):
            raise
        raise StoreError(
            path, f"can't be used ({error}). Move the file away to begin a new store, or name another folder"
        ) from error
    return db


def _connect(path: Path, mode: Literal["ro", "rw"], busy_s: float) -> sqlite3.Connection:
    """Both modes never create a file."""
    uri = f"{path.as_uri()}?mode={mode}"
    return sqlite3.connect(uri, timeout=busy_s, isolation_level=None, check_same_thread=False, cached_statements=256, uri=True)


def _create_private(path: Path) -> None:
    """Create an empty file with mode 0600, which SQLite copies to its logs, unless the file exists."""
    with suppress(FileExistsError):
        os.close(create_file(path))


def _verify_private(path: Path) -> None:
    """Check the files that SQLite will open.

    SQLite follows links and opens whatever has the name of a log. Raises OSError for a link, for what is no regular file, and
    for a file of another user or with a second name. Opens no existing file: closing it would end SQLite's locks on it
    (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    """
    for suffix in LOGS:
        verify_own(path.with_name(path.name + suffix))


def _verify_ours(db: sqlite3.Connection, path: Path, *, create: bool) -> None:
    """Check that the file is a store, or empty and to be made one, before it is changed. Raises StoreError or sqlite3.Error."""
    application = int(db.execute("PRAGMA application_id").fetchone()[0])
    columns = {row[1] for row in db.execute("PRAGMA table_info(store)")}
    is_empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] and not _version(db)
    is_ours = application in (0, APPLICATION_ID) and {"id", "uuid", "last_number"} <= columns
    if not (is_ours or (is_empty and application == 0)):
        raise StoreError(path, "is the database of another program, and is not changed. Name another folder, with --atlas-dir")
    if is_empty and not create:
        raise StoreError(path, MISSING)


def choose_journal(db: sqlite3.Connection, busy_s: float = BUSY_S) -> str:
    """Give the database a write-ahead log where the disk can have one, else (a network drive) a rollback journal.

    WAL needs memory shared between processes; where there is none, SQLite either keeps the old mode or fails.
    Returns the mode that the database now has.
    """
    deadline = time.monotonic() + busy_s
    while True:
        # Kept in the file, so mostly there already; asking for it again would wait for other processes.
        mode: str = db.execute("PRAGMA journal_mode").fetchone()[0]
        if mode == "wal":
            return mode
        try:
            return str(db.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            # The busy time-out does not apply to this change: another process may be making the store just now.
            if not _is_busy(error):
                return str(db.execute("PRAGMA journal_mode = DELETE").fetchone()[0])
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken: it was found so while it was in use."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) == len(MIGRATIONS):
        return
    with transaction(db, "IMMEDIATE"):
        version = _version(db)  # again: another process may have been quicker
        if version > len(MIGRATIONS):
            raise StoreError(path, f"is of version {version}, this pytest-atlas knows {len(MIGRATIONS)}. Update pytest-atlas")
        for script in MIGRATIONS[version:]:
            for statement in script:
                db.execute(statement)
        if version == 0:
            db.execute("INSERT INTO store (id, uuid) VALUES (1, ?)", (str(uuid4()),))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def transaction(db: sqlite3.Connection, kind: str) -> Iterator[None]:
    """All or nothing. `kind` is DEFERRED for what only reads, IMMEDIATE for what may write.

    A read that becomes a write while another process writes is refused by SQLite at once, whatever the busy time-out.
    """
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # SQLite itself rolls back on a full disk and the like; then there is nothing left to do.
        with suppress(sqlite3.OperationalError):
            db.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing inside of a transaction that goes on."""
    db.execute("SAVEPOINT operation")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.OperationalError):  # as above
            db.execute("ROLLBACK TO operation")
            db.execute("RELEASE operation")
        raise
    db.execute("RELEASE operation")
