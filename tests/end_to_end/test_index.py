"""The index of the local Atlas after real sessions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Project

from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views import Views

TESTS = """
    import pytest
    def test_a(atlas):
        atlas.measure("rail", 12.5, unit="V", low=11, high=13)
    def test_b(atlas, request):
        with atlas.step("Power on"):
            atlas.measure("trip time", 120 if request.node.execution_count == 1 else 90, unit="ms", high=100)
"""


@contextmanager
def index_of(atlas_dir: Path) -> Iterator[sqlite3.Connection]:
    views = Views(atlas_dir / "atlas.db", time_limit_s=60)
    with views.read() as db:
        yield db
    views.close()


@pytest.mark.parametrize(("how", "workers"), [((), [None, None]), (("-n1",), ["gw0", "gw0"])], ids=["serial", "distributed"])
def test_a_session_fills_the_index(tmp_path: Path, how: tuple[str, ...], workers: list[str | None]) -> None:
    ended = Project(tmp_path).write("test_rig.py", TESTS).pytest("--atlas-system", SYSTEM, "--reruns=1", *how)
    assert ended.code == 0, ended.out
    with index_of(ended.atlas_dir) as db:
        outer = "SELECT test, worker, attempts FROM steps WHERE test NOT LIKE '% > %' ORDER BY test"
        assert [tuple(row) for row in db.execute(outer)] == [
            ("test_rig.py::test_a", workers[0], 1),
            ("test_rig.py::test_b", workers[1], 2),
        ]
        values = (
            "SELECT m.test, m.name, m.value, m.inner_step, m.valid, s.title FROM measurements m JOIN steps s ON s.id = m.step"
        )
        assert sorted(tuple(row) for row in db.execute(values)) == [
            ("test_rig.py::test_a", "rail", 12.5, None, 1, "test_a"),
            ("test_rig.py::test_b", "trip time", 90.0, "Power on", 1, "test_b"),
            ("test_rig.py::test_b", "trip time", 120.0, "Power on", 0, "test_b"),
        ]
        (details,) = db.execute("SELECT * FROM run_details").fetchall()
        assert (details["state"], details["exit_status"]) == ("ended", 0)
        assert details["host"]
        assert 0 < details["duration_us"] == details["ended_at"] - details["started_at"]


def test_values_of_an_earlier_session_into_the_same_run_are_not_valid(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_rig.py", "def test_a(atlas): atlas.measure('rail', 12.5)\n")
    for value in ("12.5", "12.7"):
        project.write("test_rig.py", f"def test_a(atlas): atlas.measure('rail', {value})\n")
        ended = project.pytest("--atlas-system", SYSTEM, env={"ATLAS_RUN_KEY": "nightly-7"})
        assert ended.code == 0, ended.out
    with index_of(ended.atlas_dir) as db:
        found = db.execute("SELECT value, valid FROM measurements ORDER BY value").fetchall()
        assert [tuple(row) for row in found] == [(12.5, 0), (12.7, 1)]


def test_the_index_is_that_of_a_rebuild(tmp_path: Path) -> None:
    ended = Project(tmp_path).write("test_rig.py", TESTS).pytest("--atlas-system", SYSTEM, "--reruns=1")
    queries = (
        "SELECT id, test, worker, attempts, session FROM steps ORDER BY id",
        "SELECT * FROM run_details",
        "SELECT test, name, value, attempt, valid, step, card, run FROM measurements ORDER BY test, attempt",
    )

    def content() -> list[list[tuple[object, ...]]]:
        with index_of(ended.atlas_dir) as db:
            return [[tuple(row) for row in db.execute(query)] for query in queries]

    before = content()
    assert all(before)
    with LocalAtlas(ended.atlas_dir / "atlas.db") as atlas:
        atlas.rebuild_index()
    assert content() == before
