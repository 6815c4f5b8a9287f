"""Pages of a store that can't be read: each has the problem and a remedy, and the server continues."""

import sqlite3
from contextlib import closing
from uuid import UUID

import pytest
from tests.support.web_client import TestClient

from pytest_atlas.atlas import CreateRun
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.schema import MIGRATIONS

PAGES = ("/", "/search?q=rail", "/runs/TR-0001", "/compare?a=TR-0001&b=TR-0002")


def create_runs(atlas: LocalAtlas, count: int) -> None:
    for number in range(count):
        atlas.send(CreateRun(title=f"rail {number}", system_id=UUID(int=1), description="text " * 100))


@pytest.mark.parametrize("page", PAGES)
def test_a_store_that_a_newer_version_has_updated_is_an_error_page(client: TestClient, atlas: LocalAtlas, page: str) -> None:
    create_runs(atlas, 2)
    with closing(sqlite3.connect(atlas.path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    answer = client.get(page)
    assert answer.status_code == 503
    assert "Update pytest-atlas" in answer.text
    with closing(sqlite3.connect(atlas.path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    assert client.get("/search?q=rail").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_store_is_an_error_page(client: TestClient, atlas: LocalAtlas, page: str) -> None:
    create_runs(atlas, 200)
    with closing(sqlite3.connect(atlas.path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = atlas.path.stat().st_size
    with atlas.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    answer = client.get(page)
    assert answer.status_code == 503
    assert "can&#39;t be read" in answer.text
    assert client.get("/login").status_code == 303, "pages without the store work"
