"""Test runs: created, listed with their counts, and returned with all cards, steps, files and reports."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, get_args
from uuid import uuid4

from pytest_atlas.atlas.models import Page, Run, RunSummary
from pytest_atlas.atlas.operations import CreateRun, DeleteRun, GetRun, Id, ListRuns, SearchRuns, UpdateRun
from pytest_atlas.atlas.statuses import ExecutionStatus

from .cards import add_card, card_fields
from .files import files_of, urls_of_run
from .index import write_details
from .reports import summaries_of
from .rows import Call, Fields, fields, locate, microseconds, run_reference
from .steps import step_fields
from .templates import read_template

# Without the description: a list of 1,000 runs does not contain it.
_HEAD = "id, uuid, number, system_id, asset_ids, issue_ids, created_by, created_at, updated_at, title"


def create_run(call: Call, op: CreateRun) -> Run:
    """Create a run, with a card for each template in the given order. Raises Invalid (unknown template)."""
    templates = [read_template(call, op, "template_ids", uuid) for uuid in op.template_ids or ()]
    number = call.row("UPDATE store SET last_number = last_number + 1 RETURNING last_number")[0]
    run = call.insert(
        "runs",
        uuid=str(uuid4()),
        number=number,
        system_id=str(op.system_id),
        asset_ids=_json(op.asset_ids),
        issue_ids=_json(op.issue_ids),
        created_by=call.user,
        created_at=call.now,
        updated_at=call.now,
        title=op.title,
        description=op.description or "",
    )
    call.db.execute("INSERT INTO contributors VALUES (?, ?)", (run, call.user))
    write_details(call.db, run, op.description or "")
    for template in templates:
        add_card(call, run, template, None)
    return _read(call, run)


def _json(ids: Iterable[Id] | None) -> str:
    return json.dumps([str(uuid) for uuid in ids or ()])


def get_run(call: Call, op: GetRun) -> Run:
    """Return a run with its cards and steps in their order."""
    return _read(call, locate(call, op, "run", run=op.run_id)["id"])


def update_run(call: Call, op: UpdateRun) -> Run:
    """Change the title or the description; without either, change nothing."""
    run = locate(call, op, "run", run=op.run_id)["id"]
    changes = op.model_dump(exclude_none=True, include={"title", "description"})
    if changes:
        call.update("runs", run, updated_at=call.now, **changes)
        if "description" in changes:
            write_details(call.db, run, changes["description"])
    return _read(call, run)


def delete_run(call: Call, op: DeleteRun) -> None:
    """Delete a run with everything in it, also the local content of its files. Its number is not used again."""
    run = locate(call, op, "run", run=op.run_id)["id"]
    call.after_commit.unregistered.extend(urls_of_run(call, run))
    call.delete("runs", run)


def list_runs(call: Call, op: ListRuns) -> Page[RunSummary]:
    """Return all runs that match the filters, newest first."""
    where, values = run_filter(op)
    rows = call.rows(f"SELECT {_HEAD} FROM runs r WHERE {where} ORDER BY created_at DESC, id DESC", values)
    found = _summaries(call, rows, f"SELECT r.id FROM runs r WHERE {where}", values)
    return Page[RunSummary].model_validate({"items": found, "count": len(found)})


def summaries(call: Call, runs: Iterable[int]) -> dict[int, Fields]:
    """Return the summaries of the runs with these ids."""
    values = {"runs": json.dumps(list(runs))}
    chosen = "SELECT value FROM json_each(:runs)"
    rows = call.rows(f"SELECT {_HEAD} FROM runs r WHERE id IN ({chosen})", values)
    return dict(zip((row["id"] for row in rows), _summaries(call, rows, chosen, values), strict=True))


def run_filter(op: ListRuns | SearchRuns) -> tuple[str, Fields]:
    """Return the four filters as SQL over `runs r`, and its values. Both times are inclusive."""
    conditions: dict[str, Any] = {
        "r.system_id = :system_id": op.system_id and str(op.system_id),
        "r.created_at >= :created_after": op.created_after and microseconds(op.created_after),
        "r.created_at <= :created_before": op.created_before and microseconds(op.created_before),
        "EXISTS (SELECT 1 FROM reports p WHERE p.run = r.id) = :has_reports": op.has_reports,
    }
    given = {sql: value for sql, value in conditions.items() if value is not None}
    return " AND ".join(given) or "TRUE", {sql.rpartition(":")[2]: value for sql, value in given.items()}


def _summaries(call: Call, rows: list[sqlite3.Row], chosen: str, values: Fields) -> list[Fields]:
    tallies: dict[int, dict[str, int]] = defaultdict(dict)
    for run, what, n in call.rows(f"SELECT run, what, n FROM tallies WHERE n > 0 AND run IN ({chosen})", values):
        tallies[run][what] = n
    contributors: dict[int, list[str]] = defaultdict(list)
    for run, user in call.rows(f"SELECT run, user FROM contributors WHERE run IN ({chosen})", values):
        contributors[run].append(user)
    names = dict(call.rows("SELECT uuid, name FROM names"))
    return [_summary(row, tallies[row["id"]], contributors[row["id"]], names) for row in rows]


def _summary(row: sqlite3.Row, tallies: dict[str, int], contributors: list[str], names: dict[str, str]) -> Fields:
    statuses = {status: tallies[status] for status in get_args(ExecutionStatus) if status in tallies}
    steps = sum(statuses.values())
    assets = json.loads(row["asset_ids"])
    return {
        **_head(row, names),
        # A fraction, as in the example of the API document: 0.75 if 3 of 4 steps are not `todo`.
        "completion_pct": 1 - statuses.get("todo", 0) / steps if steps else 0.0,
        "step_status_counts": statuses,
        "contributors": contributors,
        "asset_names": [names.get(asset, asset) for asset in assets],
        "asset_count": len(assets),
        "issue_count": len(json.loads(row["issue_ids"])),
        "card_count": tallies.get("card", 0),
        "file_count": tallies.get("file", 0),
        "report_count": tallies.get("report", 0),
    }


def _head(row: sqlite3.Row, names: dict[str, str]) -> Fields:
    system = row["system_id"]
    return {
        **fields(row, "id", "number", "asset_ids", "issue_ids"),
        "test_run_id": run_reference(row["number"]),
        # No endpoint sets the names of systems. Without LocalAtlas.name(), the name is the start of the id.
        "system_name": names.get(system, f"System {system[:8]}"),
    }


def _read(call: Call, run: int) -> Run:
    row = call.row("SELECT * FROM runs WHERE id = ?", (run,))
    names = dict(call.rows("SELECT uuid, name FROM names WHERE uuid = ?", (row["system_id"],)))
    files = files_of(call, "run", run)
    contributors = [user for (user,) in call.rows("SELECT user FROM contributors WHERE run = ?", (run,))]
    parts = {"test_data": files, "reports": summaries_of(call, "run", run), "contributors": contributors}
    return Run.model_validate({**_head(row, names), "test_cards": _cards(call, run, files), **parts})


def _cards(call: Call, run: int, files: list[Fields]) -> list[Fields]:
    """Return all cards with their steps. The number of queries does not depend on the number of cards."""
    files_by_uuid: dict[str, list[Fields]] = defaultdict(list)
    for file in files:
        for place in file["associations"]:
            for uuid in filter(None, place.values()):
                files_by_uuid[uuid].append(file)
    reports_of = _reports(call, run)
    steps_of: dict[int, list[Fields]] = defaultdict(list)
    in_order = "SELECT s.* FROM cards c JOIN steps s ON s.card = c.id WHERE c.run = ? ORDER BY c.id, s.position, s.id"
    for step in call.rows(in_order, (run,)):
        steps_of[step["card"]].append(step_fields(step, files_by_uuid[step["uuid"]], reports_of["step", step["id"]]))
    return [
        card_fields(card, steps_of[card["id"]], files_by_uuid[card["uuid"]], reports_of["card", card["id"]])
        for card in call.rows("SELECT * FROM cards WHERE run = ? ORDER BY position, id", (run,))
    ]


def _reports(call: Call, run: int) -> dict[tuple[str, int], list[Fields]]:
    """Return the reports about cards and steps, by scope and id."""
    found: dict[tuple[str, int], list[Fields]] = defaultdict(list)
    places = "SELECT DISTINCT scope, coalesce(step, card) FROM reports WHERE run = ? AND coalesce(step, card) IS NOT NULL"
    for scope, place in call.rows(places, (run,)):
        found[scope, place] = summaries_of(call, scope, place)
    return found
