"""The pages of reports, and the form that requests one."""

import re
from uuid import UUID, uuid4

import pytest
from tests.server.pages.campaign import Campaign, Measured
from tests.server.pages.conftest import Browse
from tests.server.pages.test_measurement import HOSTILE, shown, text_of
from tests.support.bench_history import Test
from tests.support.web_client import TestClient

from pytest_atlas.atlas import CreateReport, GetRun
from pytest_atlas.local.reports import ABANDONED_US
from pytest_atlas.server.pages.reports import rendered

UNKNOWN = UUID("00000000-0000-4000-8000-000000000001")
ORIGIN = {"Origin": "http://localhost:8765"}


@pytest.fixture
def run(campaign: Campaign) -> Campaign:
    campaign.run(
        Measured("test_trip", "trip time", (110.0,), high=100), tests=(Test("test_dip", failure="AssertionError: tripped"),)
    )
    return campaign


def request(client: TestClient, of: str = "run", context: str = "", headers: dict[str, str] = ORIGIN) -> "tuple[int, str]":
    answer = client.post("/runs/TR-0001/reports", data={"of": of, "analysis_context": context}, headers=headers)
    return answer.status_code, answer.headers.get("location", answer.text)


class TestMarkdown:
    def test_tables_lists_and_headings_are_rendered(self) -> None:
        html = rendered("# Title\n\nText **bold**\n\n## Part\n\n| a | b |\n| --- | ---: |\n| 1 | 2 |\n\n- x\n", "Title")
        assert "<h1" not in html
        assert "<h2>Part</h2>" in html
        assert '<td class="num">2</td>' in html
        assert "<strong>bold</strong>" in html
        assert "<li>x</li>" in html

    def test_another_first_heading_is_kept_below_the_title(self) -> None:
        assert "<h2>Other</h2>" in rendered("# Other\n\nText", "Title")

    @pytest.mark.parametrize(
        "text",
        [
            HOSTILE, "<details open ontoggle=alert(1)>", "![x](http://example.com/a.png)", "![x](javascript:alert(1))",
            "[x](javascript:alert(1))", "[x](data:text/html,<script>alert(1)</script>)", "[x](vbscript:x)",
            "<javascript:alert(1)>",
            "| a |\n| :-: |\n| <img src=x onerror=alert(1)> |", "```<script>\nalert(1)\n```",
            '[x](/ "\\"onmouseover=alert(1)")',
            "<!-- -->\n<style>*{display:none}</style>", "http://example.com/auto",
        ],
    )  # fmt: skip
    def test_hostile_text_stays_text(self, text: str) -> None:
        html = rendered(text, "Title")
        tags = {tag.lower() for tag in re.findall(r"<([a-zA-Z0-9]+)", html)}
        assert tags <= {"p", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "a", "br"}
        for tag in re.findall(r"<[^>]*>", html):
            assert not re.search(r"\son\w+\s*=|style=|href=\"(?!/\"|http:)|src=", re.sub(r'title="[^"]*"', "", tag))


class TestReport:
    def test_the_form_creates_a_report_and_shows_it(self, run: Campaign, client: TestClient) -> None:
        status, place = request(client, context="the trip time")
        assert status == 303
        html = shown(client, place)
        assert "<h2>Failed (2)</h2>" in html
        assert "Guidance: the trip time" in html
        assert html.count("<h1") == 1
        assert "completed" in text_of(html)
        assert "1 report" not in html

    def test_the_subject_can_be_a_card_or_a_step(self, run: Campaign, client: TestClient) -> None:
        (card,) = run.atlas.send(GetRun(run_id=run.runs[0])).test_cards
        form = shown(client, f"/runs/latest/reports?of=step:{card.test_steps[1].uuid}")
        assert f'<option value="step:{card.test_steps[1].uuid}" selected>test_dip</option>' in form
        assert f'<option value="card:{card.uuid}">Trip</option>' in form
        for of, subject in ((f"card:{card.uuid}", "Trip"), (f"step:{card.test_steps[1].uuid}", "test_dip")):
            status, place = request(client, of)
            assert status == 303
            assert f"About {subject}" in text_of(shown(client, place))
        listed = shown(client, "/runs/TR-0001/reports")
        assert listed.count("/runs/TR-0001/reports/") == 2

    def test_the_form_of_the_run_page_names_the_scope(self, run: Campaign, client: TestClient) -> None:
        answer = client.post("/runs/TR-0001/reports", data={"scope": "run", "analysis_context": ""}, headers=ORIGIN)
        assert answer.status_code == 303

    @pytest.mark.parametrize(
        ("of", "status"),
        [
            ("card:nothing", 404),
            (f"card:{UNKNOWN}", 404),
            (f"step:{UNKNOWN}", 404),
            ("step:", 404),
            ("card:", 404),
            ("system:x", 400),
        ],
    )
    def test_an_unknown_subject_is_rejected(self, run: Campaign, client: TestClient, of: str, status: int) -> None:
        assert request(client, of)[0] == status

    def test_a_request_from_another_site_is_rejected(self, run: Campaign, client: TestClient) -> None:
        assert request(client, headers={"Origin": "http://evil.example"})[0] == 403
        assert request(client, headers={})[0] == 403
        assert "No reports yet" in shown(client, "/runs/TR-0001/reports")

    def test_a_read_only_server_has_no_form(self, run: Campaign, browse: Browse) -> None:
        client = browse(read_only=True)
        for address in ("/runs/TR-0001/reports",):
            assert 'method="post"' not in shown(client, address)
        status, text = request(client)
        assert (status, "This server is read-only" in text) == (403, True)

    def test_unknown_reports_and_runs_have_a_remedy(self, run: Campaign, client: TestClient) -> None:
        for address in ("/runs/TR-0001/reports/nothing", f"/runs/TR-0001/reports/{uuid4()}", "/runs/TR-0009/reports"):
            assert client.get(address).status_code == 404

    def test_a_report_of_another_run_is_not_shown(self, run: Campaign, client: TestClient) -> None:
        run.run()
        place = request(client)[1]
        assert client.get(place.replace("TR-0001", "TR-0002")).status_code == 404

    def test_a_report_that_was_never_completed_has_failed(self, run: Campaign, client: TestClient) -> None:
        made = run.atlas.send(CreateReport(run_id=run.runs[0], scope="run"))
        with run.atlas.transaction():
            run.atlas._db.execute("UPDATE reports SET status = 'pending', content = ''")
        address = f"/runs/TR-0001/reports/{made.uuid}"
        assert "The report is not complete yet" in shown(client, address)
        with run.atlas.transaction():
            run.atlas._db.execute("UPDATE reports SET created_at = created_at - ?", (ABANDONED_US + 1_000_000,))
        assert "The process of the analysis ended too early" in shown(client, address)

    def test_texts_of_tests_are_escaped(self, campaign: Campaign, client: TestClient) -> None:
        campaign.run(
            Measured(HOSTILE, HOSTILE, (2.0,), HOSTILE, high=1.5), card=HOSTILE, tests=(Test(HOSTILE, failure=HOSTILE),)
        )
        place = request(client, context=HOSTILE)[1]
        for html in (shown(client, place), shown(client, "/runs/TR-0001/reports")):
            for part in ("<script>alert", "<img src=x", " style="):
                assert part not in html
