"""Whatever breaks inside the plugin: the tests and their exit code are pytest's own, and one line asks to report it."""

from pathlib import Path

import pytest
from tests.support.inner import Project

TESTS = """
    import pytest
    def test_passes(): pass
    def test_fails(): assert 0
    @pytest.mark.skip(reason="why not")
    def test_skips(): pass
"""

PLACES = (
    "plan.Planner.plan",
    "plan.Planner.identity",
    "reports.Reader.phase",
    "environment.describe",
    "closing.Closing.lines",
    "ending.Ending.facts_are_written",
    "ending.Ending.wait_and_tell",
)
IN_WORKERS = ("plan.Planner.plan", "reports.Reader.phase")


@pytest.mark.parametrize(("place", "how"), [*((place, ()) for place in PLACES), *((place, ("-n2",)) for place in IN_WORKERS)])
def test_a_fault_of_ours_is_one_line_and_changes_nothing_else(tmp_path: Path, place: str, how: tuple[str, ...]) -> None:
    *names, attribute = place.split(".")
    project = Project(tmp_path).write("test_bench.py", TESTS)
    project.write(
        "conftest.py",
        f"""
        def breaks(*arguments, **more): raise LookupError("broken on purpose")
        def pytest_configure(config):
            from pytest_atlas.recorder import closing, ending, environment, plan, reports
            {".".join(names)}.{attribute} = breaks
        """,
    )
    ended = project.record(*how)
    said = ended.out + ended.err
    assert ended.code == 1
    assert "1 failed, 1 passed, 1 skipped" in ended.out
    assert "INTERNALERROR" not in said
    told = [line for line in said.splitlines() if "internal fault" in line]
    assert told
    assert all("LookupError: broken on purpose, conftest.py:2" in line for line in told)
    assert len(told) == len(set(told)) <= 2  # one for each hook that it broke
