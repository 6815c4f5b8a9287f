from uuid import UUID

import pytest

from pytest_atlas.atlas import (
    CreateReport,
    DeleteDataFile,
    GetReport,
    GetRun,
    ListDataFiles,
    ListRuns,
    NotFound,
    RegisterDataFile,
)
from pytest_atlas.atlas.models import DataFile
from pytest_atlas.atlas.operations import Association

from .conftest import Atlas, Campaign


def register(atlas: Atlas, campaign: Campaign, name: str = "log.csv", **more: object) -> DataFile:
    given = {"run_id": campaign.run_id, "file_name": name, "s3_url": f"s3://bucket/a b/{name}", "file_size": 204800}
    return atlas.send(RegisterDataFile.model_validate(given | more))


def test_registered_file_has_the_given_values(atlas: Atlas, campaign: Campaign) -> None:
    file = register(atlas, campaign, content_type="text/csv", file_size=5 * 2**40)
    assert (file.file_name, file.s3_url) == ("log.csv", "s3://bucket/a b/log.csv")
    assert (file.file_size, file.content_type) == (5 * 2**40, "text/csv")
    assert (file.uploaded_by, file.associations) == (campaign.run.created_by, [])
    assert file.created_at is not None
    assert register(atlas, campaign).content_type == "application/octet-stream"


def test_files_of_a_run_are_listed_in_order_of_registration(atlas: Atlas, campaign: Campaign) -> None:
    assert atlas.send(ListDataFiles(run_id=campaign.run_id)).count == 0
    files = [
        register(atlas, campaign, "1"),
        register(atlas, campaign, "2", associate_with=Association(test_step_id=campaign.step_id)),
        register(atlas, campaign, "1"),
    ]
    listed = atlas.send(ListDataFiles(run_id=campaign.run_id))
    assert (listed.items, listed.count) == (files, 3)
    assert atlas.send(GetRun(run_id=campaign.run_id)).test_data == files


def test_file_is_in_its_run_card_and_step(atlas: Atlas, campaign: Campaign) -> None:
    card_id, step_id = campaign.card_id, campaign.step_id
    of_card = register(atlas, campaign, "card", associate_with=Association(test_card_id=card_id))
    of_step = register(atlas, campaign, "step", associate_with=Association(test_step_id=step_id))
    both = register(atlas, campaign, "both", associate_with=Association(test_card_id=card_id, test_step_id=step_id))
    of_run = register(atlas, campaign, "nothing", associate_with=Association())
    assert of_card.associations == [{"test_card_id": str(card_id), "test_step_id": None}]
    assert of_step.associations == [{"test_card_id": None, "test_step_id": str(step_id)}]
    assert both.associations == [{"test_card_id": str(card_id), "test_step_id": str(step_id)}]
    assert of_run.associations == []
    card = atlas.send(GetRun(run_id=campaign.run_id)).test_cards[0]
    assert card.test_data == [of_card, both]
    assert card.test_steps[0].test_data == [of_step, both]


def test_deleted_file_is_removed_from_run_step_and_report(atlas: Atlas, campaign: Campaign, system: UUID) -> None:
    file = register(atlas, campaign, associate_with=Association(test_step_id=campaign.step_id))
    report = atlas.send(CreateReport(run_id=campaign.run_id, scope="run"))
    assert report.test_data == [file.model_dump(mode="json")]
    gone = DeleteDataFile(run_id=campaign.run_id, file_id=UUID(file.uuid))
    assert atlas.send(gone) is None
    run = atlas.send(GetRun(run_id=campaign.run_id))
    assert (run.test_data, run.test_cards[0].test_steps[0].test_data) == ([], [])
    assert atlas.send(ListRuns(system_id=system)).items[0].file_count == 0
    assert atlas.send(GetReport(run_id=campaign.run_id, report_id=UUID(report.uuid))).test_data == []
    with pytest.raises(NotFound, match=r"Data file .* not found"):
        atlas.send(gone)
