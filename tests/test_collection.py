"""Files of pytest-atlas are never collected, whatever the suite's settings."""

import re
import shutil
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project

from pytest_atlas.collection import OwnFiles

COLLECTS_YAML = """
    import pytest

    class Sequence(pytest.File):
        def collect(self):
            for n, line in enumerate(self.path.read_text().splitlines()):
                yield Line.from_parent(self, name=f"{n + 1} {line}")

    class Line(pytest.Item):
        def runtest(self): ...

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(collection_path):
        return False

    def pytest_collect_file(file_path, parent):
        return Sequence.from_parent(parent, path=file_path) if file_path.suffix == ".yaml" else None
"""
ATTACHES = """
    import pathlib

    def test_keeps_its_sequence(atlas):
        atlas.attach(pathlib.Path(__file__).with_name("power_on.yaml"))
        atlas.attach(pathlib.Path(__file__))
"""
RECORD = (f"--atlas-system={SYSTEM}",)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "suite")
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\nnorecursedirs = build\npython_files = *.py\n")
    project.write("conftest.py", COLLECTS_YAML).write("trip_test.py", ATTACHES)
    return project.write("power_on.yaml", "set rail 12 V\nmeasure rail\n")


def passed(ended: Ended) -> int:
    found = re.search(r"(\d+) passed", ended.out)
    assert "error" not in ended.out, ended.out
    return int(found[1]) if found else 0


@pytest.mark.parametrize("where", [(), ("--atlas-dir=records",), ("--atlas-dir=deep/records",), ("--atlas-dir=.",)])
def test_each_session_collects_the_same_tests(project: Project, where: tuple[str, ...]) -> None:
    assert [passed(project.pytest(*RECORD, *where)) for _ in range(3)] == [3, 3, 3]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (*RECORD, "-n2"),
        pytest.param(
            (*RECORD, ".", "records"),
            marks=pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 8 collects only `records` of these two"),
        ),
        (*RECORD, "records/sessions", "trip_test.py"),
    ],
)
def test_directories_of_earlier_sessions_are_not_collected(project: Project, arguments: tuple[str, ...]) -> None:
    """Also if they are in a directory that this session doesn't know."""
    for where in ("--atlas-dir=records", "--atlas-dir=.atlas"):
        assert passed(project.pytest(*RECORD, where)) == 3
    shutil.move(next((project.root / ".atlas" / "sessions").iterdir()), project.root / "unpacked artifact")
    session = next((project.root / "records" / "sessions").iterdir())
    shutil.copytree(session, project.root / "artifact" / session.name)
    (project.root / "unpacked artifact").rename(project.root / "artifact" / "20260101T000000Z-0123abcd")
    ended = project.pytest(*arguments)
    assert passed(ended) == 3 - 2 * ("trip_test.py" in arguments), ended.out


def test_a_directory_of_the_suite_that_is_named_keeps_its_tests(project: Project) -> None:
    """Only the files of pytest-atlas in it are ignored."""
    project.write("bench/voltage_test.py", "def test_volts(): ...\n")
    assert [passed(project.pytest(*RECORD, "--atlas-dir=bench")) for _ in range(2)] == [4, 4]


@pytest.mark.parametrize("name", [".atlas", "records"])
def test_a_directory_named_on_the_command_line_is_empty(project: Project, name: str) -> None:
    project.pytest(*RECORD, f"--atlas-dir={name}")
    copy = next((project.root / name / "sessions").rglob("files/*.yaml"))
    for arguments in ((name,), (str(copy),), (str(copy), f"--confcutdir={copy.parent}", "-p", "conftest")):
        ended = project.pytest(*arguments, env={"PYTHONPATH": str(project.root)})
        assert (passed(ended), ended.code) in ((0, 5), (0, 4)), ended.out


def test_a_suite_inside_an_atlas_directory_is_collected(tmp_path: Path) -> None:
    project = Project(tmp_path / ".atlas" / "sessions" / "suite").write("test_a.py", "def test_a(): ...\n")
    assert passed(project.pytest()) == 1


def test_a_directory_that_only_has_such_a_name_is_collected(tmp_path: Path) -> None:
    for name in ("sessions", "objects", "20260101T000000Z-0123abcd"):
        (tmp_path / "suite" / name).mkdir(parents=True)
        assert not OwnFiles(tmp_path / "suite", frozenset()).has(tmp_path / "suite" / name)
