"""Start and end the publisher, a process beside the tests. No call blocks a running test.

It is not a child of pytest: `base.starter` detaches it. It starts before the other modules of the recorder are imported, and
does nothing until the session begins.
"""

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from os import getpid
from pathlib import Path
from typing import IO

from pytest_atlas.base import interpreter
from pytest_atlas.base.private_files import delete, open_to_append
from pytest_atlas.base.starter import DETACHED
from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st
from pytest_atlas.settings.parsed import Settings

PROGRAM = "pytest_atlas.publisher.__main__:main"
"""Tests replace it by a stand-in publisher."""
START_S = 30.0
"""Longest time until Python has started and detached the publisher. It takes about 15 ms."""

if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _FLAGS = 0


def why_records_only(settings: Settings) -> str:
    """Return why the session is only recorded, as a clause; empty if it is published."""
    return settings.why_records_only or interpreter.problem()


class PublisherProcess:
    """A publisher process. It inherits only a pipe and the environment, and continues after the end of pytest."""

    def __init__(self, session: Path, arguments: list[str]) -> None:
        """Start it. If that fails, `begin` raises the error."""
        self._session = session
        self._pid = getpid()
        self._publisher_pid = 0
        self._starter: subprocess.Popen[bytes] | None = None
        self._pipe: IO[bytes] | None = None
        self._problem: OSError | None = None
        try:
            self._start(["--wait", *arguments])
        except OSError as error:
            self._problem = error
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close_in_child)

    def _start(self, arguments: list[str]) -> None:
        with os.fdopen(open_to_append(self._session / session_dir.LOG), "ab") as log, _unpatched_arguments():
            self._starter = subprocess.Popen(
                interpreter.command(DETACHED, PROGRAM, str(self._session), *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self._session,
                env=interpreter.environment(os.environ),
                bufsize=0,
                start_new_session=True,  # else Ctrl-C would end it with the tests; nothing on Windows
                creationflags=_FLAGS,
            )
        self._pipe = self._starter.stdin
        rest = memoryview(interpreter.paths())
        with suppress(BrokenPipeError):  # the process has ended already: `begin` reports it
            while rest and self._pipe is not None:
                rest = rest[self._pipe.write(rest) :]

    def begin(self) -> None:
        """Let the publisher begin, because the session has started. Raises OSError if it could not be started."""
        try:
            self._wait_until_detached()
        except OSError:
            self._close()
            raise
        self._send(b"begin\n")

    def abandon(self) -> None:
        """End the publisher and delete its log, because no session was started."""
        with suppress(OSError):  # it could not be started
            self._wait_until_detached()
        self._close()
        delete(self._session / session_dir.LOG)

    def _wait_until_detached(self) -> None:
        """Wait for the end of the process that starts the publisher, and take the publisher's process id from it."""
        starter = self._starter
        if starter is None:
            raise self._problem or OSError("it was not started")
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
            raise OSError(f"{sys.executable} ended with exit code {starter.returncode}; see {session_dir.LOG}")
        if sys.platform != "win32":
            assert self._pipe is not None
            os.set_blocking(self._pipe.fileno(), False)  # a publisher that does not read must not block pytest
        self._publisher_pid = int(pid)

    def end(self) -> None:
        """Let the publisher send the rest: all events are written."""
        self._send(b"end\n")

    def leave(self) -> None:
        """Let the publisher stop at the next safe point, if it has not exited: pytest does not wait any longer."""
        self._send(b"stop\n")
        if getpid() == self._pid:
            self._close()

    @property
    def has_exited(self) -> bool:
        """Whether the process has exited: the pipe has no reader."""
        return not self._send(b"\n")

    def status(self) -> st.Status | None:
        """Return the last status of the publisher; None if it has not written any."""
        return next((status for status in st.read_all(self._session) if self._is_of(status.pid)), None)

    def _is_of(self, pid: int) -> bool:
        # On Windows a virtual environment's python.exe starts the real one; no other publisher works on a running session.
        return sys.platform == "win32" or pid == self._publisher_pid

    def _send(self, words: bytes) -> bool:
        """Write to the pipe. Return False if it has no reader."""
        if self._pipe is None or self._pipe.closed or getpid() != self._pid:
            return False
        try:
            self._pipe.write(words)  # None if the pipe is full
        except OSError:  # it has exited; its status has the reason
            return False
        return True

    def _close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()

    def _close_in_child(self) -> None:
        """Close the pipe in a child that a test forked: else the publisher would assume that pytest is running."""
        with suppress(OSError):
            self._close()


def _unpatched_arguments() -> AbstractContextManager[object]:
    """Return a context in which pydevd debuggers (debugpy, PyCharm) don't attach to a Python process that is started."""
    monkey = sys.modules.get("_pydev_bundle.pydev_monkey")
    skip = getattr(monkey, "skip_subprocess_arg_patch", nullcontext)
    context: AbstractContextManager[object] = skip()
    return context
