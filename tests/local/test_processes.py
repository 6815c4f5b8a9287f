"""Several processes write to one store, as the pytest sessions of a bench and `pytest-atlas serve` do."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID

from pytest_atlas.atlas import GetRun, ListRuns
from pytest_atlas.local import LocalAtlas

PROCESSES = 4
STEPS = 60

WRITER = """
import sys
from pathlib import Path
from uuid import UUID
from pytest_atlas.atlas import CreateCard, CreateRun, CreateStep, UpdateStep
from pytest_atlas.local import LocalAtlas
path, number, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.stdin.readline()  # wait until all processes have started
with LocalAtlas(path, create=True) as atlas:
    run_id = UUID(atlas.send(CreateRun(title=f"process {number}", system_id=UUID(int=1))).uuid)
    card_id = UUID(atlas.send(CreateCard(run_id=run_id, title="card")).uuid)
    for start in range(0, steps, 3):
        with atlas.transaction():
            made = [atlas.send(CreateStep(run_id=run_id, card_id=card_id, title=f"{start + n}")) for n in range(3)]
        for step in made:
            atlas.send(UpdateStep(run_id=run_id, card_id=card_id, step_id=UUID(step.uuid), execution_status="passed"))
"""


def test_concurrent_processes_create_one_store_and_lose_nothing(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    processes = [
        subprocess.Popen([*command, str(n), str(STEPS)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for n in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert errors == [""] * PROCESSES
    with LocalAtlas(path, create=True) as atlas:
        runs = atlas.send(ListRuns()).items
        assert {run.title for run in runs} == {f"process {n}" for n in range(PROCESSES)}
        assert {run.test_run_id for run in runs} == {f"TR-{n:04}" for n in range(1, PROCESSES + 1)}
        for run in runs:
            assert run.step_status_counts == {"passed": STEPS}
            steps = atlas.send(GetRun(run_id=UUID(run.uuid))).test_cards[0].test_steps
            assert [(step.title, step.order) for step in steps] == [(str(n), n + 1) for n in range(STEPS)]
