"""A writer of a journal that is alive is distinguished from one that has ended, with real processes.

A reused process id, another container, a copied journal or a clock that jumps don't lead to a wrong answer.
"""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_atlas import session_loader
from pytest_atlas.base import liveness as module
from pytest_atlas.base import locks
from pytest_atlas.base.liveness import Liveness, Writer, liveness, this_process
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.writer import JournalWriter

PATIENCE_S = 20
needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux identifies a boot")
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's processes and locks")

WRITES = """
import os, sys, time
from pathlib import Path
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal.writer import JournalWriter
writer = JournalWriter(Path(sys.argv[1]), Cleaner({{}}))
{more}
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@contextmanager
def writing(journal: Path, more: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has the journal open."""
    command = [sys.executable, "-c", WRITES.format(more=more), str(journal)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"written\n"
        yield process
        process.kill()


def writer_of(journal: Path) -> Writer:
    event = decode.event(journal.read_bytes().splitlines()[0])
    assert isinstance(event, ev.JournalOpened)
    return session_loader._writer(event)


def elsewhere(writer: Writer, **more: str) -> Writer:
    """The same, as if another boot, machine or container had written it."""
    return replace(writer, **more)  # type: ignore[arg-type]  # none is its pid


OTHERS = {
    "this machine and container": {},
    "another container": {"namespace": "pid:[1]"},
    "another container with another host name": {"namespace": "pid:[1]", "host": "c0ffee"},
    "a boot before": {"boot": "before"},
    "a system without /proc": {"boot": "", "namespace": "", "began": ""},
}


@posix
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_writer_runs_until_it_has_ended(journal: Path, other: dict[str, str]) -> None:
    with writing(journal) as process:
        writer = elsewhere(writer_of(journal), **other)
        assert writer.locked
        assert liveness(journal, writer) == "running"
        process.kill()
        process.wait()
        assert liveness(journal, writer) == "ended"


def wait_until_ended(journal: Path, writer: Writer) -> None:
    """Wait until the writer counts as ended: a kernel can release the locks of a killed process after its parent's wait."""
    deadline = time.monotonic() + PATIENCE_S
    while liveness(journal, writer) != "ended":
        assert time.monotonic() < deadline, "still running"
        time.sleep(0.01)


@posix
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_forked_child_of_a_writer_does_not_keep_it_alive(journal: Path, other: dict[str, str]) -> None:
    """The child inherits all files of its parent except the journal, and is alive until the end of the block."""
    fork = (
        "ready, started = os.pipe()\n"
        "if not os.fork():\n    os.close(1); os.write(started, b'1'); sys.stdin.read(); os._exit(0)\n"
        "os.read(ready, 1)"
    )
    with writing(journal, fork) as process:
        process.kill()
        process.wait()
        wait_until_ended(journal, elsewhere(writer_of(journal), **other))


@posix
def test_a_forked_child_that_ends_does_not_release_the_lock(journal: Path) -> None:
    with writing(journal, "if not os.fork(): os._exit(0)\nos.wait()"):
        assert liveness(journal, elsewhere(writer_of(journal), boot="before")) == "running"


@posix
def test_a_writer_whose_files_a_test_closed_holds_its_lock_again_after_the_next_event(journal: Path) -> None:
    events = "from pytest_atlas.journal.events import TestStarted\nos.closerange(3, 256)\n"
    with writing(journal, events + "writer.write(TestStarted(nodeid='a', at=1.0))"):
        assert liveness(journal, elsewhere(writer_of(journal), boot="before")) == "running"


@needs_proc
def test_a_writer_without_lock_is_identified_by_its_start(journal: Path) -> None:
    with writing(journal, "os.closerange(3, 256)") as process:
        assert liveness(journal, writer_of(journal)) == "running"
        process.kill()
        process.wait()
        assert liveness(journal, writer_of(journal)) == "ended"


@needs_proc
def test_a_reused_process_id_is_another_process(journal: Path) -> None:
    journal.touch()
    me = this_process()
    assert liveness(journal, me) == "running"
    assert liveness(journal, replace(me, began=str(int(me.began) - 1))) == "ended"


@needs_proc
def test_a_zombie_has_ended(journal: Path) -> None:
    with writing(journal) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert liveness(journal, writer_of(journal)) == "ended"


@posix
def test_the_writer_of_a_copied_journal_is_unknown(journal: Path, tmp_path: Path) -> None:
    with writing(journal):
        writer = elsewhere(writer_of(journal), host="bench", boot="of the bench")
        copy = tmp_path / "copy.jsonl"
        shutil.copy(journal, copy)
        assert liveness(copy, writer) == "unknown"
        assert liveness(copy, writer_of(copy)) == "running"  # on this machine its identity suffices


@posix
def test_where_locks_do_not_work_an_identity_that_can_not_be_compared_is_unknown(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locks, "flock", refuses)
    writer = JournalWriter(journal, Cleaner({}))
    me = writer_of(journal)
    assert me.locked == ""
    answers: dict[str, Liveness] = {name: liveness(journal, elsewhere(me, **other)) for name, other in OTHERS.items()}
    writer.close()
    if os.path.exists("/proc/self/stat"):
        assert answers.pop("this machine and container") == "running"
    assert set(answers.values()) == {"unknown"}


def old(pid: int, host: str = "") -> Writer:
    """Return the first event of version 0.1.0."""
    return Writer(host=host or this_process().host, pid=pid)


@pytest.mark.parametrize("jump_s", [-86_400 * 365 * 30, 0, 86_400 * 365 * 30], ids=["back", "none", "forward"])
def test_no_clock_is_asked(journal: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    """The clock of a bench without a battery starts in 1970 and jumps when the network is up."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jump_s)
    with writing(journal) as process:
        assert liveness(journal, writer_of(journal)) == "running"
        process.kill()
        process.wait()
        assert liveness(journal, writer_of(journal)) == "ended"


def test_a_journal_of_version_0_1_0_in_doubt_is_unknown(journal: Path) -> None:
    journal.touch()
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert liveness(journal, old(os.getpid())) == "unknown"
    assert liveness(journal, old(ended.pid)) == "ended"
    assert liveness(journal, old(os.getpid(), "another")) == "ended"


@pytest.mark.parametrize("pid", [0, -1, 1 << 80])
def test_a_number_that_is_no_process_id_does_not_run(journal: Path, pid: int) -> None:
    assert liveness(journal, old(pid)) == "ended"
    assert liveness(journal, replace(this_process(), pid=pid, began="1")) == "ended"


@posix
def test_a_process_of_another_user_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert module._exists(os.getpid())


def test_a_session_runs_as_long_as_one_of_its_processes_runs(tmp_path: Path) -> None:
    """A worker may run its test to the end after its controller was killed."""
    with writing(tmp_path / "journal.jsonl") as controller, writing(tmp_path / "journal-gw0-12345678.jsonl") as worker:
        assert session_loader.read(tmp_path).state == "running"
        controller.kill()
        controller.wait()
        assert session_loader.read(tmp_path).state == "running"
        worker.kill()
        worker.wait()
        assert session_loader.read(tmp_path).state == "died"
