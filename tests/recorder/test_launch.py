"""The start of the publisher process: its arguments, its descriptors, and its independence from the tests."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project, environment
from tests.support.stand_in import ALONE, in_place

from pytest_atlas.journal import events as ev
from pytest_atlas.journal import session_dir
from pytest_atlas.recorder import launch

ON = f"--atlas-system={SYSTEM}"
PATIENCE_S = 60


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench").write("conftest.py", in_place()).write("test_trip.py", "def test_passes(): pass")


posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's descriptors and sessions")


def test_the_publisher_gets_its_arguments_and_no_descriptors(project: Project) -> None:
    ended = project.pytest(ON, env={**ALONE, "STAND_IN": "done"})
    assert (ended.session / "started.txt").read_text().splitlines() == [
        str(ended.session),
        "--wait",
        "--atlas-dir",
        str(project.root / ".atlas"),
    ]
    remote = {**ALONE, "STAND_IN": "done", "ATLAS_URL": "https://atlas.example.com", "ATLAS_TOKEN": "t0ken-nobody-may-see"}
    ended = project.pytest(ON, "--atlas-dir=remote", env=remote, atlas_dir=project.root / "remote")
    assert (ended.session / "started.txt").read_text().splitlines()[-2:] == ["--url", "https://atlas.example.com"]
    assert b"t0ken-nobody-may-see" not in b"".join(path.read_bytes() for path in ended.session.iterdir())


@posix
def test_the_publisher_keeps_no_file_of_pytest_open(project: Project) -> None:
    """Otherwise a job that reads pytest's output would wait for the end of the publisher."""
    project.write("conftest.py", in_place(str(project.root / "p.py")))
    project.write(
        "p.py",
        """
        import os, sys, pathlib
        def main():
            session = pathlib.Path(sys.argv[1])
            with open("/proc/self/cmdline"): pass
            mine = pathlib.Path("/proc/self/fd")
            names = [f"{n.name} {n.readlink()}" for n in mine.iterdir() if n.is_symlink()]
            (session / "new").write_text("\\n".join([os.getcwd(), str(os.getsid(0) == os.getpid()), *names]))
            os.rename(session / "new", session / "held")
            sys.stdin.read()
        """,
    )
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    ended = project.pytest(ON, "--atlas-timeout=5", env=ALONE)
    cwd, leads, *held = (ended.session / "held").read_text().splitlines()
    assert (cwd, leads) == (str(ended.session), "True")
    targets = dict(line.split(" ", 1) for line in held)
    assert targets.pop("0").startswith("pipe:")
    assert {targets.pop("1"), targets.pop("2")} == {str(ended.session / session_dir.LOG)}
    assert not [target for target in targets.values() if "/proc/" not in target], targets


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_records_nothing_prints_nothing_and_closes_the_pipe(project: Project) -> None:
    project.write(
        "test_trip.py",
        """
        import os, pathlib, time
        def test_forks():
            if not os.fork():
                while not pathlib.Path("release").exists(): time.sleep(0.01)
                # and goes on with the session, as a careless child does
        def test_next(): pass
        """,
    )
    project.write("conftest.py", in_place(str(project.root / "p.py")))
    project.write("p.py", "import sys, pathlib\ndef main():\n sys.stdin.read()\n (pathlib.Path(sys.argv[1]) / 'eof').touch()")
    with (project.root / "shown").open("w") as shown:
        command = project.command(ON, "--atlas-timeout=0", "-s")
        subprocess.run(command, cwd=project.root, env=environment(**ALONE), stdout=shown, stderr=shown, check=True)
        (session,) = session_dir.sessions(project.root / ".atlas")
        try:
            until((session / "eof").exists, "the child holds the pipe")
        finally:
            (project.root / "release").touch()
    until(lambda: (project.root / "shown").read_text().count("2 passed") == 2, "the child never ended")
    assert (project.root / "shown").read_text().count("finish with: ") == 1
    ended = Ended(0, "", "", project.root / ".atlas")
    assert [event.nodeid for event in ended.recorded(ev.TestEnded)] == ["test_trip.py::test_forks", "test_trip.py::test_next"]
    assert len(ended.recorded(ev.SessionEnded)) == 1


def until(happened: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


def test_a_publisher_that_is_not_awaited_causes_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are errors here. Without fork, no other reference to the process exists, so it is collected at once."""
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    (tmp_path / "reads.py").write_text("import sys\ndef main(): sys.stdin.read()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(launch, "PROGRAM", "reads:main")
    process = launch.PublisherProcess(tmp_path, [])
    process.begin()
    assert not process.has_exited
    process.leave()
    del process
    gc.collect()


def test_a_session_with_w_error_has_no_warning(project: Project) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-X",
            "dev",
            "-W",
            "error",
            *project.command(ON, "-k", "passes", "-W", "error", "--atlas-timeout=0")[1:],
        ],
        cwd=project.root,
        env=environment(STAND_IN="working", PYTHONWARNINGS="error", **ALONE),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_session_that_does_not_start_has_no_publisher_and_no_files(tmp_path: Path) -> None:
    """The publisher starts early, and another plugin can still end pytest before the session."""
    project = Project(tmp_path / "bench").write(
        "conftest.py",
        """
        import pytest
        @pytest.hookimpl(trylast=True)
        def pytest_configure():
            raise pytest.UsageError("the bench is not configured")
        """,
    )
    ended = project.pytest(ON, env=ALONE)
    assert "the bench is not configured" in ended.err
    assert "atlas:" not in ended.err + ended.out
    assert session_dir.sessions(project.root / ".atlas") == []
    assert not (project.root / ".atlas" / "atlas.db").exists()


def test_the_publisher_starts_before_the_recorder_is_imported(tmp_path: Path) -> None:
    """Its start takes longer than all else in a short session."""
    project = (
        Project(tmp_path / "bench")
        .write(
            "conftest.py",
            f"""
        import subprocess, sys
        {in_place().replace(chr(10), chr(10) + "        ")}
        start = subprocess.Popen.__init__
        def noted(self, command, *arguments, **more):
            if launch.PROGRAM in command:
                with open("loaded.txt", "w") as file:
                    file.write(" ".join(sys.modules))
            start(self, command, *arguments, **more)
        subprocess.Popen.__init__ = noted
        """,
        )
        .write("test_trip.py", "def test_passes(): pass")
    )
    project.pytest(ON, env={**ALONE, "STAND_IN": "done"})
    loaded = (project.root / "loaded.txt").read_text().split()
    ours = {name for name in loaded if name.startswith("pytest_atlas.")}
    assert "pytest_atlas.recorder.launch" in ours
    assert not ours & {"pytest_atlas.journal.events", "pytest_atlas.recorder.tests", "pytest_atlas.base.redaction"}
