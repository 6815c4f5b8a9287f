"""A pytest that runs is told from one that has ended, and from another process that was given its number."""

import os
import subprocess
import sys
import time

import pytest

from pytest_atlas.base import liveness

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells when a process began")


def test_this_process_runs() -> None:
    assert liveness.runs(os.getpid(), time.time())


def test_a_process_that_has_ended_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert not liveness.runs(ended.pid, time.time())


@needs_proc
def test_a_process_that_nobody_waited_for_does_not_run() -> None:
    """It has ended, though its number is still taken."""
    with subprocess.Popen([sys.executable, "-c", "print()"], stdout=subprocess.PIPE) as zombie:
        assert zombie.stdout is not None
        zombie.stdout.read()  # its end closes the pipe, a moment before it is one
        while (state := liveness._state(zombie.pid)) not in ("Z", ""):
            os.sched_yield()
        assert state == "Z"
        assert not liveness.runs(zombie.pid, time.time())


@needs_proc
def test_a_process_that_began_after_the_journal_is_another() -> None:
    assert not liveness.runs(os.getpid(), time.time() - 86_400 * 365)


@pytest.mark.parametrize("pid", [0, -1, 1 << 80])
def test_what_is_no_number_of_a_process_does_not_run(pid: int) -> None:
    assert not liveness.runs(pid, time.time())


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_a_process_of_somebody_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert liveness.runs(os.getpid(), time.time())
