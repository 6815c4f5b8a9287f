import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from tests.support.served_atlas import TOKEN, ServedAtlas, served_atlas


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAtlas]:
    with served_atlas(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def http(served: ServedAtlas) -> Iterator[httpx.Client]:
    """The served API, with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{served.url}/api/v1", headers=headers, trust_env=False) as client:
        yield client


def ask(application: Starlette, method: str, url: str, **options: Any) -> httpx.Response:
    """Ask an application without a socket; `url` is whole."""

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application)) as client:
            return await client.request(method, url, **options)

    return asyncio.run(send())
