"""End a process while threads run that can't be interrupted."""

import os
import sys
import threading
from contextlib import suppress


def leave(code: int) -> None:
    """End the process with `code` at once if another thread still runs: boto3's, or that of a command that timed out.

    Python would wait for the first, and fail if the second holds a lock on standard output.
    """
    if threading.active_count() > 1:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed, or without a reader
                stream.flush()
        os._exit(code)
