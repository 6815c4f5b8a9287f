"""The publisher's process as pytest sees it: started beside the tests, told when they are over, never waited for in them."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pytest_atlas.base.private_files import opener
from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st

COMMAND: tuple[str, ...] = (sys.executable, "-P", "-m", "pytest_atlas.publisher")
"""Without -P the user's own `json.py` in the working directory would be imported. Tests put a stand-in here."""


if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
else:
    _FLAGS = 0


class PublisherProcess:
    """A publisher. It inherits nothing but a pipe and the environment, and it survives pytest."""

    def __init__(self, session: Path, arguments: list[str]) -> None:
        """Start it. Raises OSError where that can't be."""
        self._session = session
        with open(session / session_dir.LOG, "ab", opener=opener) as log:
            self._process = subprocess.Popen(
                [*COMMAND, str(session), *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=session,
                bufsize=0,
                start_new_session=True,  # else Ctrl-C would end it with the tests; nothing on Windows
                creationflags=_FLAGS,
            )
        self._pid = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close_in_child)

    def end(self) -> None:
        """All facts are written; it shall bring the rest to Atlas."""
        self._say(b"end\n")

    def leave(self) -> None:
        """Nobody waits any more: it stops at the next safe point, or has ended already."""
        self._say(b"stop\n")
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        if self._process.poll() is None:
            self._process.returncode = 0  # it ends by itself; under -W error its ResourceWarning would be a failure

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def status(self) -> st.Status | None:
        """Its last word; None before the first."""
        return next((status for status in st.read_all(self._session) if self._is_of(status.pid)), None)

    def _is_of(self, pid: int) -> bool:
        # On Windows a virtual environment's python.exe starts the real one; nobody else publishes a session that goes on.
        return sys.platform == "win32" or pid == self._process.pid

    def _say(self, words: bytes) -> None:
        if self._process.stdin and not self._process.stdin.closed and os.getpid() == self._pid:
            with suppress(OSError):  # it has ended: its status says why
                self._process.stdin.write(words)

    def _close_in_child(self) -> None:
        """A child that a test forked would hold the pipe open, and the publisher would take pytest for alive."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
