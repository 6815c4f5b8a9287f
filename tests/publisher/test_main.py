"""The publisher process, started like pytest does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support import events as f
from tests.support.inner import environment

from pytest_atlas.journal import status as st

PATIENCE_S = 60


def publisher(directory: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "pytest_atlas.publisher", str(directory / "s1"), "--atlas-dir", str(directory)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), bufsize=0)


def test_the_publisher_ends_while_pytest_keeps_the_pipe_open(tmp_path: Path) -> None:
    f.write_journal(tmp_path / "s1", f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_a"), f.finish())
    with publisher(tmp_path) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"end\n")
        code = process.wait(PATIENCE_S)
        said = process.stderr.read().decode()
    assert code == 0, said
    assert "done: 3 of 3 published" in said
    assert [status.state for status in st.read_all(tmp_path / "s1")] == ["done"]


def test_the_exit_code_shows_pending_results(tmp_path: Path) -> None:
    f.write_journal(tmp_path / "s1", f.opened(), f.session(), *f.plan("test_a"))
    (tmp_path / "atlas.db").write_text("no database at all, but long enough that SQLite looks at its head" * 20)
    with publisher(tmp_path) as process:
        assert process.stdin
        process.stdin.write(b"end\n")
        assert process.wait(PATIENCE_S) == 1
    (status,) = st.read_all(tmp_path / "s1")
    assert "atlas.db" in status.problem


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling policies are Linux's")
@pytest.mark.parametrize("policy", ["SCHED_OTHER", "SCHED_FIFO"])
def test_the_publisher_has_a_low_priority_also_if_pytest_runs_in_real_time(tmp_path: Path, policy: str) -> None:
    f.write_journal(tmp_path / "s1", f.opened(), f.session(), *f.plan("test_a"))
    before = os.nice(0)

    def in_real_time() -> None:
        if policy == "SCHED_FIFO":
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    command = [sys.executable, "-P", "-m", "pytest_atlas.publisher", str(tmp_path / "s1"), "--atlas-dir", str(tmp_path)]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=in_real_time)  # noqa: PLW1509
    except subprocess.SubprocessError:
        pytest.skip("this user may not start a real-time process")
    with process:
        assert process.stderr
        assert b"publishing" in process.stderr.readline()
        assert os.sched_getscheduler(process.pid) == os.SCHED_BATCH
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(before + 10, 19)
        process.communicate(b"end\n", PATIENCE_S)


@pytest.mark.parametrize("word", [b"", b"stop\n"])
def test_the_publisher_waits_for_the_session_and_otherwise_writes_no_file(tmp_path: Path, word: bytes) -> None:
    f.write_journal(tmp_path / "s1", f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_a"), f.finish())
    before = sorted(tmp_path.rglob("*"))
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest_atlas.publisher",
        str(tmp_path / "s1"),
        "--wait",
        "--atlas-dir",
        str(tmp_path),
    ]
    done = subprocess.run(command, input=word, capture_output=True, env=environment(), timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(tmp_path.rglob("*")) == before
    done = subprocess.run(
        command, input=b"begin\nend\n", capture_output=True, env=environment(), timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [status.state for status in st.read_all(tmp_path / "s1")] == ["done"]
