"""Sessions with an early end: Ctrl-C, pytest.exit, -x, crashed workers, modules that can't be collected."""

import sys
from pathlib import Path

import pytest
from tests.support.inner import RECORD, Ended, Project

from pytest_atlas.journal import events as ev
from pytest_atlas.session import desired

TWO = pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group are POSIX's")


def digest(ended: Ended) -> str:
    """Return the final description of the run."""
    return desired.run(ended.state).description


def clean(ended: Ended) -> bool:
    """Return whether there was no internal error."""
    assert "INTERNALERROR" not in ended.out + ended.err
    return not [line for line in ended.terminal_summary if "fault" in line]


@pytest.mark.parametrize("where", ["setup", "call", "teardown"])
def test_after_ctrl_c_unfinished_tests_are_todo(tmp_path: Path, where: str) -> None:
    project = Project(tmp_path).write(
        "test_stop.py",
        f"""
        import pytest
        def stop(place):
            if place == {where!r}: raise KeyboardInterrupt
        @pytest.fixture
        def bench():
            stop("setup")
            yield
            stop("teardown")
        def test_before(): pass
        def test_stopped(bench): stop("call")
        def test_after(): pass
        """,
    )
    ended = project.record()
    assert ended.code == 2
    assert ended.statuses() == {
        "test_before": "passed",
        "test_stopped": "passed" if where == "teardown" else "todo",
        "test_after": "todo",
    }
    assert ended.recorded(ev.TestEnded)[-1].interrupted == "KeyboardInterrupt"
    assert "Interrupted: KeyboardInterrupt" in digest(ended)
    assert clean(ended)


EXITS = {
    "test": "def test_stopped(): pytest.exit('bench lost'{code})",
    "fixture": "@pytest.fixture\ndef lost(): pytest.exit('bench lost'{code})\ndef test_stopped(lost): pass",
}


@pytest.mark.parametrize(("where", "code"), [("test", 7), ("fixture", 0)])
def test_after_pytest_exit_the_other_tests_are_todo(tmp_path: Path, where: str, code: int) -> None:
    text = EXITS[where].replace("{code}", f", returncode={code}")
    project = Project(tmp_path).write("test_exit.py", "import pytest\ndef test_before(): pass\n")
    with (tmp_path / "test_exit.py").open("a") as file:
        file.write(f"{text}\ndef test_after(): pass\n")
    ended = project.record()
    assert ended.code == code
    assert ended.statuses() == {"test_before": "passed", "test_stopped": "todo", "test_after": "todo"}
    assert "Interrupted: Exit: bench lost" in digest(ended)
    lines = (
        ended.err.splitlines() if code == 7 else ended.terminal_summary
    )  # pytest prints no summary if a return code is given
    assert any("3 tests recorded only" in line for line in lines)
    assert clean(ended)


def test_a_running_test_of_another_worker_finishes_when_one_fails(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_x.py",
        """
        import pathlib, time
        failing, slow = pathlib.Path("failing"), pathlib.Path("slow")
        def wait(path):
            while not path.exists(): time.sleep(0.01)
        def test_fails():
            wait(slow)
            failing.touch()
            assert 0
        def test_slow():
            slow.touch()
            wait(failing)
            time.sleep(0.5)  # long enough for the controller to begin to stop
        """,
    )
    ended = project.record("-x", "-n2")
    assert ended.code == 2
    assert ended.statuses() == {"test_fails": "failed", "test_slow": "passed"}


BROKEN = {
    "test_a.py": "def test_a(): pass\n",
    "test_broken.py": "import no_such_module\ndef test_lost(): pass\n",
    "test_syntax.py": "def test_(:\n",
    "test_z.py": "def test_z(): pass\n",
}


def broken(root: Path) -> Project:
    project = Project(root)
    for name, text in BROKEN.items():
        project.write(name, text)
    return project


def test_a_module_that_cannot_be_collected_is_a_failed_step(tmp_path: Path) -> None:
    ended = broken(tmp_path).record()
    assert ended.code == 2
    assert ended.statuses() == {"test_a": "todo", "test_z": "todo", "collection": "failed", "collection#2": "failed"}
    assert "No module named 'no_such_module'" in ended.steps["collection"].text
    assert ended.steps["collection"].text.endswith("pytest: test_broken.py > collection")
    assert "SyntaxError" in ended.steps["collection#2"].text
    assert clean(ended)


def test_a_conftest_that_cannot_be_loaded_creates_no_session(tmp_path: Path) -> None:
    project = Project(tmp_path).write("conftest.py", "import no_such_module\n").write("test_a.py", "def test_a(): pass\n")
    ended = project.record()
    assert ended.code == 4
    assert not ended.atlas_dir.exists()


def test_the_error_of_another_plugin_is_printed_unchanged(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "conftest.py",
        """
        import pytest
        @pytest.hookimpl(trylast=True)
        def pytest_configure(config): raise pytest.UsageError("no bench named")
        """,
    )
    ended = project.record()
    assert ended.code == 4
    assert ended.err.strip() == "ERROR: no bench named"
    assert ended.out == ""
    assert not list(ended.atlas_dir.glob("sessions/*"))


# ── crashed workers ──────────────────────────────────────────────────────────────────────────────────────────────────

CRASH = """
    import os, pathlib
    def test_before(): pass
    def test_crashes():
        if not pathlib.Path("crashed").exists():
            pathlib.Path("crashed").touch()
            os._exit(1)
    def test_after(): pass
"""


@pytest.mark.parametrize("more", [(), ("--dist=loadgroup",)])
def test_a_crashed_worker_fails_its_test(tmp_path: Path, more: tuple[str, ...]) -> None:
    ended = Project(tmp_path).write("test_crash.py", CRASH).record("-n2", *more)
    assert ended.statuses()["test_crashes"] == "failed"  # also if xdist runs it again and it passes
    assert "pytest died while this test ran on gw" in ended.steps["test_crashes"].text
    assert set(ended.statuses()) == {"test_before", "test_crashes", "test_after"}
    assert ended.statuses()["test_before"] == "passed"
    crash = ended.recorded(ev.TestCrashed)[0]
    assert crash.nodeid.startswith("test_crash.py::test_crashes")
    assert clean(ended)


def test_a_crash_that_is_run_again_and_passes_is_still_a_failure(tmp_path: Path) -> None:
    ended = Project(tmp_path).write("test_crash.py", CRASH).record("-n1", "--dist=loadscope")
    (test,) = (t for t in ended.tests() if t.planned.name == "test_crashes")
    assert [e.ended is not None for e in test.executions] == [False, True]
    assert ended.statuses()["test_crashes"] == "failed"


def test_the_run_description_names_workers_with_different_collections(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_differ.py",
        """
        import os, pytest
        def test_same(): pass
        @pytest.mark.parametrize("worker", [os.environ.get("PYTEST_XDIST_WORKER")])
        def test_differs(worker): pass
        """,
    )
    ended = project.record("-n2")
    assert "collected different tests" in digest(ended)
    assert "collection" not in ended.statuses()
    assert len(ended.tests()) == 2
    assert clean(ended)


# ── signals ──────────────────────────────────────────────────────────────────────────────────────────────────────────

HANGS = """
    import pathlib, time
    def test_done(): pass
    def test_hangs():
        pathlib.Path("hangs").write_text("yes")
        time.sleep(120)
    def test_never(): pass
"""


@POSIX
@TWO
def test_ctrl_c_of_a_whole_process_group_fails_no_test(tmp_path: Path, how: tuple[str, ...]) -> None:
    running = Project(tmp_path).write("test_hang.py", HANGS).start(*RECORD, *how, "--dist=loadfile" if how else "-v")
    running.wait_for(tmp_path / "hangs")
    running.press_ctrl_c()
    ended = running.end()
    assert ended.code == 2
    assert ended.statuses() == {"test_done": "passed", "test_hangs": "todo", "test_never": "todo"}
    assert "Interrupted: KeyboardInterrupt" in digest(ended)
    assert clean(ended)


@POSIX
def test_the_record_of_a_killed_pytest_is_correct(tmp_path: Path) -> None:
    running = Project(tmp_path).write("test_hang.py", HANGS).start(*RECORD)
    running.wait_for(tmp_path / "hangs")
    running.process.kill()
    ended = running.end()
    assert ended.statuses() == {"test_done": "passed", "test_hangs": "failed", "test_never": "todo"}
    assert "pytest died while this test ran" in ended.steps["test_hangs"].text
