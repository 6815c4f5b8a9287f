"""What may go wrong in a command without being a fault of it, as one line for people."""

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
    """The command can't do what it was asked for. Says why, and what to do."""

    def __init__(self, what: str, code: int = FAILED) -> None:
        self.code = code
        super().__init__(what)


def told(error: Exception) -> tuple[str, int]:
    """The line for `error`, and the exit code. Raises `error` where it is a fault of ours."""
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
