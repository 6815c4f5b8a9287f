"""The pages of measurements: one over its runs, and all of a system."""

import csv
import io
import random
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tests.server.pages.campaign import SYSTEM, Campaign, Measured
from tests.support.large_store import Shape, make, system_id
from tests.support.web_client import TestClient

from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views import measurements as views
from pytest_atlas.server.pages import measurements
from pytest_atlas.server.pages.measurement import MAX_LINKED, MAX_ROWS
from pytest_atlas.server.site import site

ALL = f"/systems/{SYSTEM}/measurements"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


def url(test: str = "test_drop[-40]", name: str = "trip time", kind: str = "measurement", **query: object) -> str:
    return f"/systems/{SYSTEM}/{kind}?{urlencode({'test': f'tests/test_trip.py::{test}', 'name': name, **query})}"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def shown(client: TestClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, text_of(answer.text)[-600:]
    return str(answer.text)


def rows(html: str) -> list[list[str]]:
    """Return the cells of the last table as text."""
    body = html.rpartition("<tbody>")[2]
    return [
        [text_of(cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


@pytest.fixture
def history(campaign: Campaign) -> Campaign:
    """A trip time that rises by 20 ms with firmware 2.4, limits that change after three runs, and two devices."""
    chance = random.Random(2)
    for n in range(24):
        values = (round(90 + chance.gauss(0, 0.5) + (20 if n >= 18 else 0), 1),)
        campaign.run(
            Measured("test_drop[-40]", "trip time", values, high=120 if n < 3 else 100),
            Measured("test_drop[25]", "trip time", (65.0 + n % 7,), high=100),
            Measured("test_drop[25]", "rail", (round(12.5 + chance.gauss(0, 0.01), 4),), "V", 12.4, 12.6),
            device="SN-2" if n % 3 else "SN-1",
            firmware="2.4" if n >= 18 else "2.3",
            bench="bench-1",
        )
    return campaign


class TestMeasurement:
    def test_the_page_names_the_violations_the_step_change_and_its_first_run(
        self, history: Campaign, client: TestClient
    ) -> None:
        text = text_of(shown(client, url()))
        assert "out of limits in 6 of 24 runs" in text
        assert re.search(r"Step change: 11\d\.?\d* ms since TR-0019, before (90|89)", text)
        assert "Limits until TR-0003: ≤ 120 ms." in text
        assert "Pooled: 2 devices, 2 firmware versions." in text
        assert "the level changed by a step" in text

    def test_each_run_is_shown_with_the_limits_that_it_recorded(self, history: Campaign, client: TestClient) -> None:
        table = rows(shown(client, url()))
        assert [row[1] for row in table] == [f"TR-{n:04}" for n in range(24, 0, -1)]
        assert [row[5] for row in table] == ["≤ 100 ms"] * 21 + ["≤ 120 ms"] * 3
        assert [row[0] for row in table] == ["failed"] * 6 + ["passed"] * 18
        assert table[0][8] == "SN-2, 2.4, bench-1"

    def test_the_plot_has_the_limits_as_recorded_and_a_shape_for_each_device(
        self, history: Campaign, client: TestClient
    ) -> None:
        html = shown(client, url())
        chart = html[html.index('role="group"') : html.index("</figure>")]
        (limit,) = re.findall(r'class="limit" d="([^"]+)"', chart)
        assert re.fullmatch(r"M0 [\d.]+H30L30 [\d.]+H240", limit)
        assert chart.count("<a href=") == 24
        assert chart.count('class="pt out"') == 6
        assert "SN-1 on bench-1" in chart
        assert "SN-2 on bench-1" in chart
        assert chart.count('class="event"') == 2

    def test_every_point_and_row_leads_to_its_step(self, history: Campaign, client: TestClient) -> None:
        assert len(re.findall(r'href="/runs/TR-\d{4}/steps/[0-9a-f-]{36}"', shown(client, url()))) == 2 * 24 + 1

    def test_a_filter_restricts_the_runs(self, history: Campaign, client: TestClient) -> None:
        html = shown(client, url(device="SN-1", last=100))
        assert len(rows(html)) == 8
        assert "<option selected>SN-1</option>" in html
        assert "Pooled: 2 firmware versions." in html
        assert "No run matches this filter" in shown(client, url(device="SN-9"))

    def test_a_capable_measurement_has_ppk_with_its_interval(self, history: Campaign, client: TestClient) -> None:
        text = text_of(shown(client, url("test_drop[25]", "rail")))
        assert re.search(r"Ppk [23]\.\d\d \d\.\d\d … \d\.\d\d, required 1\.33", text)
        assert re.search(r"Pp [23]\.\d\d ", text)

    def test_other_parameters_of_the_test_are_shown(self, history: Campaign, client: TestClient) -> None:
        html = shown(client, url())
        assert url("test_drop[25]").replace("&", "&amp;") in html
        assert url("test_drop[25]", "rail").replace("&", "&amp;") not in html

    def test_the_values_are_available_as_csv(self, history: Campaign, client: TestClient) -> None:
        answer = client.get(url(kind="measurement.csv", device="SN-1"))
        assert answer.headers["content-disposition"] == 'attachment; filename="measurement.csv"'
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["run"] for row in table][:2] == ["TR-0001", "TR-0004"]
        assert {row["device"] for row in table} == {"SN-1"}
        assert table[0]["high"] == "120.0"

    def test_multiples_of_a_unit_are_converted_and_others_are_named(self, campaign: Campaign, client: TestClient) -> None:
        for value, unit in ((5.0, "V"), (5100.0, "mV"), (7.0, "A"), (5.2, "V")):
            campaign.run(Measured("test_drop[-40]", "trip time", (value,), unit, high=6.0 if unit == "V" else 6000.0))
        html = shown(client, url())
        assert [row[4] for row in rows(html)] == ["5.2 V", "5.1 V", "5 V"]
        assert "5 … 5.2 V" in text_of(html)
        assert "Not shown: values in A, which can't be converted." in html

    def test_text_values_have_no_plot(self, campaign: Campaign, client: TestClient) -> None:
        campaign.run(Measured("test_drop[-40]", "trip time", ("armed",), ""))
        html = shown(client, url())
        assert "No value is a number" in html
        assert [row[4] for row in rows(html)] == ["armed"]

    def test_an_unknown_measurement_has_a_remedy(self, history: Campaign, client: TestClient) -> None:
        for address in (
            url(name="no such"),
            url("no_such"),
            f"/systems/{SYSTEM}/measurement",
            "/systems/nothing/measurement?test=a&name=b",
        ):
            answer = client.get(address)
            assert answer.status_code == 404
            assert "This system has no such measurement" in answer.text
            assert "atlas.measure(name, value)" in answer.text

    def test_texts_of_tests_are_escaped(self, campaign: Campaign, client: TestClient) -> None:
        for value in (1.0, 2.0):
            campaign.run(
                Measured(f"test_x[{HOSTILE}]", HOSTILE, (value,), "<b>u</b>", high=1.5),
                Measured("test_x[2]", HOSTILE, (3.0,), "=1+1"),
                device=HOSTILE, firmware=HOSTILE, bench="=cmd",
            )  # fmt: skip
        for html in (shown(client, url(f"test_x[{HOSTILE}]", HOSTILE)), shown(client, ALL)):
            for part in ("<script>alert", "<img src=x", "<b>u", " style="):
                assert part not in html
            assert "&lt;script&gt;alert(1)" in html
        table = list(csv.DictReader(io.StringIO(client.get(url("test_x[2]", HOSTILE, "measurement.csv")).text)))
        assert (table[0]["unit"], table[0]["bench"]) == ("'=1+1", "'=cmd")

    def test_many_runs_are_drawn_without_a_link_for_each(self, tmp_path: Path) -> None:
        runs = MAX_LINKED + 20
        path = make(tmp_path / "large", Shape(runs=runs, steps=1, systems=1))
        with LocalAtlas(path) as atlas, site(atlas, None, key="key") as whole:
            client = TestClient(whole, base_url="http://localhost:8765")
            query = urlencode({"test": "tests/hil/test_0.py::TestTrip::test_trip[0]", "name": "trip time", "last": 1000})
            html = shown(client, f"/systems/{system_id(0)}/measurement?{query}")
        dots = re.findall(r'class="dots[^"]*" d="([^"]*)"', html)
        assert sum(path.count("h0") for path in dots) == runs
        assert len(rows(html)) == MAX_ROWS
        assert f"{runs - MAX_ROWS} older runs" in html


class TestMeasurements:
    def test_the_smallest_margin_is_first(self, history: Campaign, client: TestClient) -> None:
        table = rows(shown(client, ALL))
        assert [row[1] for row in table] == ["trip time test_drop[-40]", "trip time test_drop[25]", "rail test_drop[25]"]
        assert table[0][0] == "failed"
        assert re.fullmatch(r"\+(19|20)(\.\d)? ms since TR-0019", table[0][7])
        assert [row[9] for row in table] == ["24", "24", "24"]

    @pytest.mark.parametrize(
        ("sort", "first"), [("name", "rail"), ("ppk", "rail"), ("change", "trip time"), ("?", "trip time")]
    )
    def test_the_table_can_be_sorted(self, history: Campaign, client: TestClient, sort: str, first: str) -> None:
        html = shown(client, f"{ALL}?sort={sort}")
        assert rows(html)[0][1].startswith(first)
        assert html.count("aria-sort") == 1

    def test_a_low_ppk_is_marked_and_a_reason_takes_its_place(
        self, history: Campaign, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ATLAS_PPK", "9")
        html = shown(client, ALL)
        assert re.search(r'<b class="is failed">[23]\.\d\d</b>', html)
        assert "the level changed by a step" in html

    def test_the_text_filter_searches_names_and_tests(self, history: Campaign, client: TestClient) -> None:
        assert [row[1] for row in rows(shown(client, f"{ALL}?text=RAIL"))] == ["rail test_drop[25]"]
        assert len(rows(shown(client, f"{ALL}?text=drop[25]"))) == 2
        assert "No measurement has “zzz”" in shown(client, f"{ALL}?text=zzz")

    def test_a_system_with_many_values_is_read_in_parts(
        self, history: Campaign, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(views, "MAX_VALUES", 5)
        monkeypatch.setattr(measurements, "PAGE_ROWS", 2)
        html = shown(client, ALL)
        assert "a measurement that is not in the last 1 run is missing" in text_of(html)
        assert [(row[1].split()[-1], row[9]) for row in rows(html)] == [("test_drop[-40]", "24"), ("test_drop[25]", "24")]
        second = re.search(r'href="([^"]+page=2)">Next page', html)
        assert second is not None
        assert [row[1] for row in rows(shown(client, second[1].replace("&amp;", "&")))] == ["rail test_drop[25]"]
        assert rows(shown(client, f"{ALL}?sort=ppk"))[0][1] == "rail test_drop[25]"

    def test_the_navigation_leads_to_the_only_system_or_to_a_list(self, history: Campaign, client: TestClient) -> None:
        assert client.get("/measurements").headers["location"] == ALL

    def test_empty_stores_name_the_command_that_records(self, client: TestClient) -> None:
        assert "atlas.measure(" in shown(client, "/measurements")
        assert "This system has no runs" in client.get(ALL).text

    def test_a_system_without_measurements_names_the_call(self, campaign: Campaign, client: TestClient) -> None:
        campaign.run()
        assert "This system has no measurements" in shown(client, ALL)
