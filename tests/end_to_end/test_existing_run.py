"""Publish into an existing run: of a retried job, or prepared by a person."""

from pathlib import Path
from uuid import UUID

import pytest
from tests.support import mirror
from tests.support.events import SYSTEM
from tests.support.inner import Project

from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import CreateRun
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.templates import TemplateStep

ON = f"--atlas-system={SYSTEM}"
OTHER = "11111111-2222-4333-8444-555555555555"
SUITE = """
    import pathlib, pytest

    pytestmark = pytest.mark.atlas_card("Overvoltage")

    @pytest.mark.atlas_step("Trip at 14 V")
    def test_trip(atlas):
        with atlas.step("Arm the scope"):
            atlas.measure("trip time", 112 if not pathlib.Path("mended").exists() else 96, unit="ms", high=100)

    def test_ripple(): pass
"""


def only(project: Project) -> Run:
    (run,) = mirror.runs(project.root / ".atlas")
    return run


def steps(run: Run) -> list[tuple[str, int | None, str]]:
    return [(step.title, step.order, step.execution_status) for card in run.test_cards for step in card.test_steps]


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
def test_retried_job_is_one_run_with_the_newest_outcomes(tmp_path: Path, how: tuple[str, ...]) -> None:
    project = Project(tmp_path).write("test_a.py", SUITE)
    key = {"ATLAS_RUN_KEY": "acme/psu/417/bench-1"}
    assert project.pytest(ON, "--atlas-run=auto", *how, env=key).code == 1
    project.write("mended", "")
    again = project.pytest(ON, "--atlas-run=auto", "-k", "trip", *how, env=key)
    run = only(project)
    assert again.code == 0
    assert steps(run) == [
        ("Trip at 14 V", 1000, "passed_with_exception"),
        ("Arm the scope", 1001, "passed_with_exception"),
        ("test_ripple", 2000, "passed"),
    ]
    failure = "trip time: 112 ms is 12 ms above the high limit of 100 ms"
    assert str(run.test_cards[0].test_steps[0].exception).startswith(f"passed at attempt 2; first failure: {failure}")
    assert run.description.endswith("\npytest-atlas: acme/psu/417/bench-1")
    assert [file.file_name for file in run.test_cards[0].test_data] == ["measurements.csv"] * 2


def test_prepared_run_with_cards_from_templates_is_filled(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_a.py", SUITE).write("mended", "")
    (tmp_path / ".atlas").mkdir()
    with LocalAtlas(tmp_path / ".atlas" / "atlas.db", create=True) as atlas:
        planned = (TemplateStep("Trip at 14 V", "Raise to 14 V."), TemplateStep("Discharge", "Wait a minute."))
        template = atlas.add_template("Overvoltage", "See the test plan.", planned)
        atlas.send(CreateRun(title="Acceptance of rev B", system_id=UUID(SYSTEM), template_ids=(template,)))
    ended = project.pytest(ON, "--atlas-run=TR-0001", "--atlas-strict")
    run = only(project)
    assert (ended.code, run.title) == (0, "Acceptance of rev B")
    assert f"; system {SYSTEM}; into run TR-0001; session " in ended.out
    assert ended.terminal_summary[0].startswith("run TR-0001 Acceptance of rev B: ")
    assert steps(run) == [
        ("Trip at 14 V", 1, "passed"),
        ("Discharge", 2, "todo"),
        ("Arm the scope", 2001, "passed"),
        ("test_ripple", 3000, "passed"),
    ]
    step, _, inner, _ = run.test_cards[0].test_steps
    assert step.description.startswith("Raise to 14 V.\n\n[pytest: test_a.py::test_trip]\n")
    assert "trip time" in inner.description


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--atlas-run=TR-0042", "none in local Atlas"),
        (f"--atlas-run={OTHER}", f"run {OTHER} is not in this Atlas: it was deleted"),
        (f"--atlas-template={OTHER}", f"Template {OTHER} not found"),
    ],
)
def test_missing_run_or_template_is_named_in_the_summary_and_nothing_is_created(tmp_path: Path, given: str, words: str) -> None:
    project = Project(tmp_path).write("test_a.py", "def test_a(): pass")
    ended = project.pytest(ON, given)
    assert ended.code == 0
    assert words in " ".join(ended.terminal_summary)
    assert mirror.runs(tmp_path / ".atlas") == []


def test_links_for_an_existing_run_are_a_usage_error(tmp_path: Path) -> None:
    ended = (
        Project(tmp_path).write("test_a.py", "def test_a(): pass").pytest(ON, "--atlas-run=TR-0001", f"--atlas-asset={OTHER}")
    )
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "--atlas-asset with --atlas-run: assets, issues and templates can't be added to an existing run" in ended.err
    assert not (tmp_path / ".atlas").exists()
