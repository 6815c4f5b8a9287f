"""The page of a run and the first page, over real sessions that were published into a local Atlas."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import PATIENCE_S, Project
from tests.support.large_store import Shape, make
from tests.support.web_client import TestClient

from pytest_atlas.atlas import CreateCard, CreateRun, CreateStep, DeleteRun, GetRun, ListRuns, UpdateRun, UpdateStep
from pytest_atlas.base.liveness import Liveness
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views import run as run_view
from pytest_atlas.local.views.connection import TooSlow
from pytest_atlas.server.pages.run import have_ended
from pytest_atlas.server.recordings import Recording
from pytest_atlas.server.site import site

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)><hx-partial hx-target=body>{{ 7*7 }}"

TEST = """
import pytest

LEVEL = 96.25

@pytest.mark.atlas_card("Overvoltage protection")
@pytest.mark.parametrize("volts", [12.5, 14.0])
@pytest.mark.atlas_step("Apply {volts} V")
def test_trip(atlas, volts):
    atlas.measure("trip time", 111.6 if volts == FAILS_AT else LEVEL, unit="ms", high=100)

class TestDrive:
    def test_speed(self, atlas):
        atlas.measure("speed", 254, unit="rad/s", low=100, high=500)
        with atlas.step("ramp"):
            pass

    @pytest.mark.skip(reason="no chamber")
    def test_cold(self): pass

    def test_hostile(self, atlas):
        assert 0, \"\"\"HOSTILE\"\"\"
""".replace("HOSTILE", HOSTILE)


@dataclass(frozen=True)
class Served:
    client: TestClient
    atlas: LocalAtlas

    def get(self, path: str, **headers: str) -> str:
        answer = self.client.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.text)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Three sessions of one system: the trip at 14 V is in limits in the first one only."""
    project = Project(tmp_path_factory.mktemp("project"))
    for fails_at, title in ((0, "First"), (14.0, "Second"), (14.0, HOSTILE)):
        project.write("test_a.py", TEST.replace("FAILS_AT", str(fails_at)))
        ended = project.pytest("--atlas-system", SYSTEM, "--atlas-title", title)
        assert ended.code == 1
    with ExitStack() as stack:
        atlas = stack.enter_context(LocalAtlas(project.root / ".atlas" / "atlas.db"))
        whole = stack.enter_context(site(atlas, None))
        yield Served(TestClient(whole, base_url="http://localhost:8765", follow_redirects=False), atlas)


def text(html: str) -> str:
    """Return the words of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def section(html: str, name: str) -> str:
    """Return the section of a page with this id."""
    return html.split(f'<section id="{name}"', 1)[1].partition("</section>")[0]


def test_failures_are_first_with_amount_and_first_run(served: Served) -> None:
    page = served.get("/runs/TR-0003")
    assert page.index('id="failures"') < page.index('id="margins"') < page.index('id="cards"')
    failures = text(section(page, "failures"))
    assert "Apply 14.0 V" in failures
    assert "≤ 100 ms 11.6 ms beyond, −12 %" in failures
    assert "in the 2 runs since TR-0002" in failures
    assert "in the 3 runs since TR-0001" in failures, "the other failed test"
    assert "new" not in failures.partition("a strip shows")[2].split()


def test_a_failure_that_passed_before_is_new_and_comes_first(served: Served) -> None:
    page = served.get("/runs/TR-0002")
    failures = text(section(page, "failures"))
    assert failures.index("Apply 14.0 V new") < failures.index("test_hostile")
    assert "passed before" in failures
    assert "Against TR-0001 1 new failure" in text(page)


def test_a_run_without_earlier_ones_has_no_new_failure(served: Served) -> None:
    failures = text(section(served.get("/runs/TR-0001"), "failures"))
    assert "Apply 14.0 V" not in failures
    assert "new" not in failures.partition("a strip shows")[2].split()


def test_smallest_margin_is_first_and_linked_to_its_history(served: Served) -> None:
    margins = section(served.get("/runs/TR-0003"), "margins")
    rows = [text(row) for row in margins.split("<tr>")[2:]]
    assert [row.partition(" ")[0] for row in rows] == ["trip", "trip", "speed"]
    assert "111.6 ms" in rows[0]
    assert "−11.6 ms −12 %" in rows[0]
    assert f"/systems/{SYSTEM}/measurement?test=test_a.py%3A%3Atest_trip%5B14.0%5D&amp;name=trip+time" in margins


def test_cards_with_a_failure_are_open_and_others_are_links(served: Served) -> None:
    page = served.get("/runs/TR-0001")
    cards = dict(re.findall(r'<details class="card" id="(card-\d)"[^>]*?( open)?>', page))
    assert cards == {"card-1": "", "card-2": " open"}
    link = re.search(r'href="(/runs/TR-0001/cards/[0-9a-f-]+)">Show the 2 steps', page)
    assert link is not None
    whole = served.get(link[1])
    part = served.get(link[1], **{"HX-Request": "true"})
    assert "Apply 14.0 V" in whole
    assert "Apply 14.0 V" in part
    assert ("<html" in whole, "<html" in part) == (True, False)


def test_inner_steps_skips_and_measurements_are_in_the_card(served: Served) -> None:
    cards = served.get("/runs/TR-0003?open=all").split('id="cards"')[1]
    assert re.search(r'class="passed inner"[^>]*>.*?ramp', cards, re.DOTALL)
    assert "Skipped: no chamber" in text(cards)
    assert "speed 254 rad/s" in text(cards)


def test_status_filter_shows_these_steps_only(served: Served) -> None:
    page = served.get("/runs/TR-0003?status=failed")
    cards = text(page.split('id="cards"')[1].partition("</section>")[0])
    assert "Apply 14.0 V" in cards
    assert "Apply 12.5 V" not in cards
    assert 'aria-current="true"' in page


def test_run_is_named_by_reference_start_of_uuid_and_latest(served: Served) -> None:
    run = served.atlas.send(ListRuns()).items[0]
    for name in ("TR-0003", "tr-3", str(run.uuid), str(run.uuid)[:8], "latest"):
        assert "TR-0003" in served.get(f"/runs/{name}")


@pytest.mark.parametrize(
    "name", ["TR-0099", "ffffffff-0000-0000-0000-000000000000", "x", "abc", "TR-", "%00", "TR-99999999999999999"]
)
def test_unknown_run_is_a_page(served: Served, name: str) -> None:
    answer = served.client.get(f"/runs/{name}")
    assert answer.status_code == 404
    assert "There is no such run" in answer.text


def test_unknown_card_is_a_page(served: Served) -> None:
    answer = served.client.get("/runs/TR-0001/cards/ffffffff-0000-0000-0000-000000000000")
    assert (answer.status_code, "no such card" in answer.text) == (404, True)


@pytest.mark.parametrize(
    "path", ["/", "/runs/TR-0003", "/runs/TR-0003?open=all", f"/?text={HOSTILE}&job={HOSTILE}&from=x&before=y"]
)
def test_titles_and_messages_are_text_only(served: Served, path: str) -> None:
    page = served.get(path)
    for markup in ("<script>alert", "<img src=x", "<hx-partial"):
        assert markup not in page
    assert "&lt;script&gt;alert(1)" in page or path == "/"
    assert not re.search(r"\sstyle=|\son[a-z]+=", re.sub(r'"[^"]*"', '""', page).replace("onerror=alert", ""))


def test_first_page_has_the_systems_and_runs(served: Served) -> None:
    page = served.get("/")
    assert re.findall(r'<tr id="(TR-\d+)"', page) == ["TR-0003", "TR-0002", "TR-0001"]
    system = text(page.split('id="system-list"')[1].partition("</article>")[0])
    assert "TR-0003 : 2 failed" in system
    assert "Apply 14.0 V since TR-0002" in system
    assert "test_hostile since TR-0001" in system
    assert "1 new" in text(page.split('id="TR-0002"')[1].partition("</tr>")[0])
    assert "3 of 3 runs" in text(page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed", 3),
        ("status=running", 0),
        ("status=failed&status=running", 3),
        (f"system={SYSTEM}", 3),
        (f"system={SYSTEM[:6]}", 3),
        ("system=0000", 0),
        ("system=%27--", 0),
        ("text=second", 1),
        ("text=%22%27*(", 3),
        ("from=2020-01-01", 3),
        ("to=2020-01-01", 0),
        ("from=9999-12-31", 0),
        ("from=nonsense", 3),
        ("device=SN-1", 0),
        ("bench=B1", 0),
        ("job=none", 0),
        ("report=yes", 0),
        ("before=TR-0003", 2),
        ("before=TR-0001", 0),
        ("before=nonsense", 3),
    ],
)
def test_filters_of_the_first_page(served: Served, query: str, expected: int) -> None:
    page = served.get(f"/?{query}")
    assert len(re.findall(r'<tr id="TR-', page)) == expected
    if not expected and "before" not in query:
        assert "No run matches this filter" in page


def test_empty_store_names_the_command(client: TestClient) -> None:
    assert "pytest --atlas-system=UUID" in client.get("/").text
    assert client.get("/runs/latest").status_code == 404


def test_read_only_pages_have_no_form_that_writes(served: Served) -> None:
    assert 'method="post"' in served.get("/runs/TR-0003")
    with site(served.atlas, None, read_only=True) as whole:
        page = TestClient(whole, base_url="http://localhost").get("/runs/TR-0003").text
    assert 'method="post"' not in page


def test_running_session_shows_the_test_and_the_elapsed_time(atlas: LocalAtlas, client: TestClient) -> None:
    run = atlas.send(CreateRun(title="Nightly", system_id=SYSTEM, description="pytest-atlas: key"))
    card = atlas.send(CreateCard(run_id=run.uuid, title="Thermal"))
    step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title="Warm up", description="pytest: test_t.py::test_w"))
    page = client.get("/runs/latest").text
    assert "hx-sse:connect" not in page, "a run without a session is not live"
    started = "Started: 2026-11-26 15:52:40 UTC\nHost: bench-3\n\npytest-atlas: key"
    atlas.send(UpdateRun(run_id=run.uuid, description=started))
    atlas.send(
        UpdateStep(
            run_id=run.uuid, card_id=card.uuid, step_id=step.uuid, started_at=datetime(2026, 11, 26, 15, 52, 41, tzinfo=UTC)
        )
    )
    page = client.get("/runs/latest").text
    assert 'hx-sse:connect="/runs/TR-0001/live"' in page
    assert "running: 0 of 1 step" in text(page)
    assert re.search(r"Now Warm up \d", text(page))
    assert len(re.findall("data-elapsed=", page)) == 2
    assert "1 running" in text(page)


SLOW = """
import time
from pathlib import Path

def test_slow(atlas):
    with atlas.step("soak"):
        atlas.measure("rail", 12.25, unit="V", low=11)
        while not Path("go").exists():
            time.sleep(0.05)
"""


def test_session_on_this_machine_shows_its_running_step_and_newest_value(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_slow.py", SLOW)
    store = tmp_path / ".atlas" / "atlas.db"
    LocalAtlas(store, create=True).close()
    with subprocess.Popen(project.command("--atlas-system", SYSTEM), cwd=tmp_path, stdout=subprocess.DEVNULL) as running:
        try:
            page = ""
            with ExitStack() as stack:
                atlas = stack.enter_context(LocalAtlas(store))
                client = TestClient(stack.enter_context(site(atlas, None)), base_url="http://localhost")

                def is_shown() -> bool:
                    nonlocal page
                    page = text(client.get("/runs/latest").text)
                    return "Now" in page and "rail: 12.25 V" in page

                wait_for(is_shown)
                assert re.search(r"Now test_slow › soak [\d.]+ m?s", page)
        finally:
            (tmp_path / "go").touch()
    assert running.returncode == 0


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("liveness", "has_ended"), [((), False), (("ended",), True), (("ended", "running"), False), (("unknown",), False)]
)
def test_run_whose_pytest_is_gone_is_not_shown_as_running(liveness: tuple[Liveness, ...], has_ended: bool) -> None:
    assert have_ended([Recording("s", one) for one in liveness]) is has_ended


def test_deleted_run_is_gone_from_all_pages(atlas: LocalAtlas, client: TestClient) -> None:
    run = atlas.send(CreateRun(title="x", system_id=SYSTEM))
    assert client.get("/runs/TR-0001").status_code == 200
    atlas.send(DeleteRun(run_id=run.uuid))
    assert client.get("/runs/TR-0001").status_code == 404
    assert "TR-0001" not in client.get("/").text


def test_a_part_that_takes_too_long_is_left_out_with_a_note(
    atlas: LocalAtlas, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_slow(*_: object, **__: object) -> NoReturn:
        raise TooSlow(1.0)

    atlas.send(CreateRun(title="Nightly", system_id=SYSTEM))
    monkeypatch.setattr(run_view, "read_timeline", too_slow)
    assert "longer than a second: the timeline." in text(client.get("/runs/latest").text)


def test_runs_are_paged_without_gaps(tmp_path: Path) -> None:
    path = make(tmp_path, Shape(runs=120, steps=2, systems=3))
    with LocalAtlas(path) as atlas, site(atlas, None) as whole:
        client = TestClient(whole, base_url="http://localhost")
        seen, link = [], "/?status=failed&status=running"
        link = "/"
        while link:
            page = client.get(link).text
            seen += re.findall(r'<tr id="TR-(\d+)"', page)
            found = re.search(r'href="([^"]*before=[^"]*)">Older', page)
            link = found[1].replace("&amp;", "&") if found else ""
    assert [int(number) for number in seen] == list(range(120, 0, -1))


def test_steps_of_a_large_card_are_paged_without_gaps(tmp_path: Path) -> None:
    path = make(tmp_path, Shape(runs=1, steps=1201, systems=1, steps_per_card=2000))
    with LocalAtlas(path) as atlas, site(atlas, None) as whole:
        client = TestClient(whole, base_url="http://localhost")
        run = atlas.send(GetRun(run_id=atlas.send(ListRuns()).items[0].uuid))
        link, seen = f"/runs/TR-0001/cards/{run.test_cards[0].uuid}", []
        while link:
            page = client.get(link).text
            seen += re.findall(r'id="step-([0-9a-f-]+)"', page)
            found = re.search(r'href="([^"]*)">Next', page)
            link = found[1].replace("&amp;", "&") if found else ""
        assert seen == [str(step.uuid) for step in run.test_cards[0].test_steps]
        assert len(client.get("/runs/TR-0001").content) < 400_000
