"""The end of a process whose threads can't be interrupted."""

import os
import sys
import threading
from contextlib import suppress


def leave(code: int) -> None:
    """End the process with `code` at once if a thread still runs that Python would wait for, such as one of boto3's."""
    mine = threading.current_thread()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not mine):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # closed, or nobody reads it
                stream.flush()
        os._exit(code)
