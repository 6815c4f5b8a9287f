"""docs/recipes.md: its examples record the described results."""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from tests.support import mirror, pages
from tests.support.events import SYSTEM
from tests.support.inner import Project, environment

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


def test_the_script_deletes_one_run_with_its_data_files(tmp_path: Path) -> None:
    project = pages.project(TEXT, tmp_path)
    project.write("test_a.py", "def test_rail(atlas): atlas.attach('12 V', name='log.txt')")
    for _ in range(2):
        project.pytest(f"--atlas-system={SYSTEM}", "test_a.py")
    files = {path for path in (tmp_path / ".atlas" / "objects").rglob("*") if path.is_file()}
    subprocess.run([sys.executable, "delete_run.py", "TR-0001"], cwd=tmp_path, env=environment(), check=True)
    (run,) = mirror.runs(tmp_path / ".atlas")
    assert run.test_run_id == "TR-0002"
    assert len({path for path in files if path.exists()}) == len(files) // 2 > 0
