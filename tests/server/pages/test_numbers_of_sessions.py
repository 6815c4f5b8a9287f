"""The pages of numbers over real sessions that were published into a local Atlas."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlencode

import pytest
from tests.server.pages.test_measurement import rows, shown, text_of
from tests.support.events import SYSTEM
from tests.support.inner import Project
from tests.support.web_client import TestClient

from pytest_atlas.local import LocalAtlas
from pytest_atlas.server.site import site

TEST = """
import pytest

class TestTrip:
    attempts = 0

    @pytest.mark.parametrize("volts", [13.0, 14.0])
    def test_trip(self, atlas, volts):
        atlas.measure("trip time", TIME_MS + volts, unit="ms", high=100)

    @pytest.mark.flaky(reruns=1)
    def test_again(self, atlas):
        TestTrip.attempts += 1
        atlas.measure("offset", 50 if TestTrip.attempts == 1 else 3, unit="mV", high=10)
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Two sessions: in the second one, the trip time is 10 ms longer, so that two tests fail."""
    project = Project(tmp_path_factory.mktemp("project"))
    for time_ms, code in ((78.0, 0), (88.0, 1)):
        project.write("test_a.py", TEST.replace("TIME_MS", str(time_ms)))
        ended = project.pytest("--atlas-system", SYSTEM, "-p", "pytest_rerunfailures")
        assert ended.code == code, ended.out
    with ExitStack() as stack:
        atlas = stack.enter_context(LocalAtlas(project.root / ".atlas" / "atlas.db"))
        whole = stack.enter_context(site(atlas, None))
        yield TestClient(whole, base_url="http://localhost:8765", follow_redirects=False)


def url(test: str, name: str) -> str:
    return f"/systems/{SYSTEM}/measurement?{urlencode({'test': f'test_a.py::TestTrip::{test}', 'name': name})}"


def test_a_measurement_has_the_values_of_both_sessions(client: TestClient) -> None:
    html = shown(client, url("test_trip[14.0]", "trip time"))
    table = rows(html)
    assert [(row[0], row[1], row[4], row[5]) for row in table] == [
        ("failed", "TR-0002", "102 ms", "≤ 100 ms"),
        ("passed", "TR-0001", "92 ms", "≤ 100 ms"),
    ]
    assert "out of limits in 1 of 2 runs" in text_of(html)
    assert "test_trip[13.0]" in html


def test_superseded_attempts_do_not_count(client: TestClient) -> None:
    html = shown(client, url("test_again", "offset"))
    assert [row[4] for row in rows(html)] == ["3 mV", "3 mV"]
    assert "50" not in re.sub(r"\D", " ", text_of(html.partition("<main")[2].partition("Run by run")[0])).split()


def test_all_measurements_are_listed(client: TestClient) -> None:
    assert [row[1].split()[0] for row in rows(shown(client, f"/systems/{SYSTEM}/measurements"))] == ["trip", "trip", "offset"]


def test_both_sessions_are_compared(client: TestClient) -> None:
    html = shown(client, "/compare?a=TR-0001&b=TR-0002")
    assert re.search(r"<b>2</b> newly failing", html)
    assert re.search(r"trip time: 102(\.0)? ms is 2(\.0)? ms above the high limit of 100 ms", text_of(html))
    assert re.search(r"trip time .*92 ms 102 ms ≤ 100 ms .*\+10 %", text_of(html))


def test_a_report_of_a_session_is_requested_and_shown(client: TestClient) -> None:
    headers = {"Origin": "http://localhost:8765"}
    answer = client.post("/runs/latest/reports", data={"of": "run"}, headers=headers)
    html = shown(client, answer.headers["location"])
    assert "102 ms, 2 ms beyond ≤ 100 ms" in html
    assert answer.headers["location"] in shown(client, "/runs/TR-0002")
