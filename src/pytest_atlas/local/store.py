"""Open the SQLite file of the local Atlas: durability, concurrent processes, migrations."""

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
"""In the header of a store: "Atls". Stores of version 0.1.0 have 0."""

LOGS = ("", "-wal", "-shm", "-journal")
"""Suffixes of the files that SQLite opens for a database."""

MISSING = "does not exist. pytest --atlas-system=UUID creates one, in Python LocalAtlas(path, create=True)"

BUSY_S = 30.0
"""Seconds to wait for the transaction of another process."""

CACHE_KIB = 8 << 10
"""Page cache. Accesses to the index of UUIDs are random: with the default of 2 MiB, each step of a run with 100,000 steps is
slower than a step of a small run."""
CHECKPOINT_PAGES = 4000
"""Pages in the write-ahead log (16 MB) before they are copied into the database. With more pages, frequently changed ones are
copied less often."""


class StoreError(Exception):
    """The file of the local Atlas can't be used. The message has the file, the problem and the remedy."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"The local Atlas in {path}: {problem}")


def open_store(path: Path, *, create: bool, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the store and update it to this version. The caller closes it, and uses it in one thread at a time.

    With `create`, a missing directory, file or table is created. Raises StoreError if the store does not exist or can't be
    created, is not a store, has a newer version, or if SQLite has no FTS5.
    """
    if not create and not os.path.lexists(path):
        raise StoreError(path, MISSING)
    try:
        atlas_directory.make(path.parent)
        if create:
            _create_private(path)
        _verify_private(path)
        with suppress(sqlite3.OperationalError), closing(_connect(path, "ro", 0)) as reader:
            # This mode can't read the journal of a crashed process, so the file is checked again below.
            _verify_ours(reader, path, create=create)
        db = _connect(path, "rw", busy_s)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(path, f"can't be opened ({error}). Name a writable directory with --atlas-dir") from error
    try:
        _verify_ours(db, path, create=create)
        db.row_factory = sqlite3.Row
        choose_journal(db, busy_s)
        # FULL: an acknowledged commit survives power loss, as receipts require.
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
            path, f"can't be used ({error}). Move the file away to create a new store, or name another directory"
        ) from error
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing store for reading. Raises StoreError."""
    if not os.path.lexists(path):
        raise StoreError(path, MISSING)
    try:
        _verify_private(path)
        # Not mode=ro, which can't read the log of a process that crashed.
        db = _connect(path, "rw", BUSY_S)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(path, f"can't be opened ({error})") from error
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA query_only = ON")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return db


def verify_version(db: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError unless the store has the version of this code."""
    version = _version(db)
    if version > len(MIGRATIONS):
        raise StoreError(path, f"has version {version}; the newest supported one is {len(MIGRATIONS)}. Update pytest-atlas")
    if version < len(MIGRATIONS):
        raise StoreError(path, f"has the older version {version}. Open it for writing, for example with pytest-atlas runs")


def _connect(path: Path, mode: Literal["ro", "rw"], busy_s: float) -> sqlite3.Connection:
    """Connect without creating a file."""
    uri = f"{path.as_uri()}?mode={mode}"
    return sqlite3.connect(uri, timeout=busy_s, isolation_level=None, check_same_thread=False, cached_statements=256, uri=True)


def _create_private(path: Path) -> None:
    """Create an empty file with mode 0600, which SQLite copies to its logs, unless the file exists."""
    with suppress(FileExistsError):
        os.close(create_file(path))


def _verify_private(path: Path) -> None:
    """Check the files that SQLite will open.

    SQLite follows links and opens any file with the name of a log. Raises OSError for a link, another non-regular file, a file
    of another user, and a file with a second name. No file is opened, because closing it would release the locks of SQLite
    (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    """
    for suffix in LOGS:
        verify_own(path.with_name(path.name + suffix))


def _verify_ours(db: sqlite3.Connection, path: Path, *, create: bool) -> None:
    """Check before any change that the file is a store, or empty and `create` is set. Raises StoreError or sqlite3.Error."""
    application = int(db.execute("PRAGMA application_id").fetchone()[0])
    columns = {row[1] for row in db.execute("PRAGMA table_info(store)")}
    is_empty = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] and not _version(db)
    is_ours = application in (0, APPLICATION_ID) and {"id", "uuid", "last_number"} <= columns
    if not (is_ours or (is_empty and application == 0)):
        raise StoreError(path, "is a database of another program, and is not changed. Name another directory with --atlas-dir")
    if is_empty and not create:
        raise StoreError(path, MISSING)


def choose_journal(db: sqlite3.Connection, busy_s: float = BUSY_S) -> str:
    """Select a write-ahead log, or a rollback journal on a network drive, and return the mode.

    A write-ahead log needs memory that processes share. Without it, SQLite either keeps the old mode or fails.
    """
    deadline = time.monotonic() + busy_s
    while True:
        # The file stores the mode. Setting it again would wait for other processes.
        mode: str = db.execute("PRAGMA journal_mode").fetchone()[0]
        if mode == "wal":
            return mode
        try:
            return str(db.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            # The busy timeout does not apply to this change; another process can be creating the store.
            if not _is_busy(error):
                return str(db.execute("PRAGMA journal_mode = DELETE").fetchone()[0])
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_damaged(error: sqlite3.Error) -> bool:
    """Return whether the error means that the file is damaged."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) == len(MIGRATIONS):
        return
    with transaction(db, "IMMEDIATE"):
        version = _version(db)  # again, because another process can have updated it meanwhile
        if version > len(MIGRATIONS):
            raise StoreError(path, f"has version {version}; the newest supported one is {len(MIGRATIONS)}. Update pytest-atlas")
        for script in MIGRATIONS[version:]:
            for statement in script:
                db.execute(statement)
        if version == 0:
            db.execute("INSERT INTO store (id, uuid) VALUES (1, ?)", (str(uuid4()),))
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def transaction(db: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Commit the block, or roll it back if it raises. `kind`: DEFERRED for a read, IMMEDIATE for a write.

    If a DEFERRED transaction begins to write while another process writes, SQLite fails at once, without the busy timeout.
    """
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # After some errors, for example a full disk, SQLite has already rolled back.
        with suppress(sqlite3.OperationalError):
            db.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(db: sqlite3.Connection) -> Iterator[None]:
    """Roll back the block alone if it raises; the transaction around it continues."""
    db.execute("SAVEPOINT operation")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.OperationalError):  # as above
            db.execute("ROLLBACK TO operation")
            db.execute("RELEASE operation")
        raise
    db.execute("RELEASE operation")
