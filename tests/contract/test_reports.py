from html import unescape
from uuid import UUID

from pytest_atlas.atlas import CreateReport, GetReport, GetRun, ListReports, RegisterDataFile, Report
from pytest_atlas.atlas.operations import Association

from .conftest import Atlas, Campaign


def ask(atlas: Atlas, campaign: Campaign, scope: str, context: str | None = None) -> Report:
    ids = {"card": ("test_card_id",), "step": ("test_card_id", "test_step_id")}.get(scope, ())
    known = {"test_card_id": campaign.card_id, "test_step_id": campaign.step_id}
    given = {"run_id": campaign.run_id, "scope": scope, "analysis_context": context}
    return atlas.send(CreateReport.model_validate(given | {name: known[name] for name in ids}))


def test_report_has_the_counts_of_outcomes_and_the_causes_of_failures(atlas: Atlas, campaign: Campaign) -> None:
    noted = atlas.send(campaign.new_step("Trip"))
    atlas.send(campaign.new_step("Later"))
    atlas.send(campaign.step_update(execution_status="failed", description="AssertionError: 112 ms > 100 ms"))
    atlas.send(
        campaign.step_update(step_id=noted.uuid, execution_status="passed_with_exception", exception="accepted by ECR-118")
    )
    report = ask(atlas, campaign, "run", "look at the rail")
    assert (report.title, report.scope) == ("Motor Controller Acceptance Test – Run Analysis", "run")
    assert (report.status, report.summary) == ("completed", "3 steps: 1 failed, 1 passed with exception, 1 todo.")
    for words in (
        "Overvoltage protection > Apply 13V to input rail",
        "AssertionError: 112 ms > 100 ms",
        "Overvoltage protection > Trip**: accepted by ECR-118",
        "look at the rail",
    ):
        assert words in unescape(report.content)  # the local Atlas escapes Markdown in texts of users
    assert "Later" not in report.content
    assert report.created_by == campaign.run.created_by
    assert report.job_run_id


def test_report_is_listed_in_the_entity_of_its_scope(atlas: Atlas, campaign: Campaign) -> None:
    reports = {scope: ask(atlas, campaign, scope) for scope in ("run", "card", "step")}
    assert reports["card"].title == "Overvoltage protection – Card Analysis"
    assert reports["step"].title == "Apply 13V to input rail – Step Analysis"
    run = atlas.send(GetRun(run_id=campaign.run_id))
    card = run.test_cards[0]
    assert [r.uuid for r in run.reports] == [reports[scope].uuid for scope in ("run", "card", "step")]
    assert [r.uuid for r in card.reports] == [reports["card"].uuid]
    assert [r.uuid for r in card.test_steps[0].reports] == [reports["step"].uuid]
    named, whole = card.reports[0], reports["card"]
    assert (named.title, named.scope, named.status, named.summary, named.created_at) == (
        whole.title,
        whole.scope,
        whole.status,
        whole.summary,
        whole.created_at,
    )


def test_reports_are_listed_and_read_as_created(atlas: Atlas, campaign: Campaign) -> None:
    assert atlas.send(ListReports(run_id=campaign.run_id)).items == []
    reports = [ask(atlas, campaign, "run"), ask(atlas, campaign, "step")]
    listed = atlas.send(ListReports(run_id=campaign.run_id))
    assert (listed.items, listed.count) == (reports, 2)
    for report in reports:
        assert atlas.send(GetReport(run_id=campaign.run_id, report_id=UUID(report.uuid))) == report


def test_report_analyses_the_files_of_its_scope(atlas: Atlas, campaign: Campaign) -> None:
    places = {
        "run": None,
        "card": Association(test_card_id=campaign.card_id),
        "step": Association(test_step_id=campaign.step_id),
    }
    for name, place in places.items():
        atlas.send(
            RegisterDataFile(run_id=campaign.run_id, file_name=name, s3_url=f"s3://b/{name}", file_size=1, associate_with=place)
        )
    for scope, expected in (("run", ["run", "card", "step"]), ("card", ["card", "step"]), ("step", ["step"])):
        report = ask(atlas, campaign, scope)
        assert [file["file_name"] for file in report.test_data] == expected
        assert f"## Data files ({len(expected)})" in report.content


def test_report_of_an_empty_scope_has_a_message(atlas: Atlas, campaign: Campaign) -> None:
    report = ask(atlas, campaign, "step")
    assert (report.summary, report.test_data) == ("1 step: 1 todo.", [])
