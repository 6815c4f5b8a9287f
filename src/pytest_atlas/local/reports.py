"""Analysis reports: completed at once, since what they say for now (`analysis.py`) takes no time."""

from typing import Any
from uuid import uuid4

from pytest_atlas.atlas.models import DataFile, Page, Report
from pytest_atlas.atlas.operations import CreateReport, GetReport, ListReports

from .analysis import StepFacts, analyse
from .files import files_of
from .rows import Call, Fields, fields, locate

_SUMMARY = "SELECT uuid, title, scope, status, summary, created_at FROM reports "

# A report is linked to what it is about: a step's report names its card too, but is not the card's.
_LINKED = {
    "run": _SUMMARY + "WHERE run = ? ORDER BY id",
    "card": _SUMMARY + "WHERE card = ? AND scope = 'card' ORDER BY id",
    "step": _SUMMARY + "WHERE step = ? ORDER BY id",
}

_STEPS = """SELECT c.title AS card, s.title, s.execution_status AS status, s.description, s.exception
    FROM steps s JOIN cards c ON c.id = s.card """
_IN_ORDER = " ORDER BY c.position, c.id, s.position, s.id"
_IN_SCOPE = {
    "run": _STEPS + "WHERE c.run = ?" + _IN_ORDER,
    "card": _STEPS + "WHERE c.id = ?" + _IN_ORDER,
    "step": _STEPS + "WHERE s.id = ?" + _IN_ORDER,
}
_FILES = {"run": "run", "card": "whole card", "step": "step"}
_TITLES = {
    "run": "SELECT title FROM runs WHERE id = ?",
    "card": "SELECT title FROM cards WHERE id = ?",
    "step": "SELECT title FROM steps WHERE id = ?",
}


def summaries_of(call: Call, kind: str, row_id: int) -> list[Fields]:
    """The reports of a run (all of them), or those whose scope is a card or a step, oldest first."""
    return [fields(row) for row in call.rows(_LINKED[kind], (row_id,))]


def create_report(call: Call, op: CreateReport) -> Report:
    """Analyse what is recorded in the scope now. Ids beyond the scope are not looked at. NotFound: run, card or step."""
    places = _places(call, op)
    target = places[op.scope]
    files = files_of(call, _FILES[op.scope], target)
    steps = [StepFacts(**dict(row)) for row in call.rows(_IN_SCOPE[op.scope], (target,))]
    title = f"{call.row(_TITLES[op.scope], (target,))[0]} – {op.scope.capitalize()} Analysis"
    analysis = analyse(title, steps, [file["file_name"] for file in files], op.analysis_context or "")
    report = call.insert(
        "reports",
        uuid=str(uuid4()),
        **places,
        scope=op.scope,
        status="completed",
        job_run_id=str(uuid4()),
        created_by=call.user,
        created_at=call.now,
        title=title,
        summary=analysis.summary,
        content=analysis.content,
        analysis_context=op.analysis_context or "",
    )
    call.db.executemany(
        "INSERT INTO report_files SELECT ?, id FROM files WHERE uuid = ?", [(report, file["uuid"]) for file in files]
    )
    return _read(call, report)


def _places(call: Call, op: CreateReport) -> dict[str, int]:
    """The ids of the scope and of what it is in, by the columns of `reports`."""
    places: dict[str, int] = {"run": locate(call, op, "run", run=op.run_id)["id"]}
    ids = {"run": op.run_id}
    for kind, uuid in (("card", op.test_card_id), ("step", op.test_step_id)):
        if kind in _NEEDED[op.scope] and uuid is not None:
            ids[kind] = uuid
            places[kind] = locate(call, op, kind, **ids)["id"]
    return places


_NEEDED = {"run": (), "card": ("card",), "step": ("card", "step")}


def list_reports(call: Call, op: ListReports) -> Page[Report]:
    """All reports of a run, oldest first."""
    run = locate(call, op, "run", run=op.run_id)["id"]
    found = [_fields(call, row) for row in call.rows("SELECT * FROM reports WHERE run = ? ORDER BY id", (run,))]
    return Page[Report].model_validate({"items": found, "count": len(found)})


def get_report(call: Call, op: GetReport) -> Report:
    """One report. NotFound: run or report."""
    return _read(call, locate(call, op, "report", run=op.run_id, report=op.report_id)["id"])


def _read(call: Call, report: int) -> Report:
    return Report.model_validate(_fields(call, call.row("SELECT * FROM reports WHERE id = ?", (report,))))


def _fields(call: Call, row: Any) -> Fields:
    return {
        **fields(row, "id", "run", "card", "step", "analysis_context"),
        # The document leaves the items' shape open, so that the model does too: they are plain JSON, over HTTP and here.
        "test_data": [DataFile.model_validate(file).model_dump(mode="json") for file in files_of(call, "report", row["id"])],
    }
