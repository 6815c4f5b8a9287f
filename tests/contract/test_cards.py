from uuid import UUID

import pytest

from pytest_atlas.atlas import (
    CreateCard,
    CreateReport,
    CreateStep,
    DeleteCard,
    GetRun,
    ListDataFiles,
    ListReports,
    ListRuns,
    NotFound,
    RegisterDataFile,
    SearchRuns,
    UpdateCard,
)
from pytest_atlas.atlas.operations import Association
from pytest_atlas.local import TemplateStep

from .conftest import Atlas, Campaign


def test_new_card_has_the_given_values(atlas: Atlas, campaign: Campaign) -> None:
    card = atlas.send(CreateCard(run_id=campaign.run_id, title="Undervoltage", description="Apply 8V", order=7))
    assert (card.title, card.description, card.order) == ("Undervoltage", "Apply 8V", 7)
    assert (card.test_steps, card.issues, card.test_data, card.reports) == ([], [], [], [])
    assert card.created_at == card.updated_at is not None


def test_card_without_an_order_is_appended(atlas: Atlas, campaign: Campaign) -> None:
    def add(order: int | None) -> int | None:
        return atlas.send(CreateCard(run_id=campaign.run_id, title="x", order=order)).order

    assert campaign.card.order == 1
    assert [add(None), add(1000), add(5), add(None)] == [2, 1000, 5, 1001]


def test_cards_with_equal_order_are_in_order_of_creation(atlas: Atlas, campaign: Campaign) -> None:
    titles = [f"card {n}" for n in range(4)]
    for title in titles:
        atlas.send(CreateCard(run_id=campaign.run_id, title=title, order=9))
    run = atlas.send(GetRun(run_id=campaign.run_id))
    assert [card.title for card in run.test_cards] == [campaign.card.title, *titles]


def test_card_from_a_template_has_the_steps_of_the_template(atlas: Atlas, campaign: Campaign) -> None:
    template = atlas.store.add_template("Trip", "of the template", [TemplateStep("Arm", step_type="measurement")])
    card = atlas.send(CreateCard(run_id=campaign.run_id, template_id=template, order=3))
    assert (card.title, card.description, card.order) == ("Trip", "of the template", 3)
    assert [(step.title, step.step_type) for step in card.test_steps] == [("Arm", "measurement")]
    own = atlas.send(CreateCard(run_id=campaign.run_id, template_id=template, title="Own", description="words"))
    assert (own.title, own.description, len(own.test_steps)) == ("Own", "words", 1)


def test_update_changes_only_the_given_fields(atlas: Atlas, campaign: Campaign) -> None:
    changed = atlas.send(UpdateCard(run_id=campaign.run_id, card_id=campaign.card_id, title="New"))
    assert (changed.title, changed.description, changed.order) == ("New", "", campaign.card.order)
    assert changed.test_steps == [campaign.step]
    assert changed.updated_at is not None
    assert campaign.card.updated_at is not None
    assert changed.updated_at > campaign.card.updated_at
    assert atlas.send(UpdateCard(run_id=campaign.run_id, card_id=campaign.card_id)) == changed
    assert atlas.send(GetRun(run_id=campaign.run_id)).test_cards == [changed]


def test_steps_of_a_card_are_sorted_by_order(atlas: Atlas, campaign: Campaign) -> None:
    for order in (3000, 2000, 2000):
        atlas.send(campaign.new_step(f"at {order}", order=order))
    card = atlas.send(UpdateCard(run_id=campaign.run_id, card_id=campaign.card_id))
    assert [step.order for step in card.test_steps] == [1, 2000, 2000, 3000]
    assert atlas.send(GetRun(run_id=campaign.run_id)).test_cards == [card]


def test_deleting_a_card_deletes_its_steps_and_keeps_files_and_reports(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    run_id, card_id = campaign.run_id, campaign.card_id
    atlas.send(CreateStep(run_id=run_id, card_id=card_id, title="another step"))
    for place in (Association(test_card_id=card_id), Association(test_step_id=campaign.step_id)):
        atlas.send(RegisterDataFile(run_id=run_id, file_name="a", s3_url="s3://b/a", file_size=1, associate_with=place))
    atlas.send(CreateReport(run_id=run_id, scope="card", test_card_id=card_id))
    assert atlas.send(DeleteCard(run_id=run_id, card_id=card_id)) is None

    assert atlas.send(GetRun(run_id=run_id)).test_cards == []
    assert [file.associations for file in atlas.send(ListDataFiles(run_id=run_id)).items] == [[], []]
    assert atlas.send(ListReports(run_id=run_id)).count == 1
    summary = atlas.send(ListRuns(system_id=system)).items[0]
    assert (summary.card_count, summary.step_status_counts, summary.completion_pct) == (0, {}, 0.0)
    assert atlas.send(SearchRuns(q="another step", system_id=system, component_types=("step",))).total_count == 0
    with pytest.raises(NotFound, match=r"Test card .* not found"):
        atlas.send(CreateStep(run_id=run_id, card_id=card_id, title="x"))
