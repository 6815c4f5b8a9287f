"""The page that compares two runs."""

import re

import pytest
from tests.server.pages.campaign import SYSTEM, Campaign, Measured
from tests.server.pages.test_measurement import HOSTILE, shown, text_of
from tests.support.bench_history import Bench, Card, Test
from tests.support.web_client import TestClient

STABLE = Measured("test_stable", "rail", (5.0,), "V", 4.9, 5.1)


@pytest.fixture
def two_runs(campaign: Campaign) -> Campaign:
    campaign.run(
        Measured("test_trip", "trip time", (90.0,), high=120), STABLE,
        tests=(
            Test("test_dip", failure="AssertionError: tripped"), Test("test_old"),
            Test("test_both", failure="ValueError: x"), Test("test_slow", seconds=1),
        ),
    )  # fmt: skip
    campaign.run(
        Measured("test_trip", "trip time", (110.0,), high=100), STABLE,
        tests=(
            Test("test_dip"), Test("test_new", failure="KeyError: 'a'"),
            Test("test_both", failure="ValueError: y"), Test("test_slow", seconds=2.5),
        ),
        card="Trip",
    )  # fmt: skip
    return campaign


def section(html: str, anchor: str) -> str:
    return text_of(html[html.index(f'id="{anchor}"') :].partition("</section>")[0])


def test_changed_outcomes_are_shown_with_both_statuses_and_the_reason(two_runs: Campaign, client: TestClient) -> None:
    html = shown(client, "/compare?a=TR-0001&b=TR-0002")
    new, fixed = section(html, "new"), section(html, "fixed")
    assert re.search(r"passed .*failed .*test_trip Trip out of limits", new)
    assert re.search(r"failed .*passed .*test_dip Trip was: AssertionError: tripped", fixed)
    assert re.search(r"failed .*failed .*test_both Trip ValueError: y", section(html, "still"))
    assert re.search(r"– .*failed .*test_new Trip KeyError: &#39;a&#39;", section(html, "first"))
    assert "1 test only in B. 1 test only in A." in text_of(html)


def test_measurements_that_moved_are_shown_with_old_and_new_limits(two_runs: Campaign, client: TestClient) -> None:
    html = shown(client, "/compare?a=TR-0001&b=TR-0002")
    moved = section(html, "shifts")
    assert re.search(r"trip time test_trip 90 ms 110 ms ≤ 120 ms ≤ 100 ms .*\+20 % 25 % −10 %", moved)
    assert "rail" not in moved
    assert 'class="was"' in html
    assert '<rect class="shift" x="74.0%" y="7" width="12.0%"' in html


def test_slower_steps_and_the_environment_are_compared(two_runs: Campaign, client: TestClient) -> None:
    html = shown(client, "/compare?a=TR-0001&b=TR-0002")
    assert re.search(r"test_slow 1\.0 s 2\.5 s \+150 %", section(html, "slower"))
    assert "Nightly <del>1</del>" in html
    assert "Nightly <ins>2</ins>" in html


def test_swapped_runs_swap_the_changes(two_runs: Campaign, client: TestClient) -> None:
    html = shown(client, "/compare?a=TR-0002&b=TR-0001")
    assert "test_dip" in section(html, "new")
    assert "test_trip" in section(html, "fixed")
    assert "None." in section(html, "slower")


def test_equal_runs_have_no_differences(two_runs: Campaign, client: TestClient) -> None:
    html = shown(client, "/compare?a=TR-0001&b=latest&x=1")
    assert "test_trip" in section(html, "new")
    same = shown(client, "/compare?a=TR-0002&b=TR-0002")
    assert [section(same, anchor).count("None.") for anchor in ("new", "fixed", "shifts", "slower")] == [1, 1, 1, 1]
    assert "No difference." in section(same, "environment")


def test_without_runs_the_newest_is_compared_with_the_one_before(two_runs: Campaign, client: TestClient) -> None:
    assert client.get("/compare").headers["location"] == "/compare?a=TR-0001&b=TR-0002"
    assert client.get("/compare?b=TR-0001").status_code == 404


@pytest.mark.parametrize("query", ["a=TR-9999&b=TR-0001", "a=TR-0001&b=nothing", "a=%3Cscript%3E&b=latest"])
def test_unknown_runs_have_a_remedy(two_runs: Campaign, client: TestClient, query: str) -> None:
    answer = client.get(f"/compare?{query}")
    assert answer.status_code == 404
    assert "There is no such run" in answer.text
    assert "<script>" not in answer.text.partition("<main")[2]


def test_many_changes_are_cut(campaign: Campaign, client: TestClient) -> None:
    for value in (1.0, 2.0):
        campaign.run(*(Measured("test_x", f"m{n}", (value + n,), "V", high=100) for n in range(20)))
    html = shown(client, "/compare?a=TR-0001&b=TR-0002")
    assert "all 20" in section(html, "shifts")
    assert section(html, "shifts").count("test_x") == 15
    assert section(shown(client, "/compare?a=TR-0001&b=TR-0002&shifts=all"), "shifts").count("test_x") == 20


def test_runs_of_two_systems_are_marked(two_runs: Campaign, client: TestClient) -> None:
    Bench(two_runs.atlas, two_runs.directory).run("Other", [Card("Trip", [Test("test_a")])])
    assert "The runs belong to different systems" in shown(client, "/compare?a=TR-0001&b=TR-0003")
    assert str(SYSTEM)


def test_texts_of_tests_are_escaped(campaign: Campaign, client: TestClient) -> None:
    for n in range(2):
        campaign.run(
            Measured(f"test_x[{HOSTILE}]", HOSTILE, (1.0 + n,), HOSTILE, high=1.5),
            card=HOSTILE, tests=(Test(HOSTILE, failure=f"{HOSTILE} {n}"), Test("test_b", failure=HOSTILE if n else "")),
        )  # fmt: skip
    html = shown(client, "/compare?a=TR-0001&b=TR-0002")
    for part in ("<script>alert", "<img src=x", " style="):
        assert part not in html
    assert html.count("&lt;script&gt;alert(1)") >= 5
