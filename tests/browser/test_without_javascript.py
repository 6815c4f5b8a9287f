"""The pages without JavaScript, printed, and with reduced motion."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Served
from tests.browser.test_every_page import step_url


@pytest.fixture
def plain(browser: Browser, served: Served) -> Iterator[Page]:
    """Open a tab in a browser that runs no scripts."""
    context = browser.new_context(base_url=served.url, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_a_run_can_be_read_and_filtered(plain: Page) -> None:
    plain.goto("/")
    plain.get_by_role("link", name="TR-0005").first.click()
    expect(plain.locator(".failure .title")).to_have_count(2)
    plain.locator(".counts a").first.click()
    assert "status=" in plain.url


def test_a_trace_is_a_picture_with_its_values(plain: Page) -> None:
    plain.goto(step_url(plain, "test_rail"))
    expect(plain.locator("svg[role=img]").first).to_be_visible()
    assert plain.locator(".trace path").first.get_attribute("d")


def test_a_page_is_printed_without_navigation(page: Page) -> None:
    page.goto("/runs/TR-0005")
    page.emulate_media(media="print")
    expect(page.locator("nav").first).to_be_hidden()
    expect(page.locator(".failure").first).to_be_visible()
    assert page.pdf().startswith(b"%PDF")
