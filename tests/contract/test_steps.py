from datetime import UTC, datetime, timedelta, timezone
from typing import get_args
from uuid import UUID

import pytest

from pytest_atlas.atlas import DeleteStep, ExecutionStatus, GetRun, Invalid, ListRuns, NotFound, Step

from .conftest import Atlas, Campaign


def update(atlas: Atlas, campaign: Campaign, **changes: object) -> Step:
    return atlas.send(campaign.step_update(**changes))


def stored(atlas: Atlas, campaign: Campaign) -> Step:
    return atlas.send(GetRun(run_id=campaign.run_id)).test_cards[0].test_steps[0]


def test_new_step_has_the_status_todo(atlas: Atlas, campaign: Campaign) -> None:
    step = atlas.send(campaign.new_step("x" * 100, description="a\n\tb", step_type="measurement", order=1000))
    assert (step.title, step.description, step.step_type, step.order) == ("x" * 100, "a\n\tb", "measurement", 1000)
    assert (step.execution_status, step.exception, step.started_at, step.ended_at) == ("todo", None, None, None)
    assert (step.observations, step.test_data, step.issues, step.reports) == ([], [], [], [])
    assert step.created_at == step.updated_at is not None
    assert atlas.send(GetRun(run_id=campaign.run_id)).test_cards[0].test_steps == [campaign.step, step]


def test_missing_fields_have_the_documented_defaults(campaign: Campaign) -> None:
    assert (campaign.step.description, campaign.step.step_type, campaign.step.order) == ("", "passfail", 1)


def test_step_without_an_order_is_appended(atlas: Atlas, campaign: Campaign) -> None:
    def add(order: int | None) -> int | None:
        return atlas.send(campaign.new_step("x", order=order)).order

    assert [add(None), add(1000), add(5), add(None)] == [2, 1000, 5, 1001]


@pytest.mark.parametrize("status", get_args(ExecutionStatus))
def test_outcome_is_recorded(atlas: Atlas, campaign: Campaign, system: UUID, status: ExecutionStatus) -> None:
    step = update(atlas, campaign, execution_status=status)
    assert step.execution_status == status
    assert stored(atlas, campaign) == step
    assert atlas.send(ListRuns(system_id=system)).items[0].step_status_counts == {status: 1}


def test_times_have_microseconds_and_are_in_utc(atlas: Atlas, campaign: Campaign) -> None:
    started = datetime(2026, 4, 13, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    step = update(atlas, campaign, started_at=started, ended_at="2026-04-13T11:00:01.5Z")
    assert step.started_at == started
    assert step.started_at.utcoffset() == timedelta(0)
    assert step.ended_at == datetime(2026, 4, 13, 11, 0, 1, 500000, tzinfo=UTC)
    assert stored(atlas, campaign) == step


@pytest.mark.parametrize("year", [1900, 1969, 9999])
def test_times_of_any_year_are_kept(atlas: Atlas, campaign: Campaign, year: int) -> None:
    instant = datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert update(atlas, campaign, started_at=instant).started_at == instant


def test_update_changes_only_the_given_fields(atlas: Atlas, campaign: Campaign) -> None:
    first = update(atlas, campaign, description="why", started_at="2026-04-13T11:00:00Z")
    second = update(atlas, campaign, title="New title")
    assert second.title == "New title"
    assert (second.description, second.started_at, second.order) == ("why", first.started_at, campaign.step.order)
    assert second.created_at == campaign.step.created_at
    assert second.updated_at is not None
    assert campaign.step.updated_at is not None
    assert second.updated_at > campaign.step.updated_at
    assert update(atlas, campaign, description="").description == ""


def test_update_without_a_change_keeps_updated_at(atlas: Atlas, campaign: Campaign) -> None:
    step = update(atlas, campaign, execution_status="passed", description="x")
    assert update(atlas, campaign) == step
    assert update(atlas, campaign, execution_status="passed", description="x") == step


def test_exception_is_allowed_for_passed_with_exception_only(atlas: Atlas, campaign: Campaign) -> None:
    with pytest.raises(Invalid, match="exception") as refused:
        update(atlas, campaign, exception="ECR-118")
    assert refused.value.status == 422
    with pytest.raises(Invalid, match="exception"):
        update(atlas, campaign, exception="ECR-118", execution_status="failed")
    assert stored(atlas, campaign) == campaign.step
    step = update(atlas, campaign, exception="ECR-118", execution_status="passed_with_exception")
    assert (step.exception, step.execution_status) == ("ECR-118", "passed_with_exception")
    assert update(atlas, campaign, exception="ECR-119").exception == "ECR-119"


def test_another_status_clears_the_exception(atlas: Atlas, campaign: Campaign) -> None:
    update(atlas, campaign, exception="ECR-118", execution_status="passed_with_exception")
    assert update(atlas, campaign, execution_status="passed").exception is None
    assert stored(atlas, campaign).exception is None


def test_any_unicode_text_is_kept(atlas: Atlas, campaign: Campaign) -> None:
    text = "NUL \0, tab \t, ESC \x1b, Ω 🚀 \u202e \ufeff \U0010ffff '; DROP TABLE steps; --"
    step = update(atlas, campaign, description=text, title="🚀" * 100)
    assert (step.description, step.title) == (text, "🚀" * 100)
    assert stored(atlas, campaign) == step


def test_deleted_step_is_removed_from_its_card_and_the_counts(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    update(atlas, campaign, execution_status="failed")
    gone = DeleteStep(run_id=campaign.run_id, card_id=campaign.card_id, step_id=campaign.step_id)
    assert atlas.send(gone) is None
    assert atlas.send(GetRun(run_id=campaign.run_id)).test_cards[0].test_steps == []
    assert atlas.send(ListRuns(system_id=system)).items[0].step_status_counts == {}
    with pytest.raises(NotFound, match=r"Step .* not found"):
        atlas.send(gone)
