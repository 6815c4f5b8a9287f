"""Data files: their records, and the card or step of each. The content is in S3, or in the local `objects`."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

from typing import Any
from uuid import uuid4

from pytest_atlas.analysis import MEASUREMENTS_FILE
from pytest_atlas.atlas.models import DataFile, Page
from pytest_atlas.atlas.operations import DeleteDataFile, ListDataFiles, RegisterDataFile

from .index import EAGER_BYTES
from .rows import Call, Fields, fields, locate, reject

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
    # All files that the analysis of a card reads: its own and those of its steps.
    "whole card": _SELECT + "WHERE f.run = (SELECT run FROM cards WHERE id = :id) AND (f.card = :id OR s.card = :id)" + _ORDER,
}


def files_of(call: Call, kind: str, row_id: int) -> list[Fields]:
    """Return all files of a run, those registered with a card or a step, or those that a report analysed.

    The API document has no schema for `associations`. Here it is that of the request: both ids, of which one can be null.
    """
    return [_fields(row) for row in call.rows(_WHERE[kind], {"id": row_id})]


def _fields(row: Any) -> Fields:
    file = fields(row)
    place = {name: file.pop(name) for name in ("test_card_id", "test_step_id")}
    return {**file, "associations": [place] if any(place.values()) else []}


def register_data_file(call: Call, op: RegisterDataFile) -> DataFile:
    """Register a file. A URL can be registered again for another card or step.

    Raises NotFound (run, card or step), and Invalid if the URL belongs to the local Atlas but has no content. The content of
    other URLs can't be checked.
    """
    run = locate(call, op, "run", run=op.run_id)["id"]
    if call.objects.path(op.s3_url) and not call.objects.exists(op.s3_url):
        reject(op, "s3_url", "The file must exist at the provided S3 URL before calling this endpoint")
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
    if op.file_name == MEASUREMENTS_FILE and op.file_size <= EAGER_BYTES:
        call.after_commit.measurements.append(file)
    return DataFile.model_validate(files_of(call, "file", file)[0])


def _place(call: Call, op: RegisterDataFile) -> tuple[int | None, int | None]:
    """Return the ids of the card and the step of a file. If both are given, the step must belong to the card."""
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
    """Return all files of a run, oldest first."""
    found = files_of(call, "run", locate(call, op, "run", run=op.run_id)["id"])
    return Page[DataFile].model_validate({"items": found, "count": len(found)})


def delete_data_file(call: Call, op: DeleteDataFile) -> None:
    """Delete a record, and the local content if no other record has its URL. A report about the file remains."""
    row = locate(call, op, "file", run=op.run_id, file=op.file_id)
    call.delete("files", row["id"])
    call.after_commit.unregistered.append(row["s3_url"])


def urls_of_run(call: Call, run: int) -> list[str]:
    """Return the URLs of all files of a run."""
    return [url for (url,) in call.rows("SELECT DISTINCT s3_url FROM files WHERE run = ?", (run,))]


def is_registered(call: Call, url: str) -> bool:
    """Return whether a record has this URL."""
    return call.row("SELECT 1 FROM files WHERE s3_url = ? LIMIT 1", (url,)) is not None
