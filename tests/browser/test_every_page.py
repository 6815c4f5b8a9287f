"""Each page at two widths, light and dark: axe-core finds nothing, and no content is wider than the window."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from tests.browser.conftest import Served
from tests.browser.seeds import SYSTEM

MEASUREMENT = "test=test_supply.py::TestOvervoltage::test_trip[13.0]&name=trip%20time"
PAGES = {
    "runs": "/",
    "run": "/runs/TR-0005",
    "first run": "/runs/TR-0001",
    "measurements": f"/systems/{SYSTEM}/measurements",
    "measurement": f"/systems/{SYSTEM}/measurement?{MEASUREMENT}",
    "comparison": "/compare?a=TR-0004&b=TR-0005",
    "search": "/search?q=rail",
    "empty search": "/search?q=",
    "no such run": "/runs/TR-9999",
    "no such page": "/nowhere",
}
STEPS = {  # words of the titles
    "failed step": "test_output",
    "step with a trace": "test_rail",
    "step with measurements": "test_trip",
}
LINKS = {  # selectors of links on the page of a run
    "report": "#report a.title",
    "trace": "#files a:text-is('rail.csv')",
    "table": "#files a:text-is('table.csv')",
    "log": "#files a:text-is('log.txt')",
    "JSON": "#files a:text-is('limits.json')",
    "picture": "#files a:text-is('picture.svg')",
    "corrupt picture": "#files a:text-is('broken.png')",
    "page of a test": "#files a:text-is('page.html')",
}
THEMES = ("light", "dark")
WIDTHS = (1280, 360)
OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module", params=[(theme, width) for theme in THEMES for width in WIDTHS], ids=lambda p: f"{p[0]}-{p[1]}")
def page(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[Page]:
    """Open a tab of a theme and a width."""
    theme, width = request.param
    context = browser.new_context(base_url=served.url, color_scheme=theme, viewport={"width": width, "height": 900})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_page(page: Page, path: str) -> None:
    page.goto(path)
    check(page)


@pytest.mark.parametrize("title", STEPS.values(), ids=STEPS)
def test_step_of_a_run(page: Page, title: str) -> None:
    page.goto(step_url(page, title))
    check(page)


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_page_that_a_run_links(page: Page, link: str) -> None:
    page.goto("/runs/TR-0005?files=all&open=all")
    page.goto(str(page.locator(link).first.get_attribute("href")))
    check(page)


def step_url(page: Page, title: str) -> str:
    """Return the URL of a step, from the search."""
    page.goto(f"/search?q={title}")
    return str(page.locator("main a[href*='/steps/']").first.get_attribute("href"))


def check(page: Page) -> None:
    """Check the page with axe-core, and that it has one heading and fits into the window."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []
    assert page.locator("h1").count() == 1
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, f"{wide} pixels are outside of the window"
