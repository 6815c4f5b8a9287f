"""A worker that crashes can't send its messages to the controller: they are read from its notes in the session directory."""

import os
from pathlib import Path

import pytest
from tests.support.inner import Ended, Project

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.recorder import worker_notes
from pytest_atlas.recorder.internal_errors import InternalErrors
from pytest_atlas.recorder.worker_notes import WorkerNotes

CONFTEST = """
    import pytest

    def pytest_atlas_artifacts(item, report):
        if item.name == "test_hook" and report.when == "call":
            raise RuntimeError("no camera")
"""
TESTS = """
    import os, resource
    import pytest

    @pytest.fixture
    def full_disk():
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, most))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    def test_hook(): ...

    def test_full_disk(atlas, full_disk):
        atlas.attach(b"x" * (1 << 20), name="dump.bin")
        atlas.attach(b"y" * (1 << 20), name="dump.bin")

    def test_last():
        if "CRASH" in os.environ:
            os._exit(3)
"""


def summary(project: Project, *options: str, **env: str) -> tuple[Ended, str]:
    ended = project.record("-n1", "--max-worker-restart=0", *options, env=env)
    return ended, "\n".join(ended.terminal_summary)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of the size of a file")
def test_the_terminal_summary_counts_the_losses_of_a_crashed_worker(tmp_path: Path) -> None:
    project = Project(tmp_path).write("conftest.py", CONFTEST).write("test_bench.py", TESTS)
    _, crashed = summary(project, CRASH="1")
    _, regular = summary(Project(tmp_path / "b").write("conftest.py", CONFTEST).write("test_bench.py", TESTS))
    for text in (crashed, regular):
        assert "pytest_atlas_artifacts" in text
        assert "no camera" in text
        assert "2 files of test_bench.py::test_full_disk were not recorded: dump.bin: File too large" in text


def test_lost_events_of_a_crashed_worker_are_counted(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_bench.py",
        """
        import os
        def test_long(atlas):
            for _ in range(2):
                atlas.note("x" * (17 << 20))
            os._exit(3)
        """,
    )
    _, text = summary(project)
    assert "2 events of gw0, which crashed, could not be recorded (of test_bench.py::test_long): Noted has " in text


def test_notes_have_no_secrets_and_are_read_as_they_were_written(tmp_path: Path) -> None:
    notes = WorkerNotes(tmp_path, "gw0", Cleaner({"ATLAS_TOKEN": "tok-3f2a9c81bd77aa01"}))
    notes.add("line", "about", "tok-3f2a9c81bd77aa01 is\nwrong")
    notes.add("loss", "file", "test_a", "No space left on device")
    (path,) = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'["loss","one"]\n[]\n{"a":1}\n["other","a","b"]\n\xff\n["line","cut')
    assert list(worker_notes.read(tmp_path, "gw0")) == [
        ("line", ["about", "[redacted] is\nwrong"]),
        ("loss", ["file", "test_a", "No space left on device"]),
    ]
    assert list(worker_notes.read(tmp_path, "gw1")) == []


def test_the_lines_of_a_crashed_worker_are_those_of_one_that_ends(tmp_path: Path) -> None:
    output: dict[str, object] = {}
    worker = InternalErrors(output, tmp_path, WorkerNotes(tmp_path, "gw0", Cleaner({})))
    worker.report("a line", about="subject")
    worker.report("the same line", about="subject")
    for item in (1, 1, 2):
        worker.count("test ran", "tests ran", "test_a", test=item)
    worker.losses.add("file", "test_a", "No space left on device")
    worker.losses.add("file", "test_a", "No space left on device")
    worker.remark("a remark", about="subject")
    regular, crashed = InternalErrors(), InternalErrors()
    regular.take_output(output)
    crashed.take_crashed(tmp_path, "gw0")
    assert (
        crashed.lines
        == regular.lines
        == [
            "a line",
            "2 files of test_a were not recorded: No space left on device",
            "2 tests ran: test_a, …",
        ]
    )
    assert crashed.remarks == regular.remarks == ["a remark"]


def test_a_disk_that_accepts_no_notes_is_no_error(tmp_path: Path) -> None:
    notes = WorkerNotes(tmp_path / "missing", "gw0", Cleaner({}))
    notes.add("line", "about", "text")
    assert list(worker_notes.read(tmp_path / "missing", "gw0")) == []
