"""Data files: what is registered, and with which card or step. The objects themselves are in S3, or in `objects.py`."""

# ruff: noqa: S608 - the SQL is put together from this package's own words only; values are always parameters

from typing import Any
from uuid import uuid4

from pytest_atlas.atlas.models import DataFile, Page
from pytest_atlas.atlas.operations import DeleteDataFile, ListDataFiles, RegisterDataFile

from .rows import Call, Fields, fields, locate, refuse

_SELECT = """SELECT f.uuid, f.file_name, f.s3_url, f.file_size, f.content_type, f.uploaded_by, f.created_at,
    c.uuid AS test_card_id, s.uuid AS test_step_id
    FROM files f LEFT JOIN cards c ON c.id = f.card LEFT JOIN steps s ON s.id = f.step """

_ORDER = " ORDER BY f.id"

_WHERE = {
    "run": _SELECT + "WHERE f.run = :id" + _ORDER,
    "card": _SELECT + "WHERE f.card = :id" + _ORDER,
    "step": _SELECT + "WHERE f.step = :id" + _ORDER,
    "file": _SELECT + "WHERE f.id = :id",
    "report": _SELECT + "WHERE f.id IN (SELECT file FROM report_files WHERE report = :id)" + _ORDER,
    # What an analysis of a card looks at: its own files and its steps'.
    "whole card": _SELECT + "WHERE f.run = (SELECT run FROM cards WHERE id = :id) AND (f.card = :id OR s.card = :id)" + _ORDER,
}


def files_of(call: Call, kind: str, row_id: int) -> list[Fields]:
    """The files of a run (all of them), a card or a step (those registered with it), or a report (those it analysed).

    The document does not give the shape of `associations`; here it is the request's: both ids, null where there is none.
    """
    return [_fields(row) for row in call.rows(_WHERE[kind], {"id": row_id})]


def _fields(row: Any) -> Fields:
    file = fields(row)
    place = {name: file.pop(name) for name in ("test_card_id", "test_step_id")}
    return {**file, "associations": [place] if any(place.values()) else []}


def register_data_file(call: Call, op: RegisterDataFile) -> DataFile:
    """Record a file. The same URL may be registered again, for another place.

    NotFound: run, card, or step. Invalid: one of the local Atlas's own URLs with nothing behind it; whether there is something
    behind any other can't be known here.
    """
    run = locate(call, op, "run", run=op.run_id)["id"]
    if call.objects.path(op.s3_url) and not call.objects.exists(op.s3_url):
        refuse(op, "s3_url", "The file must exist at the provided S3 URL before calling this endpoint")
    card, step = _place(call, op)
    file = call.insert(
        "files",
        uuid=str(uuid4()),
        run=run,
        card=card,
        step=step,
        file_name=op.file_name,
        s3_url=op.s3_url,
        file_size=op.file_size,
        content_type=op.content_type or "application/octet-stream",
        uploaded_by=call.user,
        created_at=call.now,
    )
    return DataFile.model_validate(files_of(call, "file", file)[0])


def _place(call: Call, op: RegisterDataFile) -> tuple[int | None, int | None]:
    """The ids of the card and the step that the file is for. A step beside a card must be that card's."""
    place = op.associate_with
    card = step = None
    if place and place.test_card_id:
        card = locate(call, op, "card", run=op.run_id, card=place.test_card_id)["id"]
    if place and place.test_step_id:
        if place.test_card_id:
            step = locate(call, op, "step", run=op.run_id, card=place.test_card_id, step=place.test_step_id)["id"]
        else:
            step = locate(call, op, "step of run", run=op.run_id, step=place.test_step_id)["id"]
    return card, step


def list_data_files(call: Call, op: ListDataFiles) -> Page[DataFile]:
    """All files of a run, oldest first."""
    found = files_of(call, "run", locate(call, op, "run", run=op.run_id)["id"])
    return Page[DataFile].model_validate({"items": found, "count": len(found)})


def delete_data_file(call: Call, op: DeleteDataFile) -> None:
    """Forget a file, and delete its object if that is here and nothing else refers to it; a report on it stays."""
    row = locate(call, op, "file", run=op.run_id, file=op.file_id)
    call.delete("files", row["id"])
    call.later.unregistered.append(row["s3_url"])


def urls_of_run(call: Call, run: int) -> list[str]:
    """The URLs of all files of a run."""
    return [url for (url,) in call.rows("SELECT DISTINCT s3_url FROM files WHERE run = ?", (run,))]


def is_registered(call: Call, url: str) -> bool:
    """Whether any record refers to this URL."""
    return call.row("SELECT 1 FROM files WHERE s3_url = ? LIMIT 1", (url,)) is not None
