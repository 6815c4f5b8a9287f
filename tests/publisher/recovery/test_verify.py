"""Receipts are confirmed only by the run that was read: identity lines, titles, orders and URLs, never by the receipts."""

from typing import Any

import pytest
from tests.support import events as f

from pytest_atlas.atlas.models import Run
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.events import FileKept
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.publisher.recovery import verify
from pytest_atlas.publisher.recovery.run_index import RunIndex
from pytest_atlas.session.state import RUN, SessionState

ID = {name: f"0000000{n}-0000-4000-8000-000000000000" for n, name in enumerate(("run", "card", "step", "file", "other"))}
CARD, STEP = f"card:module:{f.MODULE}", f"test:{f.nodeid('test_a')}#0"
LINE = f"pytest: {f.nodeid('test_a')}"


def state(**session: object) -> SessionState:
    return f.fold(f.opened(), f.session(**session), *f.plan("test_a"))


def run(**more: Any) -> Run:
    fields = {"uuid": ID["run"], "test_run_id": "TR-0042", "system_id": f.SYSTEM, "description": "x\n\npytest-atlas: s1"}
    return Run.model_validate({**fields, **more})


def with_card(card: dict[str, Any] | None = None, **step: Any) -> Run:
    a_step = {"uuid": ID["step"], "title": "test_a", "order": 1000, "description": LINE, **step}
    a_card = {"uuid": ID["card"], "title": f.MODULE, "order": 1000, "test_steps": [a_step], **(card or {})}
    return run(test_cards=[a_card])


RUNS: dict[str, tuple[dict[str, Any], dict[str, object], str]] = {
    "our run key": ({}, {}, ""),
    "our run key, and a text of a person after it": ({"description": "x\n\npytest-atlas: s1\n\nNote"}, {}, ""),
    "another run key": ({"description": "pytest-atlas: s2"}, {}, "does not have the line 'pytest-atlas: s1'"),
    "our run key inside a line": ({"description": "see pytest-atlas: s1"}, {}, "does not have the line"),
    "another system": ({"system_id": ID["other"]}, {}, f"belongs to system {ID['other']}"),
    "named by its reference": ({"description": ""}, {"run": "TR-0042"}, ""),
    "named by its uuid": ({"description": ""}, {"run": ID["run"]}, ""),
    "another one is named": ({}, {"run": "TR-0043"}, "run TR-0042 is not run TR-0043"),
    "named, but of another system": ({"system_id": ID["other"]}, {"run": "TR-0042"}, "belongs to system"),
}


@pytest.mark.parametrize(("fields", "session", "problem"), RUNS.values(), ids=RUNS)
def test_a_run_is_confirmed_by_system_and_run_key_or_by_the_user(
    fields: dict[str, Any], session: dict[str, object], problem: str
) -> None:
    found = verify.run_problem(run(**fields), state(**session))
    assert (problem in found) if problem else not found


ENTITIES: dict[str, tuple[str, str, Run, bool]] = {
    "a step with our line": (STEP, "step", with_card(), True),
    "a step with our line and a person's text": (STEP, "step", with_card(description=f"{LINE}\n\nchecked"), True),
    "a step of a person": (STEP, "step", with_card(description="by hand"), False),
    "a step of another test": (STEP, "step", with_card(description="pytest: x"), False),
    "a step that is not in the run": (STEP, "other", with_card(), False),
    "a card as a step": (STEP, "card", with_card(), False),
    "a card with title and order": (CARD, "card", with_card(), True),
    "a card with another order": (CARD, "card", with_card({"order": 7}, description="x"), False),
    "a card with another title": (CARD, "card", with_card({"title": "By hand"}, description="x"), False),
    "a renamed card with our step": (CARD, "card", with_card({"title": "By hand"}), True),
    "a step as a card": (CARD, "step", with_card(), False),
}


@pytest.mark.parametrize(("key", "name", "there", "is_ours"), ENTITIES.values(), ids=ENTITIES)
def test_an_entity_is_confirmed_by_what_is_in_the_run(key: str, name: str, there: Run, is_ours: bool) -> None:
    known = state()
    observed = Observed([rc.Intended(key=key, order=1000), rc.Created(key=key, id=ID[name])])
    observed.distrust()
    assert not observed.get(key).id, "nothing is known before it is confirmed"
    found = verify.confirmed(RunIndex(there, shared=False), known, observed, key)
    assert (found is not None) == is_ours


def test_a_file_is_confirmed_by_its_id_and_url() -> None:
    known = state()
    known.apply(f.SERIAL, FILE)
    for url, is_ours in (("s3://bench/a", True), ("s3://theirs/a", False)):
        observed = Observed([rc.Uploaded(key=KEY, url=url, size=1), rc.Created(key=KEY, id=ID["file"])])
        observed.distrust()
        there = RunIndex(with_card(test_data=[{"uuid": ID["file"], "s3_url": "s3://bench/a"}]), shared=False)
        assert (verify.confirmed(there, known, observed, KEY) is not None) == is_ours


FILE = FileKept(at=f.BEGIN, nodeid=f.nodeid("test_a"), name="a", path="files/a", size=1)
KEY = f"file:{STEP}:files/a:a"


def test_one_entity_is_confirmed_for_one_receipt_only() -> None:
    known = f.fold(f.opened(), f.session(), *f.plan("test_a"), *f.plan("test_a"))
    observed = Observed([rc.Created(key=STEP, id=ID["step"]), rc.Created(key=CARD, id=ID["step"])])
    observed.distrust()
    there = RunIndex(with_card(), shared=False)
    found = verify.confirmed(there, known, observed, STEP)
    assert found
    observed.confirm(STEP, found)
    observed.claims[CARD].id = found.id
    assert verify.confirmed(there, known, observed, CARD) is None


def test_in_a_shared_run_receipts_rename_neither_run_nor_card() -> None:
    """An empty `shows` would otherwise lead to an update of all fields."""
    known = state(run="TR-0042")
    observed = Observed(
        [rc.Created(key=RUN, id=ID["run"]), rc.Intended(key=CARD, order=1000), rc.Created(key=CARD, id=ID["card"])]
    )
    observed.distrust()
    seen = verify.confirmed_run(run(title="A person's"), known, observed.claims[RUN])
    assert seen.shows["title"] == "Acceptance", "it counts as published"
    card = verify.confirmed(RunIndex(with_card(), shared=True), known, observed, CARD)
    assert card
    assert card.shows["title"] == f.MODULE


def test_receipts_that_are_not_used_are_not_used_by_later_publishers() -> None:
    receipts: list[rc.Receipt] = [
        rc.Created(key=RUN, id=ID["run"]),
        rc.Created(key=STEP, id=ID["step"]),
        rc.Unconfirmed(key=STEP),
    ]
    assert Observed([*receipts, rc.Ignored(key=STEP, why="x")]).get(RUN).id
    assert not Observed([*receipts, rc.Ignored(key=STEP, why="x")]).get(STEP).id
    emptied = Observed([*receipts, rc.Ignored(key=RUN, why="x")])
    assert (emptied.entities, emptied.doubts) == ({}, set())
