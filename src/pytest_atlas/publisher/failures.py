"""The failure policy (contract C6) as one table: each failure has a class, and each class an action."""

from enum import Enum
from typing import Literal

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound, Unauthorized
from pytest_atlas.base.disk_space import DiskSpaceError

from .files.objects import UploadFailed
from .files.traces import TraceUnreadableError

FailureClass = Literal["transient", "fatal", "not found", "rejected", "file error"]

Subject = Literal["new run", "run", "entity", "reading", "report", "file"]
"""What failed: creating the run, updating the run, a card, step or registered file, reading the run (recovery), an analysis
report, or the upload of a data file."""


class Action(Enum):
    """The action of the publisher after a failure."""

    RETRY = "retry after a pause that all requests share"
    STOP = "stop, and keep everything for a later push"
    FIND_DELETED = "read the run to find the deleted entity"
    SKIP = "skip the entity and report it; an update is retried once without texts"


ACTIONS: dict[FailureClass, Action] = {
    "transient": Action.RETRY,
    "fatal": Action.STOP,
    "not found": Action.FIND_DELETED,
    "rejected": Action.SKIP,
    "file error": Action.SKIP,
}

# Every error that is not in the table is transient.
CLASSES: dict[type[Exception], dict[Subject, FailureClass]] = {
    Unauthorized: {"new run": "fatal", "run": "fatal", "entity": "fatal", "reading": "fatal", "report": "rejected"},
    NotFound: {"new run": "fatal", "run": "fatal", "entity": "not found", "reading": "fatal", "report": "rejected"},
    Invalid: {"new run": "fatal", "run": "rejected", "entity": "rejected", "reading": "fatal", "report": "rejected"},
    DiskSpaceError: {"file": "file error"},
    TraceUnreadableError: {"file": "file error"},
    OSError: {"file": "file error"},  # the file can't be read any more
    ValueError: {"file": "file error"},  # the journal names a path outside the session directory
}

FileError = UploadFailed | DiskSpaceError | TraceUnreadableError | OSError | ValueError
"""All failures of a data file."""


def classify(error: AtlasError | FileError, subject: Subject) -> FailureClass:
    """Return the class of `error`. S3 errors are classified by `files/s3_errors.py`: an UploadFailed is transient or not."""
    if isinstance(error, UploadFailed):
        return "transient" if error.transient else "file error"
    return next((row[subject] for kind, row in CLASSES.items() if isinstance(error, kind) and subject in row), "transient")


def action(error: AtlasError | FileError, subject: Subject) -> Action:
    """Return the action that follows from `error`."""
    return ACTIONS[classify(error, subject)]
