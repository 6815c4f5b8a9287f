"""A test that runs for over a second has `started_at` while it runs, and `ended_at` after its end with any outcome."""

import time
from pathlib import Path

from tests.support import mirror
from tests.support.events import SYSTEM
from tests.support.inner import PATIENCE_S, Project

from pytest_atlas.atlas.models import Step
from pytest_atlas.publisher import targets

WAITS = """
    import pathlib, time, pytest
    def test_waits():
        pathlib.Path("running").touch()
        while not pathlib.Path("go").exists(): time.sleep(0.01)
        END
"""


def the_step(project: Project) -> Step | None:
    store = project.root / ".atlas" / targets.STORE
    runs = mirror.runs(project.root / ".atlas") if store.exists() else []
    steps = [step for run in runs for card in run.test_cards for step in card.test_steps]
    return steps[0] if steps else None


def wait_until_shown_as_running(project: Project) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ((step := the_step(project)) and step.started_at):
        assert time.monotonic() < deadline, "the start was never shown"
        time.sleep(0.05)


def test_skipped_test_that_was_shown_as_running_gets_ended_at(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_slow.py", WAITS.replace("END", "pytest.skip('no scope')"))
    running = project.start(f"--atlas-system={SYSTEM}")
    wait_until_shown_as_running(project)
    (tmp_path / "go").touch()
    assert running.end().code == 0
    step = the_step(project)
    assert step
    assert step.execution_status == "todo"
    assert step.started_at is not None
    assert step.ended_at is not None
    assert step.ended_at > step.started_at


def test_test_during_which_pytest_died_gets_ended_at_and_is_shown_as_died(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_slow.py", WAITS.replace("END", "pass"))
    running = project.start(f"--atlas-system={SYSTEM}")
    wait_until_shown_as_running(project)
    running.process.kill()
    running.end()
    deadline = time.monotonic() + PATIENCE_S
    while not ((step := the_step(project)) and step.ended_at):
        assert time.monotonic() < deadline, "the end was never shown"
        time.sleep(0.05)
    assert step.execution_status == "failed"
    assert ": died: pytest died while this test ran" in step.description
