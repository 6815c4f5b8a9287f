"""The publisher's process as pytest sees it: started beside the tests, told when they are over, never waited for in them.

It is not a child of pytest: `base.starter` detaches it.
"""

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from os import getpid
from pathlib import Path

from pytest_atlas.base import interpreter
from pytest_atlas.base.private_files import open_to_append
from pytest_atlas.base.starter import DETACHED
from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st
from pytest_atlas.settings import Settings

PROGRAM = "pytest_atlas.publisher.__main__:main"
"""Tests put a stand-in here."""
START_S = 30.0
"""Longest to wait until Python has started and detached the publisher. It takes about 15 ms."""

if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


def why_records_only(settings: Settings) -> str:
    """Why nothing is sent while the session runs, as a clause; empty if it is sent."""
    return settings.why_records_only or interpreter.problem()


class PublisherProcess:
    """A publisher. It inherits nothing but a pipe and the environment, and it survives pytest."""

    def __init__(self, session: Path, arguments: list[str]) -> None:
        """Start it. Raises OSError where that can't be."""
        self._session = session
        self._pid = getpid()
        with os.fdopen(open_to_append(session / session_dir.LOG), "ab") as log, _unpatched_arguments():
            starter = subprocess.Popen(
                interpreter.command(DETACHED, PROGRAM, str(session), *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=session,
                env=interpreter.environment(os.environ),
                bufsize=0,
                start_new_session=True,  # else Ctrl-C would end it with the tests; nothing on Windows
                creationflags=_FLAGS,
            )
        assert starter.stdin is not None
        self._pipe = starter.stdin
        try:
            self._publisher_pid = self._started(starter)
        except OSError:
            self._pipe.close()
            raise
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close_in_child)

    def _started(self, starter: "subprocess.Popen[bytes]") -> int:
        """Wait for the end of the process that starts the publisher; return the publisher's process id."""
        try:
            starter.wait(START_S)
        except subprocess.TimeoutExpired:
            starter.kill()
            starter.wait()
            raise OSError(f"{sys.executable} has not started within {START_S:.0f} s") from None
        assert starter.stdout is not None
        with starter.stdout as output:
            pid = output.read(20)
        if not pid:
            raise OSError(f"{sys.executable} ended with exit code {starter.returncode}; {session_dir.LOG} may say why")
        rest = memoryview(interpreter.paths())
        while rest:
            rest = rest[self._pipe.write(rest) or 0 :]
        if sys.platform != "win32":
            os.set_blocking(self._pipe.fileno(), False)  # a publisher that does not read must not stop pytest
        return int(pid)

    def end(self) -> None:
        """All facts are written; it shall bring the rest to Atlas."""
        self._send(b"end\n")

    def leave(self) -> None:
        """Nobody waits any more: it stops at the next safe point, or has ended already."""
        self._send(b"stop\n")
        if getpid() == self._pid:
            self._pipe.close()

    @property
    def gone(self) -> bool:
        """Whether the process has ended: the pipe has no reader any more."""
        return not self._send(b"\n")

    def status(self) -> st.Status | None:
        """Its last word; None before the first."""
        return next((status for status in st.read_all(self._session) if self._is_of(status.pid)), None)

    def _is_of(self, pid: int) -> bool:
        # On Windows a virtual environment's python.exe starts the real one; nobody else publishes a session that goes on.
        return sys.platform == "win32" or pid == self._publisher_pid

    def _send(self, words: bytes) -> bool:
        """Write to the pipe; False if nobody can read it any more."""
        if self._pipe.closed or getpid() != self._pid:
            return False
        try:
            self._pipe.write(words)  # None if the pipe is full
        except OSError:  # it has ended: its status says why
            return False
        return True

    def _close_in_child(self) -> None:
        """A child that a test forked would hold the pipe open, and the publisher would take pytest for alive."""
        with suppress(OSError):
            self._pipe.close()


def _unpatched_arguments() -> AbstractContextManager[object]:
    """Debuggers of the pydevd family (debugpy, PyCharm) put themselves into every Python that a process starts, but in here."""
    monkey = sys.modules.get("_pydev_bundle.pydev_monkey")
    skip = getattr(monkey, "skip_subprocess_arg_patch", nullcontext)
    context: AbstractContextManager[object] = skip()
    return context
