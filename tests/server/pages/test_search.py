"""The search page."""

import html
import re
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.bench_history import Bench, Card, Test
from tests.support.web_client import TestClient

from pytest_atlas.atlas import CreateRun
from pytest_atlas.local import LocalAtlas

SYSTEM = UUID(int=1)
HOSTILE = "<script>alert(1)</script> rail \"'><img src=x onerror=alert(1)>{{ 7*7 }}"


@pytest.fixture
def runs(atlas: LocalAtlas, tmp_path: Path) -> None:
    bench = Bench(atlas, tmp_path, SYSTEM)
    atlas.name(SYSTEM, "Rig 1")
    for number in range(3):
        tests = [Test("test_rail[8 V]", failure="AssertionError: the rail fell" if number == 1 else ""), Test("test_b")]
        bench.run(f"Nightly {number}", [Card("Undervoltage", tests)])


def text_of(page: str) -> str:
    """Return the text of the main part, without tags."""
    main = page.partition("<main")[2].partition("</main>")[0].partition(">")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def links(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.partition("<main")[2])]


@pytest.mark.usefixtures("runs")
class TestResults:
    def test_a_test_is_one_result_with_its_history(self, client: TestClient) -> None:
        answer = client.get("/search?q=rail")
        assert answer.status_code == 200
        text = text_of(answer.text)
        assert "Results 1 to 1 of 1, the newest run first." in text
        assert "in 3 runs, failed in 1 of the last 3, the last time in TR-0002" in text
        assert "<mark>rail</mark>" in answer.text
        assert re.search(r'aria-label="Last 3 runs: (1 failed, 2 passed|2 passed, 1 failed)"', answer.text)
        assert re.search(r'href="/runs/TR-0003/steps/[0-9a-f-]{36}"', answer.text)

    def test_the_query_stays_in_the_field(self, client: TestClient) -> None:
        assert 'name="q" value="rail &#34;8&#34;"' in client.get('/search?q=rail "8"').text

    def test_each_link_to_narrow_the_results_works(self, client: TestClient) -> None:
        page = client.get("/search?q=night").text
        narrowed = [link for link in links(page) if link.startswith("/search?")]
        assert {"/search?q=night&in=run", f"/search?q=night&system={SYSTEM}"} <= set(narrowed)
        for link in narrowed:
            assert "Nightly 2" in text_of(client.get(link).text).replace("Night ly", "Nightly")
        chosen = client.get("/search?q=night&in=run").text
        assert "/search?q=night" in links(chosen), "the link of a chosen value removes the filter"

    def test_more_results_are_on_the_next_page(self, client: TestClient, atlas: LocalAtlas) -> None:
        for number in range(25):
            atlas.send(CreateRun(title=f"Smoke {number}", system_id=SYSTEM))
        first = client.get("/search?q=smoke").text
        assert "Results 1 to 20 of 25" in text_of(first)
        (more,) = (link for link in links(first) if "offset" in link)
        second = client.get(more).text
        assert "Results 21 to 25 of 25" in text_of(second)
        assert "/search?q=smoke" in links(second)

    @pytest.mark.parametrize("offset", ["-1", "x", "9" * 30, "٣", ""])
    def test_an_invalid_offset_is_ignored(self, client: TestClient, offset: str) -> None:
        assert client.get("/search", params={"q": "rail", "offset": offset}).status_code == 200

    def test_an_unknown_filter_has_no_results(self, client: TestClient) -> None:
        assert "No results with this filter." in text_of(client.get("/search?q=rail&in=nothing").text)


def test_without_a_query_the_page_explains_the_search(client: TestClient) -> None:
    assert "Enter one or more words." in text_of(client.get("/search").text)


def test_without_results_the_page_has_a_remedy(client: TestClient) -> None:
    assert "Nothing has all of these words. Use fewer words" in text_of(client.get("/search?q=zzz").text)


def test_a_long_query_is_rejected_with_the_limit(client: TestClient) -> None:
    answer = client.get("/search", params={"q": "word " * 10 + "x" * 1001})
    assert "Search for at most 100 words and 1000 characters." in text_of(answer.text)


def test_hostile_titles_texts_and_queries_are_text(client: TestClient, atlas: LocalAtlas) -> None:
    atlas.send(CreateRun(title=HOSTILE, system_id=SYSTEM, description=HOSTILE))
    for query in ("rail", HOSTILE, "alert"):
        page = client.get("/search", params={"q": query}).text
        main = page.partition("<main")[2]
        assert "<img" not in main
        assert "<script" not in main
        assert "49" not in text_of(page)
        assert "onerror" in text_of(page)
