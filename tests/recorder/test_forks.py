"""Tests in forked children: all their events are recorded, by one process at a time."""

import os
from pathlib import Path

import pytest
from tests.support.inner import USUAL, Project, plugins

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")

CONFTEST = """
    import os, pickle, tempfile
    import pytest
    from _pytest.runner import runtestprotocol

    # Like pytest-forked, which may not have a release for this pytest.
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        path = tempfile.mktemp()
        child = os.fork()
        if not child:
            serialize = item.config.hook.pytest_report_to_serializable
            reports = [serialize(config=item.config, report=report) for report in runtestprotocol(item, log=False)]
            with open(path, "wb") as file: pickle.dump(reports, file)
            os._exit(0)
        os.waitpid(child, 0)
        with open(path, "rb") as file: sent = pickle.load(file)
        for data in sent:
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""
TESTS = """
    import os, pytest
    def test_tells(atlas, subtests):
        atlas.measure("rail", 12.0, unit="V", low=11)
        with atlas.step("Arm the scope"): atlas.note("armed")
        with subtests.test("trip"): pass
        atlas.path("bus.log").write_text("can")
    def test_a_subtest_fails(subtests):
        with subtests.test("trip"): assert 0, "slow"
    def test_child_of_its_own(atlas):
        if not os.fork():
            atlas.note("from the grandchild")
            os._exit(0)
        os.wait()
        atlas.exception("accepted by ECR-118")
    def test_fails(): assert 0
    def test_out_of_limits(atlas): atlas.measure("rail", 10.0, unit="V", low=11)
"""


def test_the_events_of_a_test_in_a_forked_child_are_recorded(tmp_path: Path) -> None:
    ended = Project(tmp_path).write("conftest.py", CONFTEST).write("test_fork.py", TESTS).record(env=plugins(*USUAL))
    assert {name: (shown.status, shown.note) for name, shown in ended.steps.items()} == {
        "test_tells": ("passed", ""),
        "test_tells > Arm the scope": ("passed", ""),
        "test_tells > trip": ("passed", ""),
        "test_a_subtest_fails": ("failed", ""),
        "test_a_subtest_fails > trip": ("failed", ""),
        "test_child_of_its_own": ("passed_with_exception", "accepted by ECR-118"),
        "test_fails": ("failed", ""),
        "test_out_of_limits": ("failed", ""),
    }
    assert "rail: 12 V (≥ 11 V) ok" in ended.steps["test_tells"].text
    assert "from the grandchild" not in ended.steps["test_child_of_its_own"].text
    kept = [(file.event.nodeid.rpartition("::")[2], file.event.name) for file in ended.state.files.values()]
    assert ("test_tells", "bus.log") in kept
    assert ("test_a_subtest_fails", "output.txt") in kept
    assert "internal error" not in ended.out + ended.err
    assert len({name for name, _ in ended.events}) == 1


def test_a_child_that_returns_from_its_test_records_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_back.py",
        """
        import os
        def test_forks():
            child = os.fork()
            if child: os.waitpid(child, 0)
        def test_next(): pass
        """,
    )
    ended = project.record("-s", "--reruns=1")
    assert ended.statuses() == {"test_forks": "passed", "test_next": "passed"}
    assert len([1 for _, event in ended.events if event.e == "start"]) == 2
