"""Connections that only read the store, with a time limit for each page."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_atlas.local.store import StoreError, is_damaged, open_reader, verify_version

TIME_LIMIT_S = 1.0
"""Longest time for the queries of one page."""

_INSTRUCTIONS = 2000
"""Instructions of SQLite between two looks at the clock: some 20 µs."""


class TooSlow(Exception):  # noqa: N818 - not an error of the store: the page shows less
    """The queries of a page took longer than the limit."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"The queries took longer than {limit_s:g} s. Narrow the filter")


class Views:
    """Read access to the store in the file `path`, for several threads at once. It does not wait for writers.

    The store must exist and have this version: open it with LocalAtlas first. `time_limit_s`: for each `with` block of `read`.
    """

    def __init__(self, path: Path, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self.path = path
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._watcher: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"<Views {self.path} idle={len(self._idle)}>"

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that only this block uses. All its queries see the store at one instant.

        Raises TooSlow, and StoreError if the store can't be read, is damaged, or has been updated by a newer version.
        """
        with self._translated():
            db = self._take()
            deadline = time.monotonic() + self._time_limit_s
            db.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS)
            try:
                db.execute("BEGIN")
                verify_version(db, self.path)
                yield db
            finally:
                self._give_back(db)

    def version(self) -> int:
        """Return a number that changes with each commit of another connection. It costs some microseconds."""
        with self._lock, self._translated():
            if self._watcher is None:
                self._watcher = open_reader(self.path)
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close all connections. A connection in use is not closed."""
        with self._lock:
            idle, self._idle = [*self._idle, *filter(None, [self._watcher])], []
            self._watcher = None
        for db in idle:
            db.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return open_reader(self.path)

    def _give_back(self, db: sqlite3.Connection) -> None:
        db.set_progress_handler(None, 0)
        try:
            if db.in_transaction:
                db.execute("ROLLBACK")
        except sqlite3.Error:  # a damaged store: the next block opens another connection
            db.close()
            return
        with self._lock:
            self._idle.append(db)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise TooSlow(self._time_limit_s) from error
            raise StoreError(self.path, f"can't be read ({error}). Try again") from error
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
            raise StoreError(self.path, f"is damaged ({error}). Move the file away to create a new store") from error
