"""Texts and files of tests never run as code in the pages."""

import pytest
from playwright.sync_api import Page
from tests.browser.test_every_page import step_url

NAMES = ("page.html", "picture.svg", "broken.png", "log.txt", "table.csv", "limits.json")


def test_a_message_with_markup_is_shown_as_text(page: Page) -> None:
    page.goto("/runs/TR-0005")
    assert page.locator("main script").count() == 0
    assert "<script>alert(1)</script>" in str(page.locator(".failures").text_content())


@pytest.mark.parametrize("name", NAMES)
def test_a_file_does_not_run(page: Page, name: str) -> None:
    page.goto("/runs/TR-0005?files=all")
    page.locator("#files").get_by_role("link", name=name).click()
    page.wait_for_url("**/files/*")
    page.wait_for_load_state("networkidle")
    assert "attacked" not in page.title()
    assert page.locator("main h1").count() == 1
    response = page.request.get(f"{page.url}/content")
    assert response.ok
    policy = response.headers["content-security-policy"]
    assert "sandbox" in policy
    if name in ("page.html", "picture.svg"):
        assert response.headers.get("content-disposition", "").startswith("attachment") or "default-src 'none'" in policy


def test_the_output_is_shown_without_control_sequences(page: Page) -> None:
    page.goto(step_url(page, "test_output"))
    assert "\x1b" not in str(page.locator("main").text_content())
