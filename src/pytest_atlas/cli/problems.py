"""Expected errors of a command, as one line on standard error."""

import os
import sqlite3

from pytest_atlas.atlas.errors import AtlasError
from pytest_atlas.base.requirements import UnsupportedVersion
from pytest_atlas.base.sanitize import Cleaner, log_text
from pytest_atlas.local import StoreError
from pytest_atlas.publisher.receipts import AlreadyPublishing
from pytest_atlas.settings import SettingError

FAILED = 1
USAGE = 2


class CommandError(Exception):
    """A command failed for an expected reason. The message has the problem and the remedy."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        self.code = code
        super().__init__(message)


def error_line(error: Exception) -> tuple[str, int]:
    """Return the line for `error` and the exit code. Raises `error` if it is unexpected: an error in pytest-atlas."""
    if not isinstance(
        error,
        CommandError
        | UnsupportedVersion
        | SettingError
        | AtlasError
        | StoreError
        | AlreadyPublishing
        | OSError
        | sqlite3.Error,
    ):
        raise error
    code = USAGE if isinstance(error, SettingError) else getattr(error, "code", FAILED)
    return log_text(" ".join(Cleaner(os.environ)(str(error)).split())), code
