"""The first page: the systems with their last runs, and the runs that match a filter, newest first."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from pytest_atlas.analysis.comparison import change_of
from pytest_atlas.analysis.figures import STRIP_RUNS, Column, block, stack
from pytest_atlas.analysis.outcome_history import failing_runs
from pytest_atlas.atlas.statuses import GOOD
from pytest_atlas.local.rows import run_reference
from pytest_atlas.local.views import runs as view
from pytest_atlas.local.views.run import Past, read_past

from . import formats
from .formats import CLASSES
from .frame import Pages, render, route

PAGE_RUNS = 50
MAX_SYSTEMS = 24
MAX_NEW_FAILURES = 3
"""Failures of the newest run that the card of a system lists, those with the latest first run."""
LOOKED_UP = 20
"""Number of failures of the newest run of a system for which the first run is looked up."""
RECENT_DAYS = 7
STATUS_CHOICES = ("failed", "exception", "running")
_BY_CLASS = {name: status for status, name in CLASSES.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """The differences of a run from the previous one of its system."""

    newly_failing: int
    fixed: int
    url: str  # of the comparison


@dataclass(frozen=True, slots=True)
class RunLine:
    """A row of the table."""

    row: view.RunRow
    status: str  # the most urgent one
    shares: tuple[tuple[str, float, float], ...]
    change: Change | None  # None for the first run of a system

    @property
    def url(self) -> str:
        """The path of the page of the run."""
        return f"/runs/{self.row.reference}"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of the table under one heading."""

    title: str
    rows: tuple[RunLine, ...]


@dataclass(frozen=True, slots=True)
class NewFailure:
    """A failed test of the newest run of a system, and since when it fails."""

    title: str
    url: str
    since: str  # TR-0024; empty if it is older than the history that was read
    runs: int


@dataclass(frozen=True, slots=True)
class SystemCard:
    """A system with its last runs."""

    system: view.System
    columns: tuple[tuple[Column, str, str, str], ...]  # figure, URL, sentence, status
    newest: RunLine
    new_failures: tuple[NewFailure, ...]
    more: int  # failed tests that are not listed


# ── the filter ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read_filter(request: Request) -> view.RunFilter:
    """Return the filter of the URL. A value that is none is ignored, so that every link shows something."""
    query = request.query_params
    return view.RunFilter(
        system=_system(query.get("system", "")),
        statuses=tuple(_BY_CLASS[name] for name in query.getlist("status") if name in STATUS_CHOICES),
        job=query.get("job", ""),
        device=query.get("device", ""),
        bench=query.get("bench", ""),
        created_after=_day(query.get("from", ""), 0),
        created_before=_day(query.get("to", ""), 1),
        text=query.get("text", ""),
        has_reports=query.get("report") == "yes",
    )


def _system(text: str) -> str:
    """Return a UUID, or its start."""
    found = text.strip().lower()
    return found if set(found) <= set("0123456789abcdef-") else str(UUID(int=0))


def _day(text: str, days: int) -> int | None:
    """Return the start of a day in the time zone of this machine, in microseconds, `days` later."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        local = datetime(day.year, day.month, day.day).astimezone()
        return (local - formats.EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError, OSError):
        return None


# ── rows and systems ─────────────────────────────────────────────────────────────────────────────────────────────────


def run_line(db: sqlite3.Connection, row: view.RunRow) -> RunLine:
    """Return the row of a run, with its differences from the previous run of the system."""
    found = "running" if row.is_running else formats.worst(row.counts)
    return RunLine(row, found, stack(row.counts, CLASSES), _change(db, row))


def _change(db: sqlite3.Connection, row: view.RunRow) -> Change | None:
    if row.previous is None:
        return None
    failing = view.read_failing(db, row.id, row.previous) if row.counts.get("failed") else []
    fixed = [one for one in view.read_failing(db, row.previous, row.id) if one.before in GOOD]
    new = sum(change_of("failed", one.before) != "still failing" for one in failing)
    return Change(new, len(fixed), f"/compare?{urlencode({'a': row.previous_reference, 'b': row.reference})}")


def groups(lines: Sequence[RunLine], now: int) -> list[Group]:
    """Return the running runs, those of the last days, and the earlier ones, each in the order of the table."""
    recent = now - RECENT_DAYS * 86_400 * 1_000_000
    titles = ("Running", f"The last {RECENT_DAYS} days", "Earlier")

    def title(line: RunLine) -> str:
        return titles[0 if line.row.is_running else 1 if line.row.created_at >= recent else 2]

    found = [Group(one, tuple(line for line in lines if title(line) == one)) for one in titles]
    return [group for group in found if group.rows]


def system_card(db: sqlite3.Connection, system: view.System) -> SystemCard:
    """Return the card of a system."""
    runs = system.last[::-1]
    failed = [row.counts.get("failed", 0) for row in runs]
    columns = zip(block([(row.completion, n) for row, n in zip(runs, failed, strict=True)]), runs, failed, strict=True)
    newest = system.last[0]
    failures = _new_failures(db, newest) if newest.counts.get("failed") else []
    return SystemCard(
        system,
        tuple((column, f"/runs/{row.reference}", _sentence(row, n), _column_status(row)) for column, row, n in columns),
        run_line(db, newest),
        tuple(failures[:MAX_NEW_FAILURES]),
        max(len(failures) - MAX_NEW_FAILURES, 0),
    )


def _sentence(row: view.RunRow, failed: int) -> str:
    day = formats.date(row.created_at)
    return f"{row.reference}, {day}: {100 * row.completion:.0f} % complete" + (f", {failed} failed" if failed else "")


def _column_status(row: view.RunRow) -> str:
    return "running" if row.is_running else "passed" if row.completion > 0.9 else "todo"


def _new_failures(db: sqlite3.Connection, row: view.RunRow) -> list[NewFailure]:
    """Return the failed tests of a run, those with the latest first run first."""
    failing = view.read_failing(db, row.id, row.previous)[:LOOKED_UP]
    past = read_past(db, row.system_id, row.id, (one.test for one in failing if one.test), limit=STRIP_RUNS)
    found = [_new_failure(row, one, past.get(one.test, [])) for one in failing]
    return sorted(found, key=lambda failure: failure.runs)


def _new_failure(row: view.RunRow, one: view.Failing, past: Sequence[Past]) -> NewFailure:
    ran = [p for p in past if p.status not in ("todo", "running")]
    runs = failing_runs(p.status for p in ran)
    is_known = runs > 0 and (runs < len(ran) or len(past) < STRIP_RUNS)
    since = ran[runs - 1].run if is_known else ""
    return NewFailure(one.title, f"/runs/{row.reference}/steps/{one.uuid}", since, runs)


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def runs_context(pages: Pages, request: Request, *, newest: int | None = None) -> dict[str, Any]:
    """Return all that the page shows. `newest`: show no run with a larger number, but count them."""
    chosen = read_filter(request)
    before = view.number_of(request.query_params.get("before", ""))
    with pages.views.read() as db:
        last = view.last_number(db)
        limit = last if newest is None else newest
        rows = view.read_runs(db, chosen, before=min(before or limit + 1, limit + 1), limit=PAGE_RUNS + 1)
        lines = [run_line(db, row) for row in rows[:PAGE_RUNS]]
        systems = [] if before else [system_card(db, one) for one in _systems(db, chosen)]
        return {
            "page": "runs",
            "groups": groups(lines, time.time_ns() // 1000),
            "shown": len(lines),
            "total": view.count_runs(db, chosen),
            "older": _link(request, before=lines[-1].row.reference) if len(rows) > PAGE_RUNS else "",
            "is_first_page": before is None,
            "first_page": _link(request),
            "systems": systems,
            "choices": view.read_choices(db),
            "chosen": chosen,
            "query_params": request.query_params,
            "status_choices": STATUS_CHOICES,
            "is_filtered": chosen != view.RunFilter(),
            "newest": run_reference(limit),
            "newer": last - limit,
            "has_runs": last > 0,
        }


def _systems(db: sqlite3.Connection, chosen: view.RunFilter) -> Iterable[view.System]:
    found = view.read_systems(db, limit=MAX_SYSTEMS, runs=STRIP_RUNS)
    return [system for system in found if system.uuid.startswith(chosen.system)]


def _link(request: Request, **changes: str) -> str:
    """Return the URL of this page with the same filter."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("before", "newest") and value]
    query = urlencode([*kept, *changes.items()])
    return f"/?{query}" if query else "/"


def runs_page(request: Request, pages: Pages) -> Response:
    """Show the systems and the runs."""
    return render(request, "runs.html", **runs_context(pages, request))


ROUTES = [route("/", runs_page)]
