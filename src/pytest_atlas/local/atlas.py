"""`LocalAtlas`: all operations of the API on one file, with the responses and errors of a remote Atlas."""

import getpass
import logging
import math
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from pytest_atlas.analysis import REQUIRED_PPK, ReportText
from pytest_atlas.atlas import operations as ops
from pytest_atlas.atlas.errors import Closed, Unavailable
from pytest_atlas.atlas.models import Report
from pytest_atlas.atlas.statuses import ReportStatus
from pytest_atlas.base.private_files import resolve_links

from . import cards, files, index, reports, runs, search, steps, templates
from .objects import DIRECTORY, LocalObjects
from .report_input import read_report_input
from .rows import AfterCommit, Call, reject_unstorable
from .store import StoreError, is_damaged, open_store, savepoint, transaction

R = TypeVar("R")

LOG = logging.getLogger(__name__)

INDEX_STEP_S = 0.2
"""Time in seconds for which `update_index` locks the store at once."""

HANDLERS: dict[type[ops.Operation[Any]], Callable[[Call, Any], Any]] = {
    ops.CreateRun: runs.create_run,
    ops.ListRuns: runs.list_runs,
    ops.SearchRuns: search.search_runs,
    ops.GetRun: runs.get_run,
    ops.UpdateRun: runs.update_run,
    ops.DeleteRun: runs.delete_run,
    ops.RegisterDataFile: files.register_data_file,
    ops.ListDataFiles: files.list_data_files,
    ops.DeleteDataFile: files.delete_data_file,
    ops.CreateCard: cards.create_card,
    ops.UpdateCard: cards.update_card,
    ops.DeleteCard: cards.delete_card,
    ops.CreateStep: steps.create_step,
    ops.UpdateStep: steps.update_step,
    ops.DeleteStep: steps.delete_step,
    ops.ListReports: reports.list_reports,
    ops.GetReport: reports.get_report,
    ops.CreateReport: reports.create_report,
}

_CONTRIBUTE = "INSERT OR IGNORE INTO contributors SELECT id, ? FROM runs WHERE uuid = ?"


class LocalAtlas:
    """The local Atlas in the file `path`. Safe for threads (they take turns) and for processes.

    With `create=True`, the file and its directory are created if they don't exist. `user` is the author in the records; by
    default the name of the user and the machine. `objects` has the content of the data files with URLs of this store.
    Raises StoreError if the file does not exist, can't be opened, or is not a store.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        user: str | None = None,
        clock: Callable[[], int] = time.time_ns,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        given = Path(path)
        self.path = path = resolve_links(given.parent) / given.name
        self.user = user or _this_user()
        self._clock = clock  # nanoseconds since 1970
        self._environment = environment
        self._is_closed = False
        self._db = open_store(path, create=create)
        self._lock = threading.RLock()
        self._depth = 0
        self._after_commit = AfterCommit()
        self.store_id: str = self._db.execute("SELECT uuid FROM store").fetchone()[0]
        self.objects = LocalObjects(path.parent / DIRECTORY, self.store_id)

    def __repr__(self) -> str:
        return f"<LocalAtlas {self.path} store={self.store_id[:8]}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Every later call raises Closed or StoreError."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    def send(self, op: ops.Operation[R]) -> R:
        """Execute one operation completely or not at all. Outside of `transaction()`, it is on the disk when this returns.

        Raises Closed, NotFound (404), Invalid (422), and Unavailable (503) if the disk is full or another process locks the
        store for longer than `store.BUSY_S` seconds.
        """
        with self._lock:
            if self._is_closed:
                raise Closed(op, f"the local Atlas in {self.path} is closed")
            try:
                with self._transaction_of(op):
                    response = self._execute(op)
            except (OverflowError, UnicodeEncodeError):
                reject_unstorable(op)
                raise
            except sqlite3.OperationalError as error:
                raise Unavailable(op, 503, f"{self.path}: {error}") from error
            except sqlite3.DatabaseError as error:
                if not is_damaged(error):
                    raise
                raise Unavailable(op, 503, f"{self.path}: {error}. Move the file away to create a new store") from error
            finally:
                work = self._take_after_commit()
        self._run_after_commit(work)
        if work.reports and isinstance(op, ops.CreateReport):
            return cast("R", self.send(ops.GetReport(run_id=op.run_id, report_id=cast("Report", response).uuid)))
        return response

    def _transaction_of(self, op: ops.Operation[Any]) -> AbstractContextManager[None]:
        is_read = op.method == "GET"
        if not self._depth:
            return transaction(self._db, "DEFERRED" if is_read else "IMMEDIATE")
        if not self._db.in_transaction:  # a full disk ended it: later operations must not be written without the earlier ones
            raise Unavailable(op, 503, f"{self.path}: the transaction of this operation was rolled back")
        return nullcontext() if is_read else savepoint(self._db)

    def _execute(self, op: ops.Operation[R]) -> R:
        response: R = HANDLERS[type(op)](self._call(), op)
        if op.method != "GET" and "run_id" in op.path_fields():
            self._db.execute(_CONTRIBUTE, (self.user, str(getattr(op, "run_id"))))  # noqa: B009 - not every operation has it
        return response

    def _call(self) -> Call:
        return Call(self._db, self.user, self._clock() // 1000, self.objects, self._after_commit)

    def _take_after_commit(self) -> AfterCommit:
        """Return and clear the work after the commit; nothing while a transaction is open."""
        if self._depth:
            return AfterCommit()
        work, self._after_commit = self._after_commit, AfterCommit()
        return work

    def _run_after_commit(self, work: AfterCommit) -> None:
        """Index measurements, complete reports and delete objects. The store is locked for each write only, not meanwhile."""
        try:
            self._index_files(work.measurements)
        except sqlite3.OperationalError as error:  # `update_index` tries again
            LOG.warning("%s: measurement files were not indexed: %s", self.path, error)
        for report in work.reports:
            try:
                self._analyse(report)
            except sqlite3.OperationalError as error:  # the report remains pending, for readers too
                LOG.warning("%s: a report was not completed: %s", self.path, error)
        for url in dict.fromkeys(filter(self.objects.path, work.unregistered)):
            try:
                # A write transaction: no other process can register the URL between the check and the deletion.
                with self._lock, transaction(self._db, "IMMEDIATE"):
                    if not files.is_registered(self._call(), url):
                        self.objects.remove(url)
            except (OSError, sqlite3.OperationalError) as error:
                # The record is deleted as requested; only disk space is lost.
                LOG.warning("%s has no record any more, but was not deleted: %s", self.objects.path(url), error)

    def _index_files(self, files: Sequence[int], deadline: float = math.inf) -> None:
        """Index measurement files, in one transaction, until `deadline`. The store is not locked while they are read."""
        read = []
        for file in files:
            with self._lock:
                row = None if self._is_closed else self._db.execute("SELECT s3_url FROM files WHERE id = ?", (file,)).fetchone()
            if row is not None:
                read.append((file, *index.read_values(self.objects, row[0])))
            if time.monotonic() > deadline:
                break
        with self._lock:
            if read and not self._is_closed:
                with transaction(self._db, "IMMEDIATE"):
                    for file, values, problem in read:
                        index.write_values(self._db, file, values, problem)

    def _index_runs(self, runs: Sequence[int], deadline: float) -> None:
        """Index the descriptions of runs, in one transaction, until `deadline`."""
        with self._lock:
            if runs and not self._is_closed:
                with transaction(self._db, "IMMEDIATE"):
                    for run in runs:
                        index.index_run(self._db, run)
                        if time.monotonic() > deadline:
                            return

    def update_index(self, seconds: float = math.inf) -> int:
        """Index what an earlier version or a killed process did not index, for about `seconds`, the newest runs first.

        Return the number of runs and files that are still pending. The store is locked for INDEX_STEP_S at once, so that other
        threads and processes can use it meanwhile.
        """
        end = time.monotonic() + seconds
        while True:
            with self._lock:
                if self._is_closed:
                    return 0
                runs, files = index.pending_runs(self._db), index.pending_files(self._db)
            if not (runs or files) or time.monotonic() > end:
                return len(runs) + len(files)
            deadline = time.monotonic() + INDEX_STEP_S
            if runs:
                self._index_runs(runs, deadline)
            else:
                self._index_files(files, deadline)

    def rebuild_index(self) -> None:
        """Delete the index and make it again from the descriptions and the files."""
        with self._lock, transaction(self._db, "IMMEDIATE"):
            index.forget(self._db)
        self.update_index()

    def _analyse(self, report: int) -> None:
        """Complete a report. Other threads and processes can read and write meanwhile."""
        with self._lock, transaction(self._db, "DEFERRED"):
            source = read_report_input(self._call(), report, self.required_ppk())
        if source is None:
            return
        from pytest_atlas.analysis.report import write_report

        status: ReportStatus = "completed"
        try:
            text = write_report(source, self.objects)
        except Exception as error:  # a data file can cause any error, and the report must end and contain it
            LOG.exception("The analysis of %r failed", source.title)
            text, status = ReportText(f"The analysis failed: {error!r}", ""), "failed"
        with self._lock, transaction(self._db, "IMMEDIATE"):
            reports.complete(self._call(), report, text, status)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all operations of a `with` block in one transaction when the block ends, or none if it raises.

        A rejected operation is rolled back alone: catch its error inside of the block to continue. A nested block is part of
        the outer one. Other threads and writing processes wait. Raises StoreError if the commit fails; then none of the
        operations is in the store.
        """
        with self._lock:
            if self._is_closed:
                raise StoreError(self.path, "is closed. Open it again")
            self._depth += 1
            try:
                with transaction(self._db, "IMMEDIATE") if self._depth == 1 else nullcontext():
                    yield
            except sqlite3.OperationalError as error:
                raise StoreError(self.path, f"the transaction was rolled back ({error})") from error
            finally:
                self._depth -= 1
                work = self._take_after_commit()
        self._run_after_commit(work)

    def required_ppk(self) -> float:
        """Return the required Ppk of reports and pages: that of ATLAS_PPK, or the default."""
        from pytest_atlas.analysis.capability import required_ppk

        try:
            return required_ppk(self._environment.get("ATLAS_PPK", ""))
        except ValueError as error:
            LOG.warning("ATLAS_PPK: %s", error)
            return REQUIRED_PPK

    def add_template(self, title: str, description: str = "", steps: Sequence[templates.TemplateStep] = ()) -> UUID:
        """Store a card template and return its UUID. The API has no endpoint that creates one."""
        with self.transaction():
            return templates.add_template(self._call(), title, description, steps)

    def name(self, uuid: UUID, name: str) -> None:
        """Set the name of a system or an asset. The API returns names, but has no endpoint that sets them."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO names VALUES (?, ?)", (str(uuid), name))

    def name_of(self, uuid: UUID) -> str | None:
        """Return the name of a system or an asset; None if `name` has set none."""
        with self._lock:
            row = self._db.execute("SELECT name FROM names WHERE uuid = ?", (str(uuid),)).fetchone()
        return row and str(row["name"])


def _this_user() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name; the exception depends on the version
        user = "unknown"
    return f"{user}@{platform.node() or 'localhost'}"
