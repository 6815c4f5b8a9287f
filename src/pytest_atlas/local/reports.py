"""Analysis reports: requested, completed by `analysis`, and returned."""

from typing import Any
from uuid import uuid4

from pytest_atlas.analysis import ReportText
from pytest_atlas.atlas.models import DataFile, Page, Report
from pytest_atlas.atlas.operations import CreateReport, GetReport, ListReports
from pytest_atlas.atlas.statuses import ReportStatus

from .files import files_of
from .report_input import FILES_IN_SCOPE, title_of
from .rows import Call, Fields, fields, locate

ABANDONED_US = 3600 * 1_000_000
"""Age in microseconds from which a pending report is shown as failed: an analysis takes seconds."""
_ABANDONED = ("failed", "The process of the analysis ended too early. Request another report.")

_SUMMARY = "SELECT uuid, title, scope, status, summary, created_at FROM reports "

# The report of a step has a card too, but belongs to the step only.
_LINKED = {
    "run": _SUMMARY + "WHERE run = ? ORDER BY id",
    "card": _SUMMARY + "WHERE card = ? AND scope = 'card' ORDER BY id",
    "step": _SUMMARY + "WHERE step = ? ORDER BY id",
}


def summaries_of(call: Call, kind: str, row_id: int) -> list[Fields]:
    """Return all reports of a run, or those with this card or step as scope, oldest first."""
    return [fields(row) for row in call.rows(_LINKED[kind], (row_id,))]


def create_report(call: Call, op: CreateReport) -> Report:
    """Create a pending report about the files that the scope has now. Ids that the scope does not need are ignored.

    LocalAtlas completes the report after the commit, so that other writers don't wait while it reads files. Raises NotFound
    (run, card or step).
    """
    ids = _ids_of_scope(call, op)
    target = ids[op.scope]
    report = call.insert(
        "reports",
        uuid=str(uuid4()),
        **ids,
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
    call.after_commit.reports.append(report)
    return _read(call, report)


def complete(call: Call, report: int, text: ReportText, status: ReportStatus = "completed") -> None:
    """Store the text of a report."""
    call.update("reports", report, status=status, summary=text.summary, content=text.content)


def _ids_of_scope(call: Call, op: CreateReport) -> dict[str, int]:
    """Return the ids of the run, card and step of the scope, by column of `reports`."""
    found: dict[str, int] = {"run": locate(call, op, "run", run=op.run_id)["id"]}
    ids = {"run": op.run_id}
    for kind, uuid in (("card", op.test_card_id), ("step", op.test_step_id)):
        if kind in _NEEDED[op.scope] and uuid is not None:
            ids[kind] = uuid
            found[kind] = locate(call, op, kind, **ids)["id"]
    return found


_NEEDED = {"run": (), "card": ("card",), "step": ("card", "step")}


def list_reports(call: Call, op: ListReports) -> Page[Report]:
    """Return all reports of a run, oldest first."""
    run = locate(call, op, "run", run=op.run_id)["id"]
    found = [_fields(call, row) for row in call.rows("SELECT * FROM reports WHERE run = ? ORDER BY id", (run,))]
    return Page[Report].model_validate({"items": found, "count": len(found)})


def get_report(call: Call, op: GetReport) -> Report:
    """Return one report. Raises NotFound (run or report)."""
    return _read(call, locate(call, op, "report", run=op.run_id, report=op.report_id)["id"])


def _read(call: Call, report: int) -> Report:
    return Report.model_validate(_fields(call, call.row("SELECT * FROM reports WHERE id = ?", (report,))))


def shown_status(row: Any, now: int) -> tuple[str, str]:
    """Return the status and the summary of a report: a pending one that is too old has failed."""
    is_abandoned = row["status"] == "pending" and now - row["created_at"] > ABANDONED_US
    return _ABANDONED if is_abandoned else (row["status"], row["summary"])


def _fields(call: Call, row: Any) -> Fields:
    return {
        **fields(row, "id", "run", "card", "step", "analysis_context"),
        **dict(zip(("status", "summary"), shown_status(row, call.now), strict=True)),
        # The API document has no schema for the items, so they are plain JSON, here as over HTTP.
        "test_data": [DataFile.model_validate(file).model_dump(mode="json") for file in files_of(call, "report", row["id"])],
    }
