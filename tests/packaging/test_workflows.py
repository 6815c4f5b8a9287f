"""The GitHub workflows of the project: pinned actions, minimal permissions, and the Pythons of the package's metadata."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
EXAMPLE = ROOT / "examples" / "ci" / "github-actions.yml"
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")


def read(path: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return workflow


def test_there_is_a_workflow_for_tests_and_one_for_releases() -> None:
    assert [path.stem for path in WORKFLOWS] == ["release", "test"]


@pytest.mark.parametrize("path", [*WORKFLOWS, EXAMPLE], ids=lambda path: path.stem)
def test_each_action_is_pinned_by_its_commit_and_names_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text("utf-8"))
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_read_permissions_except_for_named_jobs(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert more == ({"publish": {"id-token": "write"}} if path.stem == "release" else {})


def supported_pythons() -> list[str]:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["classifiers"]
    return [line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)]


def test_classifiers_metadata_readme_and_tox_name_the_same_pythons() -> None:
    pythons = supported_pythons()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={pythons[0]}"
    tox = (ROOT / "tox.ini").read_text("utf-8")
    assert f"    py{{{','.join(pythons).replace('.', '')}}}-pytest9\n" in tox
    assert "\nskip_missing_interpreters = true\n" in tox
    *first, last = pythons
    for page in (ROOT / "README.md", ROOT / "docs" / "contributing.md"):
        assert f"Python {', '.join(first)} and {last}" in page.read_text("utf-8"), page


def test_the_tests_run_with_every_python_of_the_classifiers_on_three_systems() -> None:
    pythons = supported_pythons()
    matrix = read(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == pythons
    assert {system.partition("-")[0] for system in matrix["os"]} == {"ubuntu", "windows", "macos"}


def test_each_tox_environment_of_the_workflow_exists() -> None:
    environments = (ROOT / "tox.ini").read_text("utf-8").partition("env_list =")[2].partition("skip_missing")[0]
    assert "py311-pytest{84,90}" in environments
    names = {"py311-pytest84", "py311-pytest90", *re.findall(r"[\w-]+", environments)}
    assert set(read(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["matrix"]["strategy"]["matrix"]["env"]) <= names
