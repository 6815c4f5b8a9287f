"""A user's script without conversions. `mypy --strict` checks it with all tests; test_typed_script.py runs it.

mypy reports an unused `type: ignore`, so that each one here asserts that the type checker finds an error.
"""

from typing import assert_type

from pytest_atlas import atlas as api
from pytest_atlas.atlas import CreateCard, CreateReport, CreateRun, CreateStep, GetReport, GetRun, ListRuns, UpdateStep
from pytest_atlas.atlas.statuses import ExecutionStatus, ReportStatus


def record(atlas: api.SyncAtlas, system: str) -> api.Run:
    """Record a run with one failed step, and request its report."""
    run = atlas.send(CreateRun(title="Acceptance", system_id=system))
    card = atlas.send(CreateCard(run_id=run.uuid, title="Overvoltage"))
    for title in ("Apply 13 V", "Apply 14 V"):
        step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title=title))
        status: ExecutionStatus = "failed" if title.endswith("14 V") else "passed"
        atlas.send(UpdateStep(run_id=run.uuid, card_id=card.uuid, step_id=step.uuid, execution_status=status))
    report = atlas.send(CreateReport(run_id=run.uuid, scope="card", test_card_id=card.uuid))
    assert_type(atlas.send(GetReport(run_id=run.uuid, report_id=report.uuid)).status, ReportStatus)
    return assert_type(atlas.send(GetRun(run_id=run.uuid)), api.Run)


def failures(atlas: api.SyncAtlas, reference: str, system: str) -> list[str]:
    """Return the titles of the failed steps of a run."""
    (summary,) = atlas.send(ListRuns(system_id=system)).items
    run = api.find_run(atlas, reference, summary.system_id)
    assert atlas.send(GetRun(run_id=summary.uuid)) == run
    return [step.title for _, step in api.iter_steps(run, status="failed") if step.execution_status != "passed"]


def mistakes(run: api.Run) -> int:
    """Count the steps with a misspelt status."""
    found = len(list(api.iter_steps(run, status="fail")))  # type: ignore[arg-type]
    for _, step in api.iter_steps(run):
        if step.execution_status == "fail":  # type: ignore[comparison-overlap]
            found += 1
    return found


def atlases(client: api.AtlasClient, async_client: api.AsyncAtlasClient) -> tuple[api.SyncAtlas, api.AsyncAtlas]:
    """Return both clients as their protocols."""
    return client, async_client


def ids_of_responses(run: api.Run, card: api.Card, step: api.Step, file: api.DataFile, report: api.Report) -> list[object]:
    """Build each operation that takes an id, with the ids of responses."""
    place = api.Association(test_card_id=card.uuid, test_step_id=step.uuid)
    return [
        CreateRun(title="t", system_id=run.system_id, asset_ids=(card.uuid,), issue_ids=(step.uuid,), template_ids=(run.uuid,)),
        ListRuns(system_id=run.system_id),
        api.SearchRuns(q="t", system_id=run.system_id),
        GetRun(run_id=run.uuid),
        api.UpdateRun(run_id=run.uuid),
        api.DeleteRun(run_id=run.uuid),
        api.RegisterDataFile(run_id=run.uuid, file_name="f", s3_url="s3://b/f", file_size=1, associate_with=place),
        api.ListDataFiles(run_id=run.uuid),
        api.DeleteDataFile(run_id=run.uuid, file_id=file.uuid),
        CreateCard(run_id=run.uuid, template_id=card.uuid),
        api.UpdateCard(run_id=run.uuid, card_id=card.uuid),
        api.DeleteCard(run_id=run.uuid, card_id=card.uuid),
        CreateStep(run_id=run.uuid, card_id=card.uuid, title="t"),
        UpdateStep(run_id=run.uuid, card_id=card.uuid, step_id=step.uuid),
        api.DeleteStep(run_id=run.uuid, card_id=card.uuid, step_id=step.uuid),
        api.ListReports(run_id=run.uuid),
        GetReport(run_id=run.uuid, report_id=report.uuid),
        CreateReport(run_id=run.uuid, scope="step", test_card_id=card.uuid, test_step_id=step.uuid),
    ]
