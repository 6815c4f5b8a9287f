"""The plot of a trace: zoom, pan and the values at the cursor."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect


def open_trace(page: Page) -> None:
    """Open the page of the trace `rail.csv`, and wait until its plot replaces the picture."""
    page.goto("/runs/TR-0005?files=all")
    page.goto(str(page.locator("#files a:text-is('rail.csv')").get_attribute("href")))
    expect(page.locator(".trace canvas").first).to_be_visible()


def window(page: Page) -> tuple[float, float]:
    """Return the window in the URL."""
    query = parse_qs(urlsplit(page.url).query)
    return float(query["from"][0]), float(query["to"][0])


def wait_for_window(page: Page) -> None:
    """Wait until the URL has a window."""
    page.wait_for_url(lambda url: "from=" in url)


def test_keys_zoom_pan_and_show_all(page: Page) -> None:
    open_trace(page)
    page.locator("[data-trace]").focus()
    page.keyboard.press("+")
    wait_for_window(page)
    start, end = window(page)
    assert (start, end) == pytest.approx((0.5, 1.5), abs=0.001)
    before = page.url
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != before)
    assert window(page)[0] > start
    assert window(page)[1] - window(page)[0] == pytest.approx(end - start)
    page.keyboard.press("0")
    page.wait_for_url(lambda url: "?" not in url)


def test_a_copied_link_shows_the_same_window_without_scripts(page: Page) -> None:
    open_trace(page)
    page.get_by_role("button", name="Zoom in").first.click()
    wait_for_window(page)
    html = page.request.get(page.url).text()
    start, end = window(page)
    assert f'data-start="{start}"' in html
    assert f'data-end="{end}"' in html


def test_the_cursor_shows_the_extremes_of_a_pixel(page: Page) -> None:
    open_trace(page)
    page.get_by_role("button", name="All").first.click()
    chart = page.locator(".trace .u-over").first
    box = chart.bounding_box()
    assert box
    texts = set()
    for x in range(int(box["width"] * 0.24), int(box["width"] * 0.27)):  # around the only sample of 15.5 V
        chart.hover(position={"x": x, "y": 5})
        texts.add(str(page.locator(".filters").last.text_content()))
    assert any("15.5" in text for text in texts), chr(10).join(sorted(texts))
    assert any("rail 12 V" in text for text in texts)


def test_dragging_zooms(page: Page) -> None:
    open_trace(page)
    box = page.locator(".trace .u-over").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 5, steps=4)
    page.mouse.up()
    wait_for_window(page)
    start, end = window(page)
    assert 0.3 < start < 0.5 < end < 0.7
