"""After pytest, a worker or the publisher was killed, a later push completes the run without duplicates."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import mirror
from tests.support.atlases import every_run
from tests.support.events import SYSTEM
from tests.support.inner import PATIENCE_S, Ended, Project, Running
from tests.support.served_atlas import served_atlas

from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st
from pytest_atlas.publisher import targets

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")

ON = f"--atlas-system={SYSTEM}"
HANGS = """
    import os, pathlib, time
    def test_done(): pass
    def test_hangs():
        pathlib.Path("hangs").write_text(str(os.getpid()))
        while not pathlib.Path("go").exists(): time.sleep(0.01)
    def test_last(): pass
"""
MODULE = "test_hang.py"


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def only_status(running: Running) -> st.Status | None:
    """Return the last status of the publisher; None before the first one."""
    return next((word for session in session_dir.sessions(running.atlas_dir) for word in st.read_all(session)), None)


def in_place(running: Running, count: int) -> st.Status:
    """Return the status of the publisher as soon as `count` entities are published."""
    until(lambda: (word := only_status(running)) and word.in_place >= count)
    word = only_status(running)
    assert word
    return word


def named(**statuses: str) -> dict[str, str]:
    return {f"{MODULE}::{name}": status for name, status in statuses.items()}


def pushed(ended: Ended) -> dict[str, str]:
    """Return the run after one more push, which must publish everything."""
    assert mirror.push(ended.session, targets.local(ended.atlas_dir)).state == "done"
    (run,) = mirror.runs(ended.atlas_dir)
    assert len(run.test_cards) == 1
    return mirror.statuses(run)


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
def test_after_pytest_was_killed_its_test_is_failed_and_the_publisher_ends(tmp_path: Path, how: tuple[str, ...]) -> None:
    running = Project(tmp_path).write(MODULE, HANGS).start(ON, *how)
    running.wait_for(tmp_path / "hangs")
    in_place(running, 4)
    running.process.kill()
    ended = running.end()
    (tmp_path / "go").touch()  # otherwise a worker waits for ever
    until(lambda: (word := only_status(running)) and word.state != "working")
    word = only_status(running)
    assert word
    assert (word.state, word.problem) == ("done", "")
    statuses = pushed(ended)
    assert statuses.pop(f"{MODULE}::test_done") == "passed"
    # A worker can outlive its controller and write more events; push publishes them.
    assert statuses[f"{MODULE}::test_hangs"] == "failed" or how
    assert statuses[f"{MODULE}::test_last"] in (("todo",) if not how else ("todo", "passed"))


def test_a_killed_worker_fails_its_test(tmp_path: Path) -> None:
    running = Project(tmp_path).write(MODULE, HANGS).start(ON, "-n1", "--max-worker-restart=0")
    os.kill(int(running.wait_for(tmp_path / "hangs")), signal.SIGKILL)
    ended = running.end()
    assert ended.code != 0
    (run,) = mirror.runs(ended.atlas_dir)
    assert mirror.statuses(run) == named(test_done="passed", test_hangs="failed", test_last="todo")
    assert pushed(ended) == mirror.statuses(run)


@pytest.mark.parametrize("torn", [False, True])
def test_push_completes_the_run_of_a_killed_publisher(tmp_path: Path, torn: bool) -> None:
    running = Project(tmp_path).write(MODULE, HANGS).start(ON)
    running.wait_for(tmp_path / "hangs")
    os.kill(in_place(running, 2).pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    ended = running.end()
    assert ended.code == 0
    assert f"finish with: pytest-atlas push {ended.session.relative_to(tmp_path)}" in ended.terminal_summary
    assert any("the publisher has exited" in line for line in ended.terminal_summary)
    if torn:  # as if the publisher died during the write of a receipt: the response to the create is lost
        (receipts,) = ended.session.glob("receipts-*.jsonl")
        lines = receipts.read_bytes().splitlines(keepends=True)
        made = max(n for n, line in enumerate(lines) if b'"made"' in line)
        receipts.write_bytes(b"".join(lines[:made]) + lines[made][:20])
    assert pushed(ended) == named(test_done="passed", test_hangs="passed", test_last="passed")


def test_session_that_two_machines_push_is_one_run(tmp_path: Path) -> None:
    ended = Project(tmp_path / "bench").write(MODULE, HANGS).write("go", "").record()
    copy = tmp_path / "laptop" / ended.session.name
    shutil.copytree(ended.session, copy)
    with served_atlas(tmp_path / "served") as served:
        assert served.token
        for session in (ended.session, copy):
            assert mirror.push(session, targets.remote(served.url, served.token)).state == "done"
        (run,) = every_run(served.atlas)
    assert mirror.statuses(run) == named(test_done="passed", test_hangs="passed", test_last="passed")
