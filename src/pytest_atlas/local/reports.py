"""Analysis reports: asked for, completed by what `analysis` says, read."""

from typing import Any
from uuid import uuid4

from pytest_atlas.analysis import ReportText
from pytest_atlas.atlas.models import DataFile, Page, Report
from pytest_atlas.atlas.operations import CreateReport, GetReport, ListReports
from pytest_atlas.atlas.statuses import ReportStatus

from .files import files_of
from .gathering import FILES_IN_SCOPE, title_of
from .rows import Call, Fields, fields, locate

ABANDONED_US = 3600 * 1_000_000
"""Age in microseconds from which a pending report's process is taken for dead: an analysis takes seconds."""
_ABANDONED = {"status": "failed", "summary": "The process that analysed ended before it was done. Ask for another report."}

_SUMMARY = "SELECT uuid, title, scope, status, summary, created_at FROM reports "

# A report is linked to what it is about: a step's report names its card too, but is not the card's.
_LINKED = {
    "run": _SUMMARY + "WHERE run = ? ORDER BY id",
    "card": _SUMMARY + "WHERE card = ? AND scope = 'card' ORDER BY id",
    "step": _SUMMARY + "WHERE step = ? ORDER BY id",
}


def summaries_of(call: Call, kind: str, row_id: int) -> list[Fields]:
    """The reports of a run (all of them), or those whose scope is a card or a step, oldest first."""
    return [fields(row) for row in call.rows(_LINKED[kind], (row_id,))]


def create_report(call: Call, op: CreateReport) -> Report:
    """Ask for an analysis of the files that the scope has now. Ids beyond the scope are not looked at.

    The report is pending: what it says takes files to be read, for which no other writer should have to wait. LocalAtlas
    completes it as soon as this is written. NotFound: run, card or step.
    """
    places = _places(call, op)
    target = places[op.scope]
    report = call.insert(
        "reports",
        uuid=str(uuid4()),
        **places,
        scope=op.scope,
        status="pending",
        job_run_id=str(uuid4()),
        created_by=call.user,
        created_at=call.now,
        title=title_of(call, op.scope, target),
        summary="",
        content="",
        analysis_context=op.analysis_context or "",
    )
    files = call.rows(FILES_IN_SCOPE[op.scope], {"id": target})
    call.db.executemany("INSERT INTO report_files VALUES (?, ?)", [(report, file) for (file,) in files])
    call.later.reports.append(report)
    return _read(call, report)


def complete(call: Call, report: int, text: ReportText, status: ReportStatus = "completed") -> None:
    """Give a report its words."""
    call.update("reports", report, status=status, summary=text.summary, content=text.content)


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
        **(_ABANDONED if row["status"] == "pending" and call.now - row["created_at"] > ABANDONED_US else {}),
        # The document leaves the items' shape open, so that the model does too: they are plain JSON, over HTTP and here.
        "test_data": [DataFile.model_validate(file).model_dump(mode="json") for file in files_of(call, "report", row["id"])],
    }
