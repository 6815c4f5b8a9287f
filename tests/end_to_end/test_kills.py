"""What is killed in the middle is finished by a later push: the run is whole, and nothing is in it twice."""

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
from tests.support.facts import SYSTEM
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
    """The publisher's last word; None before its first."""
    return next((word for session in session_dir.sessions(running.atlas_dir) for word in st.read_all(session)), None)


def in_place(running: Running, count: int) -> st.Status:
    """The publisher's word once `count` entities are in Atlas."""
    until(lambda: (word := only_status(running)) and word.in_place >= count)
    word = only_status(running)
    assert word
    return word


def named(**statuses: str) -> dict[str, str]:
    return {f"{MODULE}::{name}": status for name, status in statuses.items()}


def pushed(ended: Ended) -> dict[str, str]:
    """What Atlas shows after one more push, which must be the last that is needed."""
    assert mirror.push(ended.session, targets.local(ended.atlas_dir)).state == "done"
    (run,) = mirror.runs(ended.atlas_dir)
    assert len(run.test_cards) == 1
    return mirror.statuses(run)


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
def test_a_killed_pytest_leaves_the_truth_in_atlas_and_the_publisher_ends(tmp_path: Path, how: tuple[str, ...]) -> None:
    running = Project(tmp_path).write(MODULE, HANGS).start(ON, *how)
    running.wait_for(tmp_path / "hangs")
    in_place(running, 4)
    running.process.kill()
    ended = running.end()
    (tmp_path / "go").touch()  # else a worker would wait for good
    until(lambda: (word := only_status(running)) and word.state != "working")
    word = only_status(running)
    assert word
    assert (word.state, word.problem) == ("done", "")
    statuses = pushed(ended)
    assert statuses.pop(f"{MODULE}::test_done") == "passed"
    # Of a worker that outlives its controller more may come, which is for push.
    assert statuses[f"{MODULE}::test_hangs"] == "failed" or how
    assert statuses[f"{MODULE}::test_last"] in (("todo",) if not how else ("todo", "passed"))


def test_a_killed_worker_fails_its_test_in_atlas(tmp_path: Path) -> None:
    running = Project(tmp_path).write(MODULE, HANGS).start(ON, "-n1", "--max-worker-restart=0")
    os.kill(int(running.wait_for(tmp_path / "hangs")), signal.SIGKILL)
    ended = running.end()
    assert ended.code != 0
    (run,) = mirror.runs(ended.atlas_dir)
    assert mirror.statuses(run) == named(test_done="passed", test_hangs="failed", test_last="todo")
    assert pushed(ended) == mirror.statuses(run)


@pytest.mark.parametrize("torn", [False, True])
def test_a_killed_publisher_is_made_good_by_push(tmp_path: Path, torn: bool) -> None:
    running = Project(tmp_path).write(MODULE, HANGS).start(ON)
    running.wait_for(tmp_path / "hangs")
    os.kill(in_place(running, 2).pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    ended = running.end()
    assert ended.code == 0
    assert f"finish with: pytest-atlas push {ended.session.relative_to(tmp_path)}" in ended.closing
    assert any("the publisher is not running" in line for line in ended.closing)
    if torn:  # as one that dies while it writes a receipt leaves them: the create's answer is lost
        (receipts,) = ended.session.glob("receipts-*.jsonl")
        lines = receipts.read_bytes().splitlines(keepends=True)
        made = max(n for n, line in enumerate(lines) if b'"made"' in line)
        receipts.write_bytes(b"".join(lines[:made]) + lines[made][:20])
    assert pushed(ended) == named(test_done="passed", test_hangs="passed", test_last="passed")


def test_a_session_that_was_copied_and_pushed_from_both_places_is_one_run(tmp_path: Path) -> None:
    ended = Project(tmp_path / "bench").write(MODULE, HANGS).write("go", "").record()
    copy = tmp_path / "laptop" / ended.session.name
    shutil.copytree(ended.session, copy)
    with served_atlas(tmp_path / "served") as served:
        assert served.token
        for session in (ended.session, copy):
            assert mirror.push(session, targets.remote(served.url, served.token)).state == "done"
        (run,) = every_run(served.atlas)
    assert mirror.statuses(run) == named(test_done="passed", test_hangs="passed", test_last="passed")
