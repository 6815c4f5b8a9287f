"""The class and the action of each failure (contract C6)."""

import pytest

from pytest_atlas.atlas import errors
from pytest_atlas.atlas.errors import AtlasError, BadAnswer, Unreachable
from pytest_atlas.atlas.operations import ListRuns
from pytest_atlas.base.disk_space import DiskSpaceError
from pytest_atlas.publisher.failures import ACTIONS, Action, FailureClass, FileError, Subject, action, classify
from pytest_atlas.publisher.files.objects import UploadFailed

OPERATION = ListRuns()


def status(code: int) -> AtlasError:
    return errors.error_response(OPERATION, code, "words")


RESPONSES: list[tuple[int, Subject, FailureClass]] = [
    *((code, "entity", "transient") for code in (408, 425, 429, 500, 502, 503, 504)),
    *((code, "reading", "transient") for code in (408, 429, 503)),
    *((code, "report", "transient") for code in (408, 429, 503)),
    *((code, subject, "fatal") for code in (401, 403) for subject in ("new run", "run", "entity", "reading")),
    (404, "new run", "fatal"),
    (404, "run", "fatal"),
    (404, "reading", "fatal"),
    (404, "entity", "not found"),
    (422, "new run", "fatal"),
    (422, "run", "rejected"),
    (422, "entity", "rejected"),
    (400, "entity", "rejected"),
    (409, "entity", "rejected"),
    (422, "reading", "fatal"),
    *((code, "report", "rejected") for code in (401, 403, 404, 422)),
]


@pytest.mark.parametrize(("code", "subject", "expected"), RESPONSES, ids=[f"{s} {c}" for c, s, _ in RESPONSES])
def test_a_status_has_a_class_for_each_subject(code: int, subject: Subject, expected: FailureClass) -> None:
    assert classify(status(code), subject) == expected


@pytest.mark.parametrize("subject", ["new run", "run", "entity", "reading", "report"])
@pytest.mark.parametrize(
    "error",
    [Unreachable(OPERATION, "timeout", in_doubt=True), BadAnswer(OPERATION, 200, "HTML")],
    ids=["no response", "invalid response"],
)
def test_a_missing_or_invalid_response_is_transient(error: AtlasError, subject: Subject) -> None:
    assert action(error, subject) is Action.RETRY


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UploadFailed("x", "y", transient=True), Action.RETRY),
        (UploadFailed("x", "y", transient=False), Action.SKIP),
        (UploadFailed("x", "y", transient=False, every_file=True), Action.SKIP),
        (DiskSpaceError("full"), Action.SKIP),
        (FileNotFoundError("x"), Action.SKIP),
        (ValueError("x"), Action.SKIP),
    ],
    ids=repr,
)
def test_a_file_is_retried_after_a_transient_upload_failure_only(error: FileError, expected: Action) -> None:
    assert action(error, "file") is expected


def test_every_class_has_one_action() -> None:
    assert {name: ACTIONS[name].name for name in ACTIONS} == {
        "transient": "RETRY",
        "fatal": "STOP",
        "not found": "FIND_DELETED",
        "rejected": "SKIP",
        "file error": "SKIP",
    }
