"""`LocalAtlas`: all operations of the API on one file, with the answers and the errors of a real one."""

import getpass
import logging
import os
import platform
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from pytest_atlas.analysis import ReportText
from pytest_atlas.atlas import operations as ops
from pytest_atlas.atlas.errors import Closed, Unavailable
from pytest_atlas.atlas.models import Report
from pytest_atlas.atlas.statuses import ReportStatus
from pytest_atlas.base.private_files import resolve_links

from . import cards, files, reports, runs, search, steps, templates
from .gathering import gather
from .objects import FOLDER, LocalObjects
from .rows import AfterCommit, Call, refuse_unstorable
from .store import StoreError, is_damaged, open_store, savepoint, transaction

R = TypeVar("R")

LOG = logging.getLogger(__name__)

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
    ) -> None:
        given = Path(path)
        self.path = path = resolve_links(given.parent) / given.name
        self.user = user or _this_user()
        self._clock = clock  # nanoseconds since 1970
        self._is_closed = False
        self._db = open_store(path, create=create)
        self._lock = threading.RLock()
        self._depth = 0
        self._later = AfterCommit()
        self.store_id: str = self._db.execute("SELECT uuid FROM store").fetchone()[0]
        self.objects = LocalObjects(path.parent / FOLDER, self.store_id)

    def __repr__(self) -> str:
        return f"<LocalAtlas {self.path} store={self.store_id[:8]}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. It contains everything that was acknowledged; every later call raises Closed or StoreError."""
        with self._lock:
            self._is_closed = True
            self._db.close()

    def send(self, op: ops.Operation[R]) -> R:
        """Carry out one operation: all of it, or nothing. Outside of `transaction()` it is on the disk when this returns.

        Raises Closed, NotFound (404), Invalid (422), and Unavailable (503) where the disk is full or another process keeps the
        store for longer than `store.BUSY_S` seconds.
        """
        with self._lock:
            if self._is_closed:
                raise Closed(op, f"the local Atlas in {self.path} is closed")
            try:
                with self._around(op):
                    answer = self._carry_out(op)
            except (OverflowError, UnicodeEncodeError):
                refuse_unstorable(op)
                raise
            except sqlite3.OperationalError as error:
                raise Unavailable(op, 503, f"{self.path}: {error}") from error
            except sqlite3.DatabaseError as error:
                if not is_damaged(error):
                    raise
                raise Unavailable(op, 503, f"{self.path}: {error}. Move the file away to begin a new store") from error
            finally:
                later = self._take_later()
        self._finish(later)
        if later.reports and isinstance(op, ops.CreateReport):
            return cast("R", self.send(ops.GetReport(run_id=op.run_id, report_id=cast("Report", answer).uuid)))
        return answer

    def _around(self, op: ops.Operation[Any]) -> AbstractContextManager[None]:
        reads = op.method == "GET"
        if not self._depth:
            return transaction(self._db, "DEFERRED" if reads else "IMMEDIATE")
        if not self._db.in_transaction:  # a full disk ended it: what follows must not be written without what came before
            raise Unavailable(op, 503, f"{self.path}: the transaction that this belongs to was lost")
        return nullcontext() if reads else savepoint(self._db)

    def _carry_out(self, op: ops.Operation[R]) -> R:
        answer: R = HANDLERS[type(op)](self._call(), op)
        if op.method != "GET" and "run_id" in op.path_fields():
            self._db.execute(_CONTRIBUTE, (self.user, str(getattr(op, "run_id"))))  # noqa: B009 only some operations have it
        return answer

    def _call(self) -> Call:
        return Call(self._db, self.user, self._clock() // 1000, self.objects, self._later)

    def _take_later(self) -> AfterCommit:
        """What is to be done now that nothing more can be taken back; nothing inside of a transaction that goes on."""
        if self._depth:
            return AfterCommit()
        later, self._later = self._later, AfterCommit()
        return later

    def _finish(self, later: AfterCommit) -> None:
        """Do what is left to do, each without keeping other threads and processes from writing any longer than it writes."""
        for report in later.reports:
            try:
                self._analyse(report)
            except sqlite3.OperationalError as error:  # the report stays pending, which readers see, too
                LOG.warning("%s: a report could not be completed: %s", self.path, error)
        for url in dict.fromkeys(filter(self.objects.path, later.unregistered)):
            try:
                # A writing transaction, so that no other process registers it just now.
                with self._lock, transaction(self._db, "IMMEDIATE"):
                    if not files.is_registered(self._call(), url):
                        self.objects.remove(url)
            except (OSError, sqlite3.OperationalError) as error:
                # The record is gone, as was asked; what is left is disk space.
                LOG.warning("%s is not needed any more but could not be deleted: %s", self.objects.path(url), error)

    def _analyse(self, report: int) -> None:
        """Complete a report. Other threads and processes read and write meanwhile."""
        with self._lock, transaction(self._db, "DEFERRED"):
            material = gather(self._call(), report)
        if material is None:
            return
        from pytest_atlas.analysis.report import write_report

        status: ReportStatus = "completed"
        try:
            text = write_report(material, self.objects)
        except Exception as error:  # whatever a data file does to the analysis, its report has to end, and to say so
            LOG.exception("The analysis of %r failed", material.title)
            text, status = ReportText(f"The analysis failed: {error!r}", ""), "failed"
        with self._lock, transaction(self._db, "IMMEDIATE"):
            reports.complete(self._call(), report, text, status)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything sent inside is written at once, when the block ends, or not at all if an error leaves the block.

        An operation that is refused inside takes back only itself: catch its error in the block to go on. A block inside
        of a block is a part of it. Other threads and writing processes wait meanwhile. Raises StoreError where the end can't
        be written (nothing of the block is in the store then).
        """
        with self._lock:
            if self._is_closed:
                raise StoreError(self.path, "is closed. Open it again")
            self._depth += 1
            try:
                with transaction(self._db, "IMMEDIATE") if self._depth == 1 else nullcontext():
                    yield
            except sqlite3.OperationalError as error:
                raise StoreError(self.path, f"nothing of this transaction was written ({error})") from error
            finally:
                self._depth -= 1
                later = self._take_later()
        self._finish(later)

    def add_template(self, title: str, description: str = "", steps: Sequence[templates.TemplateStep] = ()) -> UUID:
        """Keep a card template. The API can instantiate one, but has no endpoint that makes one."""
        with self.transaction():
            return templates.add_template(self._call(), title, description, steps)

    def name(self, uuid: UUID, name: str) -> None:
        """Say what a system or an asset is called. The API shows names, but has no endpoint that gives them."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO names VALUES (?, ?)", (str(uuid), name))


def _this_user() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user id without a name; what is raised depends on the Python
        user = "unknown"
    return f"{user}@{platform.node() or 'localhost'}"
