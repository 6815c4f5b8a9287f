"""Pages that are open while a session runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import Served
from tests.browser.seeds import PATIENCE_S


@pytest.fixture
def gate(served: Served, tmp_path: Path) -> Iterator[Path]:
    """Start a session that runs until this file exists; wait until its plan is in the local Atlas."""
    path = tmp_path / "gate"
    session = served.bench.start(4, path)
    yield path
    path.touch()
    session.communicate(timeout=PATIENCE_S)


def test_a_run_is_updated_until_it_ends(page: Page, served: Served, gate: Path) -> None:
    open_running_run(page)
    expect(page.locator("#facts")).to_contain_text("test_waits", timeout=PATIENCE_S * 1000)
    expect(page.get_by_role("status").first).to_contain_text("running")
    page.evaluate("window.isTheSameDocument = true")
    page.locator("details.card summary").last.click()
    page.locator("#q").fill("typed text")
    page.locator("#q").focus()
    page.evaluate("window.scrollTo(0, 120)")
    scrolled = page.evaluate("window.scrollY")
    is_open = page.locator("details.card").last.get_attribute("open")
    gate.touch()
    expect(page.locator("#state")).not_to_contain_text("running", timeout=PATIENCE_S * 1000)
    assert page.evaluate("window.isTheSameDocument")
    expect(page.locator("#q")).to_have_value("typed text")
    expect(page.locator("#q")).to_be_focused()
    assert page.evaluate("window.scrollY") == scrolled
    assert page.locator("details.card").last.get_attribute("open") == is_open


def test_the_elapsed_time_of_a_running_test_increases(page: Page, served: Served, gate: Path) -> None:
    open_running_run(page)
    elapsed = page.locator("#state [data-elapsed]")
    first = elapsed.text_content()
    assert first
    expect(elapsed).not_to_have_text(first)


def test_a_silent_connection_is_replaced(page: Page) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_()  # the first request never gets an answer

    page.route("**/live?*", answer)
    page.clock.install()
    page.goto("/")
    page.wait_for_timeout(500)
    assert len(asked) == 1
    with page.expect_response("**/live?*") as response:
        page.clock.fast_forward(50_000)
        page.clock.resume()
    assert response.value.ok
    assert len(asked) == 2


def open_running_run(page: Page) -> None:
    """Open the page of the run that is recorded now, from the list of runs: a link there names newer runs."""
    page.goto("/")
    running = page.locator("tr", has=page.locator(".mark.running"))
    newer = page.locator("#newer a")
    expect(running.or_(newer).first).to_be_visible(timeout=PATIENCE_S * 1000)
    if newer.is_visible():
        newer.click()
    page.goto(str(running.locator("a").first.get_attribute("href")))
