"""Live updates: the whole state first, then what changed, and an end with the server."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from starlette.requests import Request
from tests.support.events import SYSTEM
from tests.support.web_client import TestClient

from pytest_atlas.atlas import Card, CreateCard, CreateRun, CreateStep, DeleteRun, Run, Step, UpdateRun, UpdateStep
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views.connection import TooSlow, Views
from pytest_atlas.server.pages import live
from pytest_atlas.server.pages.app import page_app
from pytest_atlas.server.pages.frame import Pages, Streams, render_text
from pytest_atlas.server.pages.live import HEARTBEAT_S, LiveRun, LiveRuns, events, message
from pytest_atlas.server.pages.runs import runs_context

T = TypeVar("T")
NO_WAIT_S = 0.001
STARTED = "Started: 2026-11-26 15:52:40 UTC\nHost: bench-3\n\npytest-atlas: key"
HOSTILE = "</hx-partial><script>alert(1)</script><hx-partial hx-target=body>\n\ndata: x\nevent: ended"


def request_of(pages: Pages, path: str = "/runs/TR-0001", query: str = "") -> Request:
    app = type("App", (), {"state": type("State", (), {"pages": pages})})
    params = {"run": path.rpartition("/")[2]} if path != "/" else {}
    scope = {"type": "http", "path": path, "query_string": query.encode(), "headers": [], "app": app, "path_params": params}
    return Request({**scope, "method": "GET", "server": ("localhost", 80), "scheme": "http"})


@pytest.fixture
def pages(atlas: LocalAtlas) -> Pages:
    return Pages(atlas, Views(atlas.path))


def start(atlas: LocalAtlas) -> tuple[Run, Card, list[Step]]:
    """Create a run with a running session, a card and two steps."""
    run = atlas.send(CreateRun(title="Nightly", system_id=SYSTEM, description=STARTED))
    card = atlas.send(CreateCard(run_id=run.uuid, title="Thermal"))
    made = (
        CreateStep(run_id=run.uuid, card_id=card.uuid, title=f"Step {n}", description=f"pytest: t.py::t{n}") for n in (1, 2)
    )
    return run, card, [atlas.send(one) for one in made]


def finish(atlas: LocalAtlas, run: Run, card: Card, step: Step, status: str) -> None:
    ids = {"run_id": run.uuid, "card_id": card.uuid, "step_id": step.uuid}
    at = datetime(2026, 11, 26, 15, 53, tzinfo=UTC)
    atlas.send(UpdateStep(**ids, execution_status=status, started_at=at, ended_at=at))  # type: ignore[arg-type]


def parts_of(event: str) -> dict[str, str]:
    """Return the HTML of an event by its selectors."""
    html = "\n".join(line.removeprefix("data: ") for line in event.splitlines())
    return dict(re.findall(r'<hx-partial hx-target="([^"]*)" hx-swap="outerMorph">(.*?)</hx-partial>', html, re.DOTALL))


def follow(stream: AsyncIterator[str], script: Callable[[Callable[[], Awaitable[str]]], Awaitable[T]]) -> T:
    """Run a script that awaits the next event of a stream."""

    async def run() -> T:
        return await asyncio.wait_for(script(stream.__anext__), 30)

    return asyncio.run(run())


def test_the_whole_state_is_first_and_then_only_what_changed(atlas: LocalAtlas, pages: Pages) -> None:
    run, card, steps = start(atlas)
    stream = events(LiveRun(request_of(pages), pages), pages.streams, look_s=NO_WAIT_S)

    async def script(following: Callable[[], Awaitable[str]]) -> tuple[dict[str, str], dict[str, str]]:
        first = parts_of(await following())
        finish(atlas, run, card, steps[0], "failed")
        return first, parts_of(await following())

    first, second = follow(stream, script)
    assert set(first) == {"#state", "#facts", "#counts", "#index", "#failures", "#margins", "#card-list", "#timeline"}
    assert "running: 0 of 2 steps" in first["#state"]
    assert 'id="card-1"' in first["#card-list"]
    assert "running: 1 of 2 steps" in second["#state"]
    assert "Step 1" in second["#failures"]
    assert second["#card-1"].startswith('<details class="card" id="card-1"')
    assert "#margins" not in second
    assert "<ol" not in second["#card-1"], "the steps of a card are loaded by the page"


def test_failures_keep_their_places_and_new_ones_are_appended(atlas: LocalAtlas, pages: Pages) -> None:
    run, card, steps = start(atlas)
    earlier = LiveRun(request_of(pages), pages)
    finish(atlas, run, card, steps[1], "failed")
    earlier.parts()
    finish(atlas, run, card, steps[0], "failed")
    shown = earlier.parts()["#failures"]
    assert shown.index("Step 2") < shown.index("Step 1")
    reloaded = LiveRun(request_of(pages), pages).parts()["#failures"]
    assert reloaded.index("Step 1") < reloaded.index("Step 2")


def test_rows_of_the_first_page_keep_their_places_and_newer_runs_are_counted(atlas: LocalAtlas, pages: Pages) -> None:
    start(atlas)
    watched = LiveRuns(request_of(pages, "/", "newest=TR-0001&status=running"), pages)
    assert "#TR-0001" in watched.parts()
    start(atlas)
    parts = watched.parts()
    assert "#TR-0002" not in parts
    assert '<a href="/?status=running">1 newer run' in parts["#newer"]
    assert "TR-0002" in parts["#system-list"]


def test_run_that_was_created_before_the_stream_is_newer_than_the_page(atlas: LocalAtlas, pages: Pages) -> None:
    start(atlas)
    request = request_of(pages, "/")
    url = re.search(r'hx-sse:connect="([^"]*)"', render_text(request, "runs.html", **runs_context(pages, request)))
    assert url
    start(atlas)
    watched = LiveRuns(request_of(pages, *url[1].partition("?")[::2]), pages)
    assert "1 newer run" in watched.parts()["#newer"]


def test_an_update_that_takes_too_long_is_repeated(atlas: LocalAtlas, pages: Pages) -> None:
    class Busy(Unchanged):
        def parts(self) -> Mapping[str, str]:
            if not self.renders:
                self.renders += 1
                raise TooSlow(1.0)
            return super().parts()

    stream = events(Busy(), Streams(), look_s=NO_WAIT_S)

    async def script(following: Callable[[], Awaitable[str]]) -> str:
        return await following()

    assert "#x" in parts_of(follow(stream, script))


def test_changes_of_other_runs_are_not_rendered(atlas: LocalAtlas, pages: Pages) -> None:
    start(atlas)
    watched = LiveRun(request_of(pages), pages)
    before = watched.change()
    start(atlas)
    assert watched.change() == before
    run, card, steps = start(atlas)
    finish(atlas, run, card, steps[0], "passed")
    assert watched.change() == before


def test_the_stream_ends_if_the_run_is_deleted(atlas: LocalAtlas, pages: Pages) -> None:
    run, _, _ = start(atlas)
    stream = events(LiveRun(request_of(pages), pages), pages.streams, look_s=NO_WAIT_S)

    async def script(following: Callable[[], Awaitable[str]]) -> str:
        await following()
        atlas.send(DeleteRun(run_id=run.uuid))
        last = await following()
        with pytest.raises(StopAsyncIteration):
            await following()
        return last

    assert follow(stream, script).startswith("event: ended\n")


class Unchanged:
    """A page without changes."""

    renders = 0

    def look(self) -> object:
        return object()

    def change(self) -> object:
        return 1

    def parts(self) -> Mapping[str, str]:
        self.renders += 1
        return {"#x": "<p id=x>"}


def test_a_silent_stream_has_heartbeats_and_renders_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.01)
    watched = Unchanged()
    stream = events(watched, Streams(), look_s=NO_WAIT_S)

    async def script(following: Callable[[], Awaitable[str]]) -> list[str]:
        return [await following() for _ in range(4)]

    first, *others = follow(stream, script)
    assert "#x" in parts_of(first)
    assert others == ["event: heartbeat\ndata: -\n\n"] * 3
    assert watched.renders == 1
    assert HEARTBEAT_S == 15


def test_hostile_titles_stay_inside_of_their_event(atlas: LocalAtlas, pages: Pages) -> None:
    run, card, _ = start(atlas)
    step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title="x" + HOSTILE[:90], description="pytest: t.py::t3"))
    finish(atlas, run, card, step, "failed")
    event = message(LiveRun(request_of(pages), pages).parts())
    assert event.count("\n\n") == 1
    assert all(line.startswith("data: ") for line in event.rstrip("\n").split("\n"))
    assert "<script>alert" not in event
    assert event.count("<hx-partial") == event.count("</hx-partial>") == 8


def test_number_of_streams_is_bounded(client: TestClient, atlas: LocalAtlas) -> None:
    start(atlas)
    full = Pages(atlas, Views(atlas.path), streams=Streams(open=5, most=5))
    answer = TestClient(page_app(full), base_url="http://localhost").get("/runs/TR-0001/live")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.get("/runs/TR-0009/live").status_code == 404


SERVER = """
import sys
from pathlib import Path
from pytest_atlas.server import serve
serve(Path(sys.argv[1]), port=0, announce=lambda url: print(url, flush=True))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a signal can't be sent to a child")
def test_ctrl_c_ends_the_server_although_a_stream_is_open(tmp_path: Path) -> None:
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        run, _, _ = start(atlas)
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with httpx.stream("GET", f"{url}/runs/TR-0001/live", timeout=30, trust_env=False) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert "hx-partial" in next(lines)
            with LocalAtlas(tmp_path / "atlas.db") as atlas:
                atlas.send(UpdateRun(run_id=run.uuid, description=STARTED.replace("bench-3", "bench-4")))
            assert any("bench-4" in line for line in lines), "the change of another process"
            server.send_signal(signal.SIGINT)
            list(lines)
        _, errors = server.communicate(timeout=30)
    assert server.returncode in (0, 130, -signal.SIGINT)
    assert "graceful shutdown exceeded" not in errors
    assert "ASGI" not in errors
