"""A second session into the same run, after a repair: the step lists both attempts, and the report counts the valid one."""

from pathlib import Path
from uuid import UUID

import pytest
from tests.support import mirror
from tests.support.atlases import every_run
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.served_atlas import served_atlas

from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import GetReport
from pytest_atlas.descriptions import parse_attempts
from pytest_atlas.local import LocalAtlas

ON = (f"--atlas-system={SYSTEM}", "--atlas-report", "-o", "addopts=")  # with the cache, for --lf
SUITE = """
    import os, pytest

    @pytest.mark.parametrize("n", range(14))
    def test_trip(atlas, n):
        late = n in (3, 7) and not os.environ.get("FIXED")
        atlas.measure("trip time", 120.0 if late else 90.0 + n, unit="ms", high=110)
"""
FAILURE = "passed at attempt 2; first failure: trip time: 120 ms is 10 ms above the high limit of 110 ms"


def check(run: Run) -> None:
    """12 tests passed at once, the tests 3 and 7 at their second attempt."""
    (card,) = run.test_cards
    assert len(card.test_steps) == 14
    for number, step in enumerate(card.test_steps):
        attempts = parse_attempts(step.description)
        assert attempts is not None
        outcomes = [attempt.outcome for attempt in attempts.attempts]
        if number in (3, 7):
            assert (step.execution_status, outcomes) == ("passed_with_exception", ["passed", "failed"])
            assert (step.exception or "").startswith(FAILURE)
            assert len({attempt.session for attempt in attempts.attempts}) == 2
        else:
            assert (step.execution_status, outcomes) == ("passed", ["passed"])


def twice(project: Project, *how: str, **env: str) -> Ended:
    assert project.pytest(*ON, *how, env=env).code == 1
    again = project.pytest(*ON, "--lf", "--atlas-run=TR-0001", *how, env={"FIXED": "1", **env})
    assert again.code == 0
    return again


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
def test_after_a_repair_the_step_names_the_first_attempt_and_the_report_counts_the_second(
    tmp_path: Path, how: tuple[str, ...]
) -> None:
    project = Project(tmp_path).write("test_trip.py", SUITE)
    twice(project, *how)
    (run,) = mirror.runs(tmp_path / ".atlas")
    check(run)
    with LocalAtlas(tmp_path / ".atlas" / "atlas.db") as atlas:
        asked = [GetReport(run_id=UUID(run.uuid), report_id=UUID(listed.uuid)) for listed in run.reports]
        first, last = sorted(map(atlas.send, asked), key=lambda report: str(report.created_at))
    assert "2 of 14 measurements out of limits" in first.summary
    assert last.summary == "14 steps: 2 passed with exception, 12 passed."
    assert "14 values of 14 measurements, 2 values of superseded attempts are not counted." in last.content
    assert "out of limits" not in last.content.partition("## Measurements")[2]


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
def test_the_steps_are_the_same_in_a_remote_atlas(tmp_path: Path, how: tuple[str, ...]) -> None:
    project = Project(tmp_path / "suite").write("test_trip.py", SUITE)
    with served_atlas(tmp_path / "served") as served:
        assert served.token
        again = twice(project, *how, ATLAS_URL=served.url, ATLAS_TOKEN=served.token)
        (run,) = every_run(served.atlas)
    check(run)
    assert "TR-0001" in again.terminal_summary[0]
