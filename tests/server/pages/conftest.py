from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.server.pages.campaign import Campaign
from tests.support.web_client import TestClient

from pytest_atlas.local import LocalAtlas
from pytest_atlas.server.site import site

KEY = "key-of-one-time-codes"

Browse = Callable[..., TestClient]


@pytest.fixture
def atlas(tmp_path: Path) -> Iterator[LocalAtlas]:
    with LocalAtlas(tmp_path / "atlas.db", create=True) as made:
        yield made


@pytest.fixture
def browse(atlas: LocalAtlas) -> Iterator[Browse]:
    """Return a client of the pages of `atlas`."""
    with ExitStack() as stack:

        def open_client(token: str | None = None, *, url: str = "http://localhost:8765", read_only: bool = False) -> TestClient:
            whole = stack.enter_context(site(atlas, token, key=KEY, read_only=read_only))
            return TestClient(whole, base_url=url, follow_redirects=False, raise_server_exceptions=False)

        yield open_client


@pytest.fixture
def client(browse: Browse) -> TestClient:
    return browse()


@pytest.fixture
def campaign(atlas: LocalAtlas, tmp_path: Path) -> Campaign:
    return Campaign(atlas, tmp_path)
