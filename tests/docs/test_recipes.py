"""docs/recipes.md: its examples record the described results."""

from configparser import ConfigParser
from pathlib import Path

from tests.support import pages
from tests.support.facts import SYSTEM
from tests.support.inner import Project

TEXT = (pages.DOCS / "recipes.md").read_text("utf-8")


def test_each_hypothesis_example_adds_a_measurement_to_the_step(tmp_path: Path) -> None:
    ended = pages.project(TEXT, tmp_path).record()
    assert set(ended.statuses()) == {"test_ratio"}
    lines = ended.steps["test_ratio"].text.splitlines()
    assert lines.count("ratio: 0.5 (0.49 … 0.51) ok") == 5


def test_rerunning_failures_changes_only_their_steps_in_the_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("test_a.py", "import os\ndef test_rail(): ...\ndef test_trip(): assert 'FIXED' in os.environ")
    project.pytest(f"--atlas-system={SYSTEM}")
    project.pytest(f"--atlas-system={SYSTEM}", "--lf", "--atlas-run=TR-0001", env={"FIXED": "1"})
    shown = pages.printed(["--atlas-dir", str(tmp_path / ".atlas"), "show"])
    assert "1 passed, 1 passed with exception" in shown
    assert "passed at attempt 2; first failure: AssertionError" in shown


def test_the_tox_example_passes_the_variables_of_atlas() -> None:
    (example,) = pages.blocks(TEXT, "ini")
    tox = ConfigParser()
    tox.read_string(example)
    assert {"ATLAS_*", "AWS_*"} <= set(tox["testenv"]["pass_env"].split(", "))
