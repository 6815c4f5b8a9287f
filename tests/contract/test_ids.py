"""Ids and statuses: those of responses are accepted as they are, and unknown ones never make a response unreadable."""

import sqlite3
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from pytest_atlas import atlas as api
from pytest_atlas.atlas import (
    OPERATIONS,
    Association,
    CreateReport,
    CreateStep,
    GetReport,
    GetRun,
    ListDataFiles,
    ListRuns,
    RegisterDataFile,
    Report,
    ReportSummary,
    Run,
    RunNotFound,
    SearchRuns,
    UpdateStep,
    find_run,
    iter_steps,
)

from .conftest import Atlas, Campaign

FORMS = ["{}", "{{{}}}", "urn:uuid:{}", " no hyphens", "upper case"]


def written(uuid: str, form: str) -> str:
    match form:
        case " no hyphens":
            return uuid.replace("-", "")
        case "upper case":
            return uuid.upper()
        case _:
            return form.format(uuid)


def test_every_id_of_a_response_is_accepted_by_every_operation(atlas: Atlas, campaign: Campaign) -> None:
    run, card, step = campaign.run, campaign.card, campaign.step
    file = atlas.send(
        RegisterDataFile(
            run_id=run.uuid, file_name="a", s3_url="s3://b/a", file_size=1, associate_with=Association(test_step_id=step.uuid)
        )
    )
    report = atlas.send(CreateReport(run_id=run.uuid, scope="step", test_card_id=card.uuid, test_step_id=step.uuid))
    atlas.send(UpdateStep(run_id=run.uuid, card_id=card.uuid, step_id=step.uuid, execution_status="failed"))
    assert atlas.send(ListDataFiles(run_id=run.uuid)).items == [file]
    assert atlas.send(GetReport(run_id=run.uuid, report_id=report.uuid)).uuid == report.uuid
    (listed,) = atlas.send(ListRuns(system_id=run.system_id)).items
    (found,) = atlas.send(SearchRuns(q="input rail", system_id=run.system_id)).results
    assert listed.uuid == found.test_run.uuid == run.uuid
    assert [step.uuid for _, step in iter_steps(atlas.send(GetRun(run_id=listed.uuid)), status="failed")] == [step.uuid]


@pytest.mark.parametrize("form", FORMS)
def test_an_id_is_sent_in_canonical_form(atlas: Atlas, campaign: Campaign, form: str) -> None:
    run_id, card_id = written(campaign.run.uuid, form), written(campaign.card.uuid, form)
    operation = CreateStep(run_id=run_id, card_id=card_id, title="x")
    assert operation.url_path() == f"/test-runs/{campaign.run.uuid}/cards/{campaign.card.uuid}/steps"
    assert operation.run_id == UUID(campaign.run.uuid)
    assert atlas.send(operation).title == "x"


IDS = [(kind, name) for kind in OPERATIONS for name in kind.model_fields if name.endswith("_id")]


@pytest.mark.parametrize(("kind", "name"), IDS)
@pytest.mark.parametrize("wrong", ["TR-0042", "", "../runs", 42])
def test_an_id_that_is_not_a_uuid_is_rejected_before_it_is_sent(kind: Any, name: str, wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({name: wrong})
    (message,) = (error["msg"] for error in caught.value.errors() if error["loc"] == (name,))
    assert "Input should be a UUID" in message
    assert "find_run()" in message


def test_a_reference_is_found_by_listing(atlas: Atlas, campaign: Campaign) -> None:
    sender: api.SyncAtlas = atlas.sender
    expected = atlas.send(GetRun(run_id=campaign.run.uuid))
    assert find_run(sender, campaign.run.test_run_id, campaign.run.system_id) == expected
    assert find_run(sender, campaign.run.uuid) == expected
    with pytest.raises(RunNotFound):
        find_run(sender, "TR-99999999", campaign.run.system_id)


def test_unknown_statuses_and_ids_are_kept_as_received() -> None:
    step = {"uuid": "step-7", "execution_status": "Blocked"}
    received = {
        "uuid": "run/1",
        "system_id": 42,
        "test_run_id": 7,
        "test_cards": [{"uuid": "CARD", "test_steps": [step]}],
        "reports": [{"uuid": "r", "status": "queued", "scope": "system"}],
    }
    run = Run.model_validate(received)
    assert (run.uuid, run.system_id, run.test_run_id) == ("run/1", "42", "7")
    assert [(card.uuid, step.uuid, step.execution_status) for card, step in iter_steps(run)] == [("CARD", "step-7", "Blocked")]
    assert [(report.status, report.scope) for report in run.reports] == [("queued", "system")]
    assert run.model_dump(mode="json")["test_cards"][0]["test_steps"][0]["execution_status"] == "Blocked"
    report = Report.model_validate({"uuid": "x", "status": "archived", "scope": "asset", "job_run_id": "job-1"})
    assert (report.status, report.scope, report.job_run_id) == ("archived", "asset", "job-1")
    assert ReportSummary().status == ""


def test_a_step_with_an_unknown_status_is_read_as_stored(atlas: Atlas, campaign: Campaign) -> None:
    with closing(sqlite3.connect(atlas.store.path)) as db, db:
        db.execute("UPDATE steps SET execution_status = 'Blocked' WHERE uuid = ?", (campaign.step.uuid,))
    run = atlas.send(GetRun(run_id=campaign.run.uuid))
    assert [step.execution_status for _, step in iter_steps(run)] == ["Blocked"]
