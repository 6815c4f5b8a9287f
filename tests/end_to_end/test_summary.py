"""The job summary of two consecutive CI jobs in separate directories, with one Atlas."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.end_to_end.test_no_atlas import IMPATIENT, closed
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.served_atlas import ServedAtlas, served_atlas

from pytest_atlas.cli import main

__all__ = ["closed"]

ON = f"--atlas-system={SYSTEM}"
TESTS = """
    import pytest

    def test_good(): pass
    def test_trip(atlas): atlas.measure("trip time", {trip}, unit="ms", high=100)
    def test_rail(atlas): atlas.measure("rail", {rail}, unit="V", low=12.45, high=12.55)
    @pytest.mark.xfail(reason="ECR-7", strict=False)
    def test_known(): assert False
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedAtlas]:
    with served_atlas(tmp_path / "served") as atlas:
        yield atlas


def job(root: Path, served: ServedAtlas, *arguments: str, trip: float, rail: float) -> Ended:
    """Run the job in a new directory with only the checkout."""
    assert served.token
    (root / "step.md").parent.mkdir(parents=True)
    (root / "step.md").touch()
    env = {"ATLAS_URL": served.url, "ATLAS_TOKEN": served.token, "GITHUB_STEP_SUMMARY": str(root / "step.md")}
    project = Project(root / "bench").write("test_bench.py", TESTS.format(trip=trip, rail=rail))
    return project.pytest(ON, "--atlas-report", *arguments, env=env)


@pytest.mark.parametrize("way", [(), ("-n2",)], ids=["serial", "xdist"])
def test_new_failures_and_fixes_are_relative_to_the_last_run_of_the_job(
    tmp_path: Path, served: ServedAtlas, way: tuple[str, ...]
) -> None:
    first = job(tmp_path / "monday", served, *way, trip=97.5, rail=12.56)
    page = (tmp_path / "monday" / "step.md").read_text("utf-8")
    assert first.code == 1
    assert "Since" not in page
    assert "| rail 12.56 V, allowed 12.45 … 12.55 V: **0.01 V above (10 % of the range)** |\n" in page
    assert "* **test_known** (test_bench.py): xfail: ECR-7\n" in page
    second = job(tmp_path / "tuesday", served, *way, trip=111.6, rail=12.5)
    page = (tmp_path / "tuesday" / "step.md").read_text("utf-8")
    assert second.terminal_summary[0].startswith("run TR-0002 ")
    assert f"Run **TR-0002** in <{served.url}>\n" in page
    assert "Since TR-0001, the last run of the job: **1 newly failing**, 1 fixed\n" in page
    assert "| **test_trip** <br>test_bench.py | trip time 111.6 ms, allowed ≤ 100 ms: **11.6 ms above** | **new** |" in page
    assert "### Fixed since TR-0001\n\n* **test_rail** (test_bench.py)\n" in page
    assert "### Analysis\n\n* report " in page
    assert page.count("⚠️ ") == page.count("⚠️ 2 data files kept") + page.count("⚠️ set --atlas-bucket") == 2


def test_a_job_without_a_network_has_a_summary_and_another_after_its_push(
    tmp_path: Path, served: ServedAtlas, closed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job(tmp_path / "monday", served, trip=97.5, rail=12.5)
    token = served.token or ""
    project = Project(tmp_path / "bench").write("test_bench.py", TESTS.format(trip=111.6, rail=12.5))
    project.write("conftest.py", IMPATIENT)
    ended = project.pytest(ON, "--atlas-summary=summary.md", env={"ATLAS_URL": closed, "ATLAS_TOKEN": token})
    page = (project.root / "summary.md").read_text("utf-8")
    assert ended.code == 1
    assert page.startswith("## ❌ 1 of 4 tests failed · bench")
    assert "> ⚠️ 4 tests recorded, none in " in page
    assert f"> ⚠️ finish with: <code>pytest-atlas push .atlas/sessions/{ended.session.name}</code>\n" in page
    assert token not in page
    monkeypatch.setenv("ATLAS_URL", served.url)
    monkeypatch.setenv("ATLAS_TOKEN", token)
    main(["push", str(ended.session)])
    capsys.readouterr()
    assert main(["summary", str(ended.session)]) == 0
    page = capsys.readouterr().out
    assert "Since TR-0001, the last run of the job: **1 newly failing**" in page
    assert "Run **TR-0002** in " in page
    assert "pending" not in page


def test_the_summaries_of_two_sessions_of_one_step_are_concatenated(tmp_path: Path) -> None:
    step = tmp_path / "step.md"  # it does not exist yet
    project = Project(tmp_path / "bench").write("test_bench.py", TESTS.format(trip=97.5, rail=12.56))
    for name in ("trip", "rail"):
        project.pytest(ON, "-k", name, env={"GITHUB_STEP_SUMMARY": str(step)})
    lines = step.read_text("utf-8").splitlines()
    headings = [number for number, line in enumerate(lines) if line.startswith("## ")]
    assert [lines[number][3:].partition(" · ")[0] for number in headings] == ["✅ 1 test passed", "❌ 1 of 1 test failed"]
    assert lines[headings[1] - 1] == ""
