"""The page of a step, of real sessions into a local Atlas."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from tests.support.atlases import every_run
from tests.support.events import SYSTEM
from tests.support.inner import Project
from tests.support.web_client import TestClient

from pytest_atlas.atlas.operations import UpdateRun
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views.connection import Views
from pytest_atlas.local.views.step import PastStep
from pytest_atlas.server.pages.frame import Pages
from pytest_atlas.server.pages.step import PARTS, LiveStep, history_of, run_again
from pytest_atlas.server.site import site

SUITE = """
    import os
    import pytest

    TRIP = float(os.environ["TRIP"])

    def test_trip(atlas):
        '''Rail from 12 V to <b>8 V</b>.'''
        atlas.trace("rail", t=[0, .001, .002], rail=[12, 9, 8], units={"t": "s", "rail": "V"},
                    limits={"rail": (7.5, 12.6)}, marks={"bridge <opens>": .0015})
        with atlas.step("Arm the <scope>"):
            atlas.measure("supply", 3.31, unit="V", low=3.0, high=3.6)
            with atlas.step("Deep"):
                atlas.measure("deep", 2, high=3)
        atlas.measure("trip time", TRIP, unit="ms", high=100)
        atlas.measure("state", "armed", equal="armed")
        atlas.measure("rails", [11.9, 12.0, 12.5], unit="V", low=11.8, high=12.6)
        atlas.attach(b"\\x89PNG\\r\\n\\x1a\\n", name="cut.png")
        atlas.attach("not a trace", name="notes.csv")
        print("<script>alert(1)</script> output")

    @pytest.mark.parametrize("temp", [-40, 25, 85])
    def test_at(atlas, temp):
        atlas.measure("trip time", 60 + temp / 10, unit="ms", high=70)
        if temp == 85:
            pytest.skip("this chamber ends at 25")

    def test_plain():
        assert 1 == 2, "the <reason>"

    def test_waived(atlas):
        atlas.measure("trip time", 111.6, unit="ms", high=100, waive="ECR-118")

    ATTEMPTS = []

    @pytest.mark.flaky(reruns=1)
    def test_flaky(atlas):
        ATTEMPTS.append(1)
        atlas.measure("trip time", 120 if len(ATTEMPTS) == 1 else 90, unit="ms", high=100, required=True)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAtlas]:
    """Three runs: the trip time fails in the last two."""
    project = Project(tmp_path_factory.mktemp("bench")).write("test_bench.py", SUITE)
    for trip in ("88.5", "110.5", "110.8"):
        ended = project.pytest("--atlas-system", SYSTEM, env={"TRIP": trip})
        assert ended.code == 1, ended.out
    with LocalAtlas(ended.atlas_dir / "atlas.db") as atlas:
        yield atlas


@pytest.fixture(scope="module")
def client(store: LocalAtlas) -> Iterator[TestClient]:
    with site(store, None) as whole:
        yield TestClient(whole, base_url="http://localhost:8765", follow_redirects=False, raise_server_exceptions=True)


def url_of(store: LocalAtlas, title: str, run: int = 3) -> str:
    db = sqlite3.connect(store.path)
    try:
        (uuid,) = db.execute(
            "SELECT s.uuid FROM steps s JOIN runs r ON r.id = s.run WHERE r.number = ? AND s.title = ?", (run, title)
        ).fetchone()
    finally:
        db.close()
    return f"/runs/TR-{run:04}/steps/{uuid}"


def page(client: TestClient, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response.text
    assert "<script>alert" not in response.text
    assert " style=" not in response.text
    assert len(response.content) < 60_000
    return re.sub(r"\s+", " ", str(response.text))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">")


@pytest.fixture(scope="module")
def trip(client: TestClient, store: LocalAtlas) -> str:
    return page(client, url_of(store, "test_trip"))


def test_the_decisive_value_comes_first_with_its_distance_and_the_previous_value(trip: str) -> None:
    verdict = text_of(trip[trip.index('aria-label="Verdict"') :])
    assert verdict.index("trip time 110.8 ms is 10.8 ms above the limit of 100 ms") < 60
    assert "−11 % of the window · hollow: 110.5 ms in TR-0002" in verdict
    assert trip.index('aria-label="Verdict"') < trip.index("h-trace-1") < trip.index("h-failure") < trip.index("h-measurements")


def test_a_trace_has_its_limits_and_marks_and_a_file_that_is_none_is_one_line(trip: str) -> None:
    assert "≤ 12.6 V" in trip
    assert "bridge &lt;opens&gt;" in trip
    assert "No plot of notes.csv: " in trip
    assert ">rail.csv.limits.json" not in trip


def test_the_failure_has_its_reason_and_no_measurement_lines(trip: str) -> None:
    failure = trip[trip.index("h-failure") : trip.index("h-output")]
    assert '<span class="e"> trip time: 110.8 ms is 10.8 ms above the high limit of 100 ms' in failure
    assert "OUT OF LIMITS" not in failure


def test_output_is_escaped_and_damaged_pictures_are_named(trip: str) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt; output" in trip
    assert "cut.png: the picture has no header" in trip


def test_measurements_have_limits_margins_and_verdicts_the_most_urgent_first(trip: str) -> None:
    table = trip[trip.index("h-measurements") : trip.index("h-inner")]
    names = re.findall(r'<th scope="row"><a [^>]*>([^<]*)', table)
    assert names == ["trip time", "rails", "deep", "supply", "state"]
    assert "of 3 values" in text_of(table)
    assert "out of limits" in text_of(table)
    assert f"/systems/{SYSTEM}/measurement?test=test_bench.py%3A%3Atest_trip&amp;name=trip+time" in table


def test_inner_steps_and_the_previous_runs_are_linked(trip: str, store: LocalAtlas) -> None:
    inner = trip[trip.index("h-inner") :]
    assert "Arm the &lt;scope&gt;" in inner
    assert f'href="{url_of(store, "Deep")}"' in inner
    assert "in the 2 runs since" in text_of(trip)
    assert "Fails since TR-0002, in 2 runs in a row; passed in 1 of the 1 run before." in text_of(trip)
    assert 'aria-label="Last 3 runs: ' in trip


def test_the_command_runs_the_test_again(trip: str) -> None:
    assert 'pytest "test_bench.py::test_trip"' in text_of(trip)
    assert run_again("a.py::test_a[x] > inner") == 'pytest "a.py::test_a[x]"'
    assert run_again('a.py::test_a["$x"]') == "pytest 'a.py::test_a[\"$x\"]'"
    assert run_again("") == ""


def test_the_docstring_is_escaped(trip: str) -> None:
    assert "Rail from 12 V to &lt;b&gt;8 V&lt;/b&gt;." in trip


def test_failures_are_linked_in_the_order_of_the_run(client: TestClient, store: LocalAtlas, trip: str) -> None:
    plain = url_of(store, "test_plain")
    assert re.search(f'href="{plain}" rel="next"', trip)
    assert 'rel="prev"' not in trip
    assert re.search(f'href="{url_of(store, "test_trip")}" rel="prev"', page(client, plain))


def test_a_failure_without_a_measurement_shows_its_reason(client: TestClient, store: LocalAtlas) -> None:
    text = page(client, url_of(store, "test_plain"))
    assert "AssertionError: the &lt;reason&gt;" in text[text.index('aria-label="Verdict"') :][:300]


def test_a_passed_step_shows_its_smallest_margin(client: TestClient, store: LocalAtlas) -> None:
    text = text_of(page(client, url_of(store, "test_trip", run=1)))
    assert "trip time 88.5 ms, 11.5 ms left to the limit of 100 ms" in text
    assert "Failure" not in text.replace("Next failure", "")


def test_an_inner_step_has_its_own_measurements(client: TestClient, store: LocalAtlas) -> None:
    text = text_of(page(client, url_of(store, "Arm the <scope>")))
    assert "deep 2, 1 left to the limit of 3" in text
    assert "3.31 V" in text
    assert "trip time" not in text
    assert "Deep" in text
    assert 'pytest "test_bench.py::test_trip"' in text


def test_the_same_test_with_other_parameters_is_listed(client: TestClient, store: LocalAtlas) -> None:
    text = page(client, url_of(store, "test_at[-40]"))
    same = text_of(text[text.index("h-same") :])
    assert "test_at[25]" in same
    assert "test_at[-40]" not in same[: same.index("This test")]
    skipped = text_of(page(client, url_of(store, "test_at[85]")))
    assert "Skipped: this chamber ends at 25" in skipped


def test_a_waived_value_and_attempts_are_shown(client: TestClient, store: LocalAtlas) -> None:
    waived = text_of(page(client, url_of(store, "test_waived")))
    assert "trip time 111.6 ms is 11.6 ms above the limit of 100 ms, waived" in waived
    flaky = page(client, url_of(store, "test_flaky"))
    attempts = text_of(flaky[flaky.index("h-attempts") :])
    assert attempts.index("passed") < attempts.index("failed")
    measured = text_of(flaky[flaky.index("h-measurements") : flaky.index("h-attempts")])
    assert "90 ms" in measured
    assert "120 ms" not in measured  # a later attempt superseded it


@pytest.mark.parametrize("run", ["latest", "tr-3", "TR-0003"])
def test_a_run_has_several_names(client: TestClient, store: LocalAtlas, run: str) -> None:
    assert client.get(url_of(store, "test_plain").replace("TR-0003", run)).status_code == 200


@pytest.mark.parametrize("url", ["/runs/TR-0003/steps/0", "/runs/TR-0009/steps/0", "/runs/TR-0003/steps/%00"])
def test_an_unknown_step_is_a_page_that_says_so(client: TestClient, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 404
    assert "There is no such" in response.text


def test_a_step_of_another_run_is_not_found(client: TestClient, store: LocalAtlas) -> None:
    assert client.get(url_of(store, "test_plain").replace("TR-0003", "TR-0002")).status_code == 404


def test_the_parts_of_a_live_page_are_those_of_the_page(store: LocalAtlas, trip: str) -> None:
    url = url_of(store, "test_trip")
    views = Views(store.path)
    pages = Pages(store, views)
    scope = {"type": "http", "path_params": {"run": "TR-0003", "step": url.rpartition("/")[2]}, "headers": []}
    try:
        watched = LiveStep(Request(scope), pages)
        change = watched.change()
        parts = watched.parts()
        store.send(UpdateRun(run_id=next(run.uuid for run in every_run(store) if run.test_run_id == "TR-0003"), title="Other"))
        assert change != watched.change()
    finally:
        views.close()
    assert len(parts) == len(PARTS)
    for selector, html in parts.items():
        assert html.startswith(("<div id=", "<span id="))
        assert f'id="{selector.removeprefix("#")}"' in html
        assert re.sub(r"\s+", " ", html).strip() in trip


def past(*statuses: str, this: int = 0) -> list[PastStep]:
    return [PastStep(f"TR-{100 - n:04}", str(n), status, "", n == this) for n, status in enumerate(statuses)]


def test_the_history_counts_until_the_run_of_the_page() -> None:
    found = history_of(past("passed", "failed", "todo", "failed", "passed", this=1))
    assert (found.failing, found.since and found.since.run, found.passed_before) == (2, "TR-0097", (1, 1))
    assert history_of(past("passed", "failed")).failing == 0
    assert history_of(past(*["failed"] * 24)).since is None
    assert history_of([]).failing == 0


def test_a_missing_object_affects_only_its_part(client: TestClient, store: LocalAtlas, tmp_path: Path) -> None:
    url = url_of(store, "test_trip", run=2)
    objects = store.objects.directory
    objects.rename(tmp_path / "objects")
    try:
        text = page(client, url)
    finally:
        (tmp_path / "objects").rename(objects)
    assert "No plot of rail.csv" in text
    assert "trip time" in text


def test_the_last_values_are_plotted_with_their_limits(trip: str) -> None:
    assert 'aria-label="trip time over 3 runs"' in trip
    assert trip.count('class="pt out"') == 2


def test_the_values_of_a_running_test_come_from_its_journal(tmp_path: Path) -> None:
    project = Project(tmp_path / "bench").write(
        "test_soak.py",
        """
        import pathlib, time

        def test_soak(atlas):
            atlas.measure("ambient", 25.5, unit="°C", high=30)
            deadline = time.monotonic() + 60
            while not pathlib.Path("go").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
        """,
    )
    running = project.start("--atlas-system", SYSTEM)
    try:
        with LocalAtlas(project.root / ".atlas" / "atlas.db", create=True) as atlas, site(atlas, None) as whole:
            client = TestClient(whole, base_url="http://localhost:8765")
            text = wait_for(lambda: shown(client, atlas), "ambient")
            assert "25.5 °C" in text_of(text)
            assert "4.5 °C left to the limit of 30 °C" in text_of(text)
            assert "/live" in text
    finally:
        (project.root / "go").touch()
        running.process.communicate(timeout=60)


def shown(client: TestClient, atlas: LocalAtlas) -> str:
    """Return the page of the step once it exists."""
    try:
        return str(client.get(url_of(atlas, "test_soak", run=1)).text)
    except TypeError:  # the run does not exist yet
        return ""


def wait_for(read: Callable[[], str], word: str) -> str:
    deadline = time.monotonic() + 60
    while word not in (text := read()):
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
    return text
