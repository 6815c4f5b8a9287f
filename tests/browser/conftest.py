"""A served local Atlas with real sessions, and a real Chromium that shows its pages."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from tests.browser.browsers import BROWSERS, find_browser
from tests.browser.seeds import Bench, recorded, wait_until
from tests.browser.serving import serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of this directory, each by name, if there is no browser."""
    if find_browser() is None:
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=f"no Chromium was found (searched: {', '.join(BROWSERS)})"))


@dataclass
class Served:
    """A bench, and the URL at which its local Atlas is served."""

    bench: Bench
    url: str


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Record the sessions once for all xdist workers, and return their directory."""
    base = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    directory, is_recorded = base / "browser-history", base / "browser-history-is-recorded"
    try:
        directory.mkdir()
    except FileExistsError:  # another worker records them
        wait_until(is_recorded.exists)
    else:
        recorded(directory)
        is_recorded.touch()
    return directory


@pytest.fixture(scope="module")
def served(history: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a copy of the recorded sessions with the command `pytest-atlas serve`, for a module."""
    bench = Bench(Path(shutil.copytree(history, tmp_path_factory.mktemp("served") / "bench")))
    with serving(bench.atlas_dir) as url:
        yield Served(bench, url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium for a module. Playwright's event loop ends with it, because other tests start their own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Watched:
    """The console messages, errors and requests of all pages in a browser context."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note what happens in a page."""

        def on_console(message: ConsoleMessage) -> None:
            self.messages.append(f"{message.type}: {message.text} ({page.url})")

        def on_request(request: Request) -> None:
            self.requests.append(request.url)

        page.on("console", on_console)
        page.on("pageerror", lambda error: self.messages.append(f"error: {error} ({page.url})"))
        page.on("request", on_request)


@pytest.fixture
def watched() -> Watched:
    """Return what the pages of this test print and request."""
    return Watched()


@pytest.fixture
def context(browser: Browser, served: Served, watched: Watched) -> Iterator[BrowserContext]:
    """Open a new browser context. At the end, no page may have printed anything or asked another machine."""
    opened = browser.new_context(base_url=served.url, viewport={"width": 1280, "height": 900})
    opened.on("page", watched.watch)
    yield opened
    opened.close()
    assert watched.messages == []
    assert [url for url in watched.requests if not url.startswith((served.url, "data:", "blob:"))] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Open a tab."""
    return context.new_page()
