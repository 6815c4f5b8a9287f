"""Create runs of another person in the same Atlas. No push of another session may change them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.support import events as f
from tests.support.atlases import every_run

from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import (
    Association,
    CreateCard,
    CreateRun,
    CreateStep,
    ListRuns,
    RegisterDataFile,
    UpdateStep,
)
from pytest_atlas.journal import receipts as rc
from pytest_atlas.local import LocalAtlas
from pytest_atlas.session.state import RUN

KEY = "20261101T080000Z-0badcafe"
"""The run key of these runs: the id of a session."""
CARD = f"card:module:{f.MODULE}"
NAMES = ("test_a", "test_b", "test_c")


def step_key(name: str) -> str:
    return f"test:{f.nodeid(name)}#0"


@dataclass(frozen=True)
class Neighbour:
    """A run with the same tests and with statuses that a person set, and an empty run."""

    run: Run
    empty: Run
    before: list[dict[str, Any]]
    atlas: LocalAtlas

    def receipts(self, *tail: rc.Receipt) -> list[rc.Receipt]:
        """Return receipts that list all of its entities as created by pytest-atlas."""
        card = self.run.test_cards[0]
        steps = {step.title: step.uuid for step in card.test_steps}
        made: list[rc.Receipt] = [rc.Created(key=RUN, id=self.run.uuid, ref=self.run.test_run_id), rc.Unconfirmed(key=RUN)]
        made += [rc.Intended(key=CARD, order=1000), rc.Created(key=CARD, id=card.uuid)]
        for number, name in enumerate(NAMES, 1):
            made += [rc.Intended(key=step_key(name), order=1000 * number), rc.Created(key=step_key(name), id=steps[name])]
        return [*made, *tail]

    def changes(self) -> list[str]:
        """Return the titles of the runs that have changed."""
        after = {run["uuid"]: run for run in _of(self.atlas, {run["uuid"] for run in self.before})}
        return [run["title"] for run in self.before if after.get(run["uuid"]) != run]


def _of(atlas: LocalAtlas, ids: set[str]) -> list[dict[str, Any]]:
    return [run.model_dump() for run in every_run(atlas) if run.uuid in ids]


def move_in(atlas: LocalAtlas, key: str = KEY, *, with_lines: bool = True) -> Neighbour:
    """Create the runs. `with_lines`: their steps have identity lines, as if pytest-atlas had created them."""
    system = UUID(f.SYSTEM)
    text = f"Acceptance of rev B\n\npytest-atlas: {key}"
    run = atlas.send(CreateRun(title="Acceptance", system_id=system, description=text))
    run_id = UUID(run.uuid)
    card = atlas.send(CreateCard(run_id=run_id, title=f.MODULE, description="by hand", order=1000))
    for number, name in enumerate(("test_a", "test_b", "test_c", "test_a"), 1):
        line = f"checked by hand\n\npytest: {f.nodeid(name)}" if with_lines else "checked by hand"
        order = 1000 * number if number < 4 else 1000
        step = atlas.send(CreateStep(run_id=run_id, card_id=UUID(card.uuid), title=name, description=line, order=order))
        ids: dict[str, Any] = {"run_id": run_id, "card_id": UUID(card.uuid), "step_id": UUID(step.uuid)}
        atlas.send(UpdateStep(**ids, execution_status="failed"))
        place = Association(test_step_id=UUID(step.uuid))
        for _ in range(2):
            atlas.send(
                RegisterDataFile(
                    run_id=run_id,
                    file_name="log.txt",
                    s3_url=f"s3://theirs/{number}/log.txt",
                    file_size=1,
                    associate_with=place,
                )
            )
    empty = atlas.send(CreateRun(title="Acceptance", system_id=system, description=f"not begun\n\npytest-atlas: {key}"))
    ids_ = {item.uuid for item in atlas.send(ListRuns()).items} & {run.uuid, empty.uuid}
    before = _of(atlas, ids_)
    whole = next(each for each in every_run(atlas) if each.uuid == run.uuid)
    return Neighbour(whole, empty, before, atlas)
