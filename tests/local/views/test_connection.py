"""Connections for pages: read only, one snapshot per page, a time limit, clear errors."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from pytest_atlas.atlas import CreateRun
from pytest_atlas.local import LocalAtlas, StoreError
from pytest_atlas.local.schema import MIGRATIONS
from pytest_atlas.local.views import TooSlow, Views

ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def views(atlas: LocalAtlas) -> Iterator[Views]:
    made = Views(atlas.path, time_limit_s=60)
    yield made
    made.close()


def create_run(atlas: LocalAtlas) -> None:
    atlas.send(CreateRun(title="r", system_id=UUID(int=1)))


def count(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM runs").fetchone()[0])


def test_all_queries_of_a_page_see_the_same_instant(atlas: LocalAtlas, views: Views) -> None:
    with views.read() as db:
        assert count(db) == 0
        create_run(atlas)
        assert count(db) == 0
    with views.read() as db:
        assert count(db) == 1


def test_a_page_can_write_nothing(views: Views) -> None:
    with pytest.raises(StoreError, match="readonly"), views.read() as db:
        db.execute("DELETE FROM runs")


def test_a_page_ends_after_the_time_limit_and_the_next_one_works(atlas: LocalAtlas) -> None:
    with closing(Views(atlas.path, time_limit_s=0.01)) as views:
        with pytest.raises(TooSlow, match=r"0\.01 s"), views.read() as db:
            db.execute(ENDLESS).fetchone()
        with views.read() as db:
            assert count(db) == 0


def test_nested_blocks_and_threads_have_separate_connections(views: Views) -> None:
    with views.read() as outer, views.read() as inner:
        assert outer is not inner
    found: list[int] = []

    def page() -> None:
        for _ in range(50):
            with views.read() as db:
                found.append(count(db))

    threads = [threading.Thread(target=page) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 200


def test_the_connection_of_a_failed_page_is_used_again(views: Views) -> None:
    with pytest.raises(KeyError), views.read() as first:
        raise KeyError
    with views.read() as second:
        assert second is first


def test_the_version_changes_with_each_commit_only(atlas: LocalAtlas, views: Views) -> None:
    before = views.version()
    assert views.version() == before
    create_run(atlas)
    assert views.version() != before


def test_a_store_of_a_newer_version_is_an_error_also_while_it_is_served(atlas: LocalAtlas, views: Views) -> None:
    with views.read() as db:
        count(db)
    with closing(sqlite3.connect(atlas.path)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="Update pytest-atlas"), views.read():
        pass


def test_a_missing_store_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"), Views(tmp_path / "atlas.db").read():
        pass


def test_a_damaged_store_is_an_error(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        for _ in range(200):
            create_run(atlas)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with closing(Views(path)) as views, pytest.raises(StoreError, match="damaged"), views.read() as db:
        count(db)
