"""Matching entities of a run that was read: by identity line and order; foreign entities are not matched."""

from typing import Any

from tests.support import events as f

from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import DeleteCard, DeleteStep
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.publisher.recovery import match
from pytest_atlas.publisher.recovery.run_index import RunIndex
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

ID = {name: f"0000000{n}-0000-4000-8000-000000000000" for n, name in enumerate(("run", "card", "a", "b", "late", "other"))}
CARD = f"card:module:{f.MODULE}"


def twice_named() -> SessionState:
    """Return a session of two tests with one nodeid: equal identity lines, different orders."""
    tests = tuple(ev.PlannedTest(f.nodeid("t"), "t", 0, occurrence=n) for n in (0, 1))
    part = ev.Planned(cards=(ev.PlannedCard("module", f.MODULE),), tests=tests)
    return f.fold(f.opened(), f.session(), part, ev.PlanCompleted(at=0, count=2))


def run(*steps: dict[str, Any], more_cards: tuple[dict[str, Any], ...] = ()) -> Run:
    card = {"uuid": ID["card"], "title": f.MODULE, "order": 1000, "test_steps": list(steps)}
    return Run.model_validate({"uuid": ID["run"], "title": "Acceptance", "test_cards": [card, *more_cards]})


def step(name: str, order: int, **more: Any) -> dict[str, Any]:
    return {"uuid": ID[name], "title": "t", "order": order, "description": f"pytest: {f.nodeid('t')}", **more}


def made(key: str, name: str) -> rc.Created:
    return rc.Created(key=key, id=ID[name])


def own(run: Run) -> RunIndex:
    return RunIndex(run, shared=False)


def adopted(run: Run, state: SessionState) -> dict[str, str]:
    """Return the id of each entity that is matched in `run`, by its key."""
    observed = Observed()
    index = own(run)
    for key in desired.keys(state):
        if key != RUN and (found := match.adopt(index, state, observed, key)):
            observed.apply(found)
    return {key: entity.id for key, entity in observed.entities.items()}


def test_equal_identity_lines_are_distinguished_by_order() -> None:
    state = twice_named()
    assert adopted(run(step("b", 2000), step("a", 1000)), state) == {
        CARD: ID["card"],
        f"test:{f.nodeid('t')}#0": ID["a"],
        f"test:{f.nodeid('t')}#1": ID["b"],
    }


def test_a_step_of_a_person_is_not_matched() -> None:
    state = twice_named()
    theirs = step("a", 1000, description="see the manual")
    assert list(adopted(run(theirs), state)) == [CARD]


def test_the_duplicate_without_receipts_is_deleted() -> None:
    state = twice_named()
    known = Observed(
        [made(RUN, "run"), made(CARD, "card"), made(f"test:{f.nodeid('t')}#0", "a"), made(f"test:{f.nodeid('t')}#1", "b")]
    )
    doubled = run(step("a", 1000), step("late", 1000), step("b", 2000), step("other", 3000))
    assert [(type(op), str(getattr(op, "step_id", ""))) for op in match.duplicates(own(doubled), state, known)] == [
        (DeleteStep, ID["late"])
    ]


def test_a_duplicate_card_is_deleted_only_if_it_is_empty() -> None:
    state = twice_named()
    known = Observed([made(RUN, "run"), made(CARD, "card")])
    twin = {"uuid": ID["late"], "title": f.MODULE, "order": 1000}
    filled = {**twin, "test_steps": [step("other", 1, description="somebody's")]}
    assert [type(op) for op in match.duplicates(own(run(more_cards=(twin,))), state, known)] == [DeleteCard]
    assert list(match.duplicates(own(run(more_cards=(filled,))), state, known)) == []


def test_times_with_less_precision_are_equal() -> None:
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a", at=1.0004), f.ended("test_a"))
    want = desired.step(state, f"test:{f.nodeid('test_a')}#0")
    there = run(step("a", 1000, started_at="2025-11-25T00:20:01.000000", execution_status="passed")).test_cards[0].test_steps[0]
    assert match.shown(there, want)["started_at"] == want.started_at


def test_an_entity_with_another_order_than_desired_is_matched() -> None:
    """The order in which two journals are read can determine the order of cards."""
    state = twice_named()
    moved = run(step("a", 5000), step("b", 6000))
    card = moved.test_cards[0].model_copy(update={"order": 7000})
    assert adopted(moved.model_copy(update={"test_cards": [card]}), state) == {
        CARD: ID["card"],
        f"test:{f.nodeid('t')}#0": ID["a"],
        f"test:{f.nodeid('t')}#1": ID["b"],
    }
