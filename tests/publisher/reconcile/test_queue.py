"""The next requests: only differences, complete times, and termination."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.atlas.operations import CreateStep, UpdateStep
from pytest_atlas.journal.receipts import fingerprints
from pytest_atlas.publisher.reconcile.observed import KnownEntity
from pytest_atlas.publisher.reconcile.queue import next_operation
from pytest_atlas.session.desired import DesiredStep

IDS = {"run_id": str(uuid4()), "card_id": str(uuid4())}
TIMES = {"started_at": "2025-11-25T00:20:01.000000+00:00", "ended_at": "2025-11-25T00:20:02.000000+00:00"}


def step(*, description: str = "d", **given: Any) -> DesiredStep:
    return DesiredStep(key="k", parent="c", title="t", description=description, identity_line="", order=1000, **given)


def seen(**shows: str) -> KnownEntity:
    return KnownEntity(id=str(uuid4()), shows=fingerprints({"title": "t", "description": "d", **shows}))


def test_a_step_is_created_with_text_and_order_only() -> None:
    work = next_operation(step(status="passed", **TIMES), KnownEntity(), IDS)
    assert work is not None
    assert isinstance(work.operation, CreateStep)
    assert work.operation is not None
    assert work.operation.payload() == {"title": "t", "description": "d", "order": 1000}


def test_an_intended_order_is_not_computed_again() -> None:
    work = next_operation(step(), KnownEntity(order=7000), IDS)
    assert work is not None
    assert work.operation is not None
    assert work.operation.payload()["order"] == 7000


def test_only_differences_are_sent_but_both_times() -> None:
    known = seen(execution_status="todo", started_at=TIMES["started_at"])
    work = next_operation(step(status="passed", **TIMES), known, IDS)
    assert work is not None
    assert isinstance(work.operation, UpdateStep)
    assert work.operation is not None
    assert work.operation.payload() == {"execution_status": "passed", **TIMES}


def test_a_field_that_cannot_be_unset_is_not_a_difference() -> None:
    known = seen(execution_status="failed", exception="old note", **TIMES)
    assert next_operation(step(status="failed"), known, IDS) is None


def test_the_end_of_a_step_without_an_outcome_is_sent_only_after_its_start() -> None:
    want = step(**TIMES)
    running = seen(execution_status="todo", started_at=TIMES["started_at"])  # of a publisher that was killed before the end
    work = next_operation(want, running, IDS)
    assert work
    assert work.shows == {name: TIMES[name] for name in ("started_at", "ended_at")}
    assert next_operation(want, seen(execution_status="todo"), IDS) is None
    assert next_operation(want, seen(execution_status="todo", **TIMES), IDS) is None


@pytest.mark.parametrize(
    "known", [KnownEntity(unconfirmed=True), KnownEntity(skipped="why"), KnownEntity(id="x", skipped="why")]
)
def test_unconfirmed_and_skipped_entities_are_not_sent(known: KnownEntity) -> None:
    assert next_operation(step(), known, IDS) is None


texts = st.text(alphabet="ab", max_size=80)
wanted = st.fixed_dictionaries(
    {"status": st.sampled_from(["todo", "passed", "failed", "passed_with_exception"])},
    optional={"description": texts, "exception": texts, "started_at": st.just(TIMES["started_at"])},
)


@given(wanted, wanted)
def test_reconciliation_terminates(before: dict[str, str], after: dict[str, str]) -> None:
    known = seen(**step(**before).fields)
    want = step(**after)
    work = next_operation(want, known, IDS)
    if work is not None:
        known.shows = {**known.shows, **fingerprints(work.shows)}
    assert next_operation(want, known, IDS) is None
