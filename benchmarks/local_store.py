"""Size and speed of the local Atlas with the number of runs and steps that a bench has after years.

    python -m benchmarks.local_store [--runs 1000] [--steps 1000] [--store DIR]

Creates a store through the operations (minutes, and about 520 MB, for a million steps; kept and used again with
--store), then prints the medians of the operations of users and of the publisher.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from pytest_atlas.atlas import (
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    DeleteRun,
    ExecutionStatus,
    GetRun,
    ListRuns,
    RegisterDataFile,
    Run,
    SearchRuns,
    UpdateStep,
)
from pytest_atlas.atlas.operations import Association
from pytest_atlas.local import LocalAtlas

STEPS_PER_CARD = 50
BATCH = 500  # operations in a transaction, as the publisher sends them
REPEATS = 7
SYSTEMS = tuple(UUID(int=n) for n in range(1, 11))
STATUSES: tuple[ExecutionStatus, ...] = ("passed",) * 8 + ("failed", "todo")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=1000, help="in each run")
    parser.add_argument("--store", type=Path, help="directory of a new store, or of one to use again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = (arguments.store or Path(temporary)) / "atlas.db"
        with LocalAtlas(path, create=True) as atlas:
            missing = arguments.runs - atlas.send(ListRuns()).count
            for number in range(missing):
                make_run(atlas, number, arguments.steps)
            measure(atlas, path, arguments.steps)


def make_run(atlas: LocalAtlas, number: int, steps: int) -> Run:
    """Create a run like the publisher: the plan first, then an outcome for each step, a file for each failure."""
    run = atlas.send(CreateRun(title=f"Acceptance {number}", system_id=SYSTEMS[number % 10], description="digest " * 100))
    run_id = UUID(run.uuid)
    made: list[tuple[UUID, UUID, int]] = []
    for start in range(0, steps, STEPS_PER_CARD):
        with atlas.transaction():
            card = atlas.send(CreateCard(run_id=run_id, title=f"tests/hil/test_{start}.py", order=1000 + start))
            for n in range(start, min(start + STEPS_PER_CARD, steps)):
                step = atlas.send(new_step(run_id, UUID(card.uuid), n))
                made.append((UUID(card.uuid), UUID(step.uuid), n))
    for start in range(0, len(made), BATCH):
        with atlas.transaction():
            for card_id, step_id, n in made[start : start + BATCH]:
                record(atlas, run_id, card_id, step_id, n)
    if number % 3 == 0:
        atlas.send(CreateReport(run_id=run_id, scope="run"))
    return run


def new_step(run_id: UUID, card_id: UUID, n: int) -> CreateStep:
    text = f"Apply a voltage; the device trips.\n\npytest: tests/hil/test_{n // 50}.py::TestTrip::test_trip[{n}-fast]"
    return CreateStep(run_id=run_id, card_id=card_id, title=f"Apply {n} V to input rail", description=text, order=1000 * n)


def record(atlas: LocalAtlas, run_id: UUID, card_id: UUID, step_id: UUID, n: int) -> None:
    """Record the outcome of a step; failures have a longer text and a file."""
    status = STATUSES[n % 10]
    failed = f"AssertionError: rail {n} tripped after 112 ms\n" * 3 if status == "failed" else ""
    description = (
        f"Apply a voltage; the device trips.\n{failed}trip time 87 ms <= 100 ms\npytest: tests/hil/test_trip.py::test_trip[{n}]"
    )
    atlas.send(
        UpdateStep.model_validate(
            {
                "run_id": run_id,
                "card_id": card_id,
                "step_id": step_id,
                "execution_status": status,
                "description": description,
                "started_at": "2026-04-13T11:00:00Z",
                "ended_at": "2026-04-13T11:00:01Z",
            }
        )
    )
    if status == "failed":
        place = Association(test_step_id=step_id)
        file = {"file_name": "failure.txt", "s3_url": f"s3://bucket/{step_id}", "file_size": 9000}
        atlas.send(RegisterDataFile.model_validate({**file, "run_id": run_id, "associate_with": place}))


def measure(atlas: LocalAtlas, path: Path, steps: int) -> None:
    summaries = atlas.send(ListRuns()).items
    some_run = GetRun(run_id=UUID(summaries[len(summaries) // 2].uuid))
    everything = sum(sum(summary.step_status_counts.values()) for summary in summaries)
    print(f"{len(summaries)} runs, {everything} steps, {path.stat().st_size / 1e6:.0f} MB")
    cases: dict[str, Callable[[], Any]] = {
        "list all runs": lambda: atlas.send(ListRuns()),
        "list one system's runs": lambda: atlas.send(ListRuns(system_id=SYSTEMS[0])),
        "list runs with reports": lambda: atlas.send(ListRuns(has_reports=True)),
        f"get a run of {steps} steps": lambda: atlas.send(some_run),
        "search a word of one step in each run": lambda: atlas.send(SearchRuns(q="test_trip[777]")),
        "search a word of one run": lambda: atlas.send(SearchRuns(q="acceptance 123")),
        "search a word of every step": lambda: atlas.send(SearchRuns(q="voltage")),
        "open the store and list one system": lambda: open_and_list(path),
        "create a run, in a separate transaction": lambda: atlas.send(CreateRun(title="x", system_id=SYSTEMS[0])),
    }
    for name, case in cases.items():
        report(name, [timed(case) for _ in range(REPEATS)])
    for summary in atlas.send(ListRuns(system_id=SYSTEMS[0])).items:
        if summary.title == "x":  # otherwise a store that is used again would grow
            atlas.send(DeleteRun(run_id=UUID(summary.uuid)))
    report_rates(atlas)


def open_and_list(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        atlas.send(ListRuns(system_id=UUID(int=0)))


def report_rates(atlas: LocalAtlas) -> None:
    """Report the time per step of large transactions, and the time to delete their run."""
    run = UUID(atlas.send(CreateRun(title="rates", system_id=SYSTEMS[0])).uuid)
    creates, updates = [], []
    card = UUID(atlas.send(CreateCard(run_id=run, title="rates")).uuid)
    for _ in range(REPEATS):
        steps: list[str] = []
        creates.append(timed(lambda: create_batch(atlas, run, card, steps)) / BATCH)  # noqa: B023 called at once
        updates.append(timed(lambda: update_batch(atlas, run, card, steps)) / BATCH)  # noqa: B023 called at once
    report(f"create a step, {BATCH} in a transaction", creates)
    report(f"record an outcome, {BATCH} in a transaction", updates)
    report(f"delete a run of {BATCH * REPEATS} steps", [timed(lambda: atlas.send(DeleteRun(run_id=run)))])


def create_batch(atlas: LocalAtlas, run: UUID, card: UUID, made: list[str]) -> None:
    with atlas.transaction():
        made += [atlas.send(new_step(run, card, n)).uuid for n in range(BATCH)]


def update_batch(atlas: LocalAtlas, run: UUID, card: UUID, made: list[str]) -> None:
    with atlas.transaction():
        for n, step in enumerate(made):
            record(atlas, run, card, UUID(step), n * 10)


def timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(name: str, seconds: list[float]) -> None:
    print(f"{name:44} {statistics.median(seconds) * 1000:10.3f} ms")


if __name__ == "__main__":
    main()
