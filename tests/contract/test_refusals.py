"""Rejected operations: 404 for missing entities, 422 for invalid values, and no change in both cases."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from pytest_atlas.atlas import (
    OPERATIONS,
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    DeleteCard,
    DeleteStep,
    GetRun,
    Invalid,
    ListRuns,
    NotFound,
    Operation,
    RegisterDataFile,
    UpdateCard,
    UpdateStep,
)
from pytest_atlas.atlas.operations import Association

from .conftest import Atlas, Campaign

# Required fields of the operations, without the ids in the path.
NEEDED: dict[str, dict[str, Any]] = {
    "CreateCard": {"title": "x"},
    "CreateStep": {"title": "x"},
    "CreateReport": {"scope": "run"},
    "RegisterDataFile": {"file_name": "x", "s3_url": "s3://b/x", "file_size": 1},
}
LABELS = {"run_id": "Test run", "card_id": "Test card", "step_id": "Step", "file_id": "Data file", "report_id": "Report"}
IN_A_RUN = [op for op in OPERATIONS if "run_id" in op.path_fields()]
DEEPER = [(op, field) for op in IN_A_RUN for field in op.path_fields() if field != "run_id"]


def operation(kind: type[Operation[Any]], ids: dict[str, UUID]) -> Operation[Any]:
    return kind.model_validate(NEEDED.get(kind.__name__, {}) | {field: ids[field] for field in kind.path_fields()})


def ids_of(campaign: Campaign) -> dict[str, UUID]:
    known = {"run_id": campaign.run_id, "card_id": campaign.card_id, "step_id": campaign.step_id}
    return {field: known.get(field) or uuid4() for field in LABELS}


@pytest.mark.parametrize("kind", IN_A_RUN)
def test_every_operation_on_a_missing_run_is_404(atlas: Atlas, campaign: Campaign, kind: type[Operation[Any]]) -> None:
    nowhere = uuid4()
    with pytest.raises(NotFound) as refused:
        atlas.send(operation(kind, ids_of(campaign) | {"run_id": nowhere}))
    assert refused.value.status == 404
    assert json.loads(refused.value.words) == {"detail": f"Test run {nowhere} not found"}


@pytest.mark.parametrize(("kind", "field"), DEEPER)
def test_missing_card_step_file_or_report_is_named(
    atlas: Atlas, campaign: Campaign, kind: type[Operation[Any]], field: str
) -> None:
    nowhere = uuid4()
    with pytest.raises(NotFound) as refused:
        atlas.send(operation(kind, ids_of(campaign) | {field: nowhere}))
    assert json.loads(refused.value.words) == {"detail": f"{LABELS[field]} {nowhere} not found"}


def test_parts_of_a_run_are_not_found_in_another_run(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    other = UUID(atlas.send(CreateRun(title="another", system_id=system)).uuid)
    card = UUID(atlas.send(CreateCard(run_id=other, title="another")).uuid)
    report = {"scope": "step", "test_card_id": card, "test_step_id": campaign.step_id}
    file = NEEDED["RegisterDataFile"]
    ops: tuple[Operation[Any], ...] = (
        UpdateCard(run_id=other, card_id=campaign.card_id, title="x"),
        DeleteCard(run_id=other, card_id=campaign.card_id),
        CreateStep(run_id=other, card_id=campaign.card_id, title="x"),
        UpdateStep(run_id=other, card_id=campaign.card_id, step_id=campaign.step_id, title="x"),
        UpdateStep(run_id=other, card_id=card, step_id=campaign.step_id, title="x"),
        DeleteStep(run_id=other, card_id=card, step_id=campaign.step_id),
        CreateReport.model_validate(report | {"run_id": other}),
        RegisterDataFile(run_id=other, associate_with=Association(test_card_id=campaign.card_id), **file),
        RegisterDataFile(run_id=other, associate_with=Association(test_step_id=campaign.step_id), **file),
        RegisterDataFile(run_id=other, associate_with=Association(test_card_id=card, test_step_id=campaign.step_id), **file),
    )
    for op in ops:
        with pytest.raises(NotFound):
            atlas.send(op)
    assert atlas.send(GetRun(run_id=campaign.run_id)).test_cards[0].test_steps == [campaign.step]
    run = atlas.send(GetRun(run_id=other))
    assert (len(run.test_cards), run.test_data, run.reports) == (1, [], [])


def test_unknown_template_creates_no_run_and_no_card(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    known, unknown = atlas.store.add_template("x"), uuid4()
    ops: tuple[tuple[Operation[Any], str], ...] = (
        (CreateRun(title="x", system_id=system, template_ids=(known, unknown)), "template_ids"),
        (CreateCard(run_id=campaign.run_id, template_id=unknown), "template_id"),
    )
    for op, field in ops:
        with pytest.raises(Invalid) as refused:
            atlas.send(op)
        assert refused.value.status == 422
        (problem,) = json.loads(refused.value.words)["detail"]
        assert problem == {"loc": ["body", field], "msg": f"Template {unknown} not found", "type": "value_error"}
    assert atlas.send(ListRuns(system_id=system)).count == 1
    assert len(atlas.send(GetRun(run_id=campaign.run_id)).test_cards) == 1


@pytest.mark.parametrize("order", [2**63, -(2**63) - 1, 10**30])
def test_integer_beyond_64_bits_is_rejected(atlas: Atlas, campaign: Campaign, order: int) -> None:
    ops: tuple[Operation[Any], ...] = (
        CreateCard(run_id=campaign.run_id, title="x", order=order),
        CreateStep(run_id=campaign.run_id, card_id=campaign.card_id, title="x", order=order),
    )
    for op in ops:
        with pytest.raises(Invalid, match="order"):
            atlas.send(op)
    card = atlas.send(GetRun(run_id=campaign.run_id)).test_cards
    assert len(card) == len(card[0].test_steps) == 1


def test_card_after_the_largest_order_has_the_same_order(atlas: Atlas, campaign: Campaign) -> None:
    orders = [atlas.send(CreateCard(run_id=campaign.run_id, title="x", order=order)).order for order in (2**63 - 1, None)]
    assert orders == [2**63 - 1, 2**63 - 1]
