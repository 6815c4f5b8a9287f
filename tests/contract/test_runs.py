from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from pytest_atlas.atlas import (
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    DeleteRun,
    GetRun,
    ListRuns,
    NotFound,
    Operation,
    RegisterDataFile,
    Run,
    SearchRuns,
    UpdateRun,
    UpdateStep,
)
from pytest_atlas.local import TemplateStep

from .conftest import Atlas, Campaign


def create(atlas: Atlas, system: UUID, title: str = "A run") -> Run:
    return atlas.send(CreateRun(title=title, system_id=system))


def test_new_run_has_only_the_given_values(atlas: Atlas, system: UUID) -> None:
    before = datetime.now(UTC)
    run = atlas.send(CreateRun(title="Motor – Ω ∞ 🚀", system_id=system, description="two\nlines"))
    assert (run.title, run.description, run.system_id) == ("Motor – Ω ∞ 🚀", "two\nlines", str(system))
    assert (run.test_cards, run.test_data, run.reports) == ([], [], [])
    assert run.contributors == [run.created_by] != [""]
    assert run.created_at is not None
    assert before - timedelta(seconds=1) <= run.created_at <= datetime.now(UTC)
    assert run.updated_at == run.created_at
    assert UUID(run.uuid).version == 4


def test_missing_description_is_empty(atlas: Atlas, system: UUID) -> None:
    assert create(atlas, system).description == ""


def test_each_run_has_the_next_reference(atlas: Atlas, system: UUID) -> None:
    numbers = [int(create(atlas, system).test_run_id.removeprefix("TR-")) for _ in range(3)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert len(create(atlas, system).test_run_id) >= len("TR-0042")


def test_reference_of_a_deleted_run_is_not_reused(atlas: Atlas, system: UUID) -> None:
    gone = create(atlas, system)
    atlas.send(DeleteRun(run_id=UUID(gone.uuid)))
    assert create(atlas, system).test_run_id != gone.test_run_id


def test_names_of_systems_and_assets_are_shown(atlas: Atlas, system: UUID) -> None:
    asset, nameless = uuid4(), uuid4()
    assert create(atlas, system).system_name == f"System {str(system)[:8]}"
    atlas.store.name(system, "Power Distribution Unit")
    atlas.store.name(asset, "Rig 7")
    atlas.send(CreateRun(title="x", system_id=system, asset_ids=(asset, nameless), issue_ids=(uuid4(),)))
    summary = atlas.send(ListRuns(system_id=system)).items[0]
    assert summary.system_name == "Power Distribution Unit"
    assert (summary.asset_names, summary.asset_count, summary.issue_count) == (["Rig 7", str(nameless)], 2, 1)


def test_templates_become_cards_with_their_steps_in_the_order_given(atlas: Atlas, system: UUID) -> None:
    over = atlas.store.add_template("Overvoltage", "how it trips", [TemplateStep("Arm", "the scope"), TemplateStep("Fire")])
    under = atlas.store.add_template("Undervoltage")
    run = atlas.send(CreateRun(title="x", system_id=system, template_ids=(under, over, under)))
    assert [(card.title, card.order) for card in run.test_cards] == [
        ("Undervoltage", 1),
        ("Overvoltage", 2),
        ("Undervoltage", 3),
    ]
    card = run.test_cards[1]
    assert card.description == "how it trips"
    assert [(s.title, s.description, s.order, s.execution_status) for s in card.test_steps] == [
        ("Arm", "the scope", 1, "todo"),
        ("Fire", "", 2, "todo"),
    ]
    assert atlas.send(GetRun(run_id=UUID(run.uuid))) == run


def test_update_changes_only_the_given_fields(atlas: Atlas, campaign: Campaign) -> None:
    changed = atlas.send(UpdateRun(run_id=campaign.run_id, description="Rev 2"))
    assert (changed.title, changed.description) == (campaign.run.title, "Rev 2")
    assert changed.created_at == campaign.run.created_at
    assert changed.updated_at is not None
    assert campaign.run.updated_at is not None
    assert changed.updated_at > campaign.run.updated_at
    assert [card.uuid for card in changed.test_cards] == [campaign.card.uuid]
    assert atlas.send(UpdateRun(run_id=campaign.run_id)) == changed
    assert atlas.send(UpdateRun(run_id=campaign.run_id, title="T", description="")).description == ""
    assert atlas.send(GetRun(run_id=campaign.run_id)).title == "T"


def test_run_is_read_with_all_entities_in_order(atlas: Atlas, campaign: Campaign) -> None:
    run_id = campaign.run_id
    first = atlas.send(CreateCard(run_id=run_id, title="first", order=0))
    last = atlas.send(CreateCard(run_id=run_id, title="last", order=3000))
    for order in (2000, 1000):
        atlas.send(CreateStep(run_id=run_id, card_id=UUID(last.uuid), title=f"at {order}", order=order))
    run = atlas.send(GetRun(run_id=run_id))
    assert [card.uuid for card in run.test_cards] == [first.uuid, campaign.card.uuid, last.uuid]
    assert [step.title for step in run.test_cards[2].test_steps] == ["at 1000", "at 2000"]
    assert run.test_cards[1].test_steps == [campaign.step]


def test_deleting_a_run_deletes_all_entities_in_it(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    atlas.send(RegisterDataFile(run_id=campaign.run_id, file_name="a.csv", s3_url="s3://b/a.csv", file_size=1))
    atlas.send(CreateReport(run_id=campaign.run_id, scope="run"))
    assert atlas.send(SearchRuns(q="overvoltage", system_id=system)).total_count == 1
    assert atlas.send(DeleteRun(run_id=campaign.run_id)) is None
    assert atlas.send(ListRuns(system_id=system)).items == []
    assert atlas.send(SearchRuns(q="overvoltage", system_id=system)).total_count == 0
    ops: tuple[Operation[Any], ...] = (GetRun(run_id=campaign.run_id), DeleteRun(run_id=campaign.run_id))
    for gone in ops:
        with pytest.raises(NotFound):
            atlas.send(gone)


class TestListing:
    def test_shows_the_newest_first_and_only_the_systems_own(self, atlas: Atlas, system: UUID) -> None:
        runs = [create(atlas, system, f"run {n}") for n in range(3)]
        create(atlas, uuid4(), "of another system")
        listed = atlas.send(ListRuns(system_id=system))
        assert [item.uuid for item in listed.items] == [run.uuid for run in reversed(runs)]
        assert listed.count == 3
        everything = [item.uuid for item in atlas.send(ListRuns()).items]
        assert len(everything) > 3
        assert {run.uuid for run in runs} <= set(everything)

    def test_bounds_are_inclusive(self, atlas: Atlas, system: UUID) -> None:
        old, new = create(atlas, system), create(atlas, system)
        assert old.created_at is not None
        assert new.created_at is not None
        tick = timedelta(microseconds=1)
        for after, before, expected in (
            (old.created_at, None, [new, old]),
            (old.created_at + tick, None, [new]),
            (None, new.created_at, [new, old]),
            (None, new.created_at - tick, [old]),
            (new.created_at + tick, None, []),
            (old.created_at, old.created_at, [old]),
        ):
            listed = atlas.send(ListRuns(system_id=system, created_after=after, created_before=before))
            assert [item.uuid for item in listed.items] == [run.uuid for run in expected], (after, before)

    def test_runs_with_and_without_reports_can_be_told_apart(self, atlas: Atlas, system: UUID) -> None:
        without, with_report = create(atlas, system), create(atlas, system)
        atlas.send(CreateReport(run_id=UUID(with_report.uuid), scope="run"))
        for has_reports, expected in ((True, [with_report]), (False, [without]), (None, [with_report, without])):
            listed = atlas.send(ListRuns(system_id=system, has_reports=has_reports))
            assert [item.uuid for item in listed.items] == [run.uuid for run in expected], has_reports

    def test_counts_are_those_of_the_run(self, atlas: Atlas, campaign: Campaign, system: UUID) -> None:
        run_id, card_id = campaign.run_id, campaign.card_id
        for n in range(3):
            step = atlas.send(CreateStep(run_id=run_id, card_id=card_id, title=f"step {n}"))
            passed = UpdateStep(run_id=run_id, card_id=card_id, step_id=UUID(step.uuid), execution_status="passed")
            atlas.send(passed)
            atlas.send(passed)
        atlas.send(RegisterDataFile(run_id=run_id, file_name="a.csv", s3_url="s3://b/a.csv", file_size=1))
        atlas.send(CreateReport(run_id=run_id, scope="run"))
        summary = atlas.send(ListRuns(system_id=system)).items[0]
        assert (summary.completion_pct, summary.step_status_counts) == (0.75, {"todo": 1, "passed": 3})
        assert (summary.card_count, summary.file_count, summary.report_count) == (1, 1, 1)
        assert (summary.asset_names, summary.asset_count, summary.issue_count) == ([], 0, 0)
        assert (summary.contributors, summary.created_by) == (campaign.run.contributors, campaign.run.created_by)

    def test_run_without_steps_is_not_complete(self, atlas: Atlas, system: UUID) -> None:
        create(atlas, system)
        summary = atlas.send(ListRuns(system_id=system)).items[0]
        assert (summary.completion_pct, summary.step_status_counts) == (0.0, {})
