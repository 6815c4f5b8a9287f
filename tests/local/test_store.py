"""The SQLite file: durability, migrations, errors."""

import os
import sqlite3
import sys
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest

from pytest_atlas.local import StoreError
from pytest_atlas.local.schema import MIGRATIONS
from pytest_atlas.local.store import choose_journal, open_store, savepoint, transaction


def pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_store_is_durable_and_has_foreign_keys(path: Path) -> None:
    with closing(open_store(path, create=True)) as db:
        assert pragma(db, "journal_mode") == "wal"
        assert pragma(db, "synchronous") == 2, "FULL"
        assert pragma(db, "foreign_keys") == 1
        assert pragma(db, "user_version") == len(MIGRATIONS)


def test_missing_directories_are_created(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b ä" / "atlas.db"
    open_store(path, create=True).close()
    assert path.is_file()


def test_the_uuid_of_a_store_does_not_change(path: Path) -> None:
    uuids = set()
    for _ in range(2):
        with closing(open_store(path, create=True)) as db:
            uuids |= {row["uuid"] for row in db.execute("SELECT uuid FROM store")}
    assert len(uuids) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="SQLite has this file system for POSIX only")
def test_a_disk_without_shared_memory_gets_a_rollback_journal(path: Path) -> None:
    # This file system of SQLite locks as on a network drive, without memory that processes share.
    with closing(sqlite3.connect(f"{path.as_uri()}?vfs=unix-dotfile", uri=True, isolation_level=None)) as db:
        assert choose_journal(db) == "delete"
        db.execute("CREATE TABLE t (x)")
        assert pragma(db, "journal_mode") == "delete"


def test_a_file_that_is_not_a_database_is_not_changed(path: Path) -> None:
    path.write_bytes(b"some notes, longer than any header " * 100)
    with pytest.raises(StoreError, match="not a database") as error:
        open_store(path, create=True)
    assert str(path) in str(error.value)
    assert path.read_bytes().startswith(b"some notes")


def test_the_error_for_an_impossible_directory_has_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--atlas-dir"):
        open_store(tmp_path / "file" / "atlas.db", create=True)


def test_a_store_of_a_newer_version_is_not_changed(path: Path) -> None:
    with closing(open_store(path, create=True)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="Update pytest-atlas"):
        open_store(path, create=True)


def test_the_time_to_wait_for_another_process_is_limited(path: Path) -> None:
    open_store(path, create=True).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA user_version = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            open_store(path, busy_s=0.05, create=True)


def test_a_failed_migration_is_rolled_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_atlas.local.store.MIGRATIONS", (("CREATE TABLE one (x)", "CREATE TABLE one (x)"),))
    with pytest.raises(StoreError, match="already exists"):
        open_store(path, create=True)
    monkeypatch.undo()
    open_store(path, create=True).close()


def test_an_older_store_is_migrated_with_its_content(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(path, create=True)) as db:
        uuid = db.execute("SELECT uuid FROM store").fetchone()[0]
    monkeypatch.setattr("pytest_atlas.local.store.MIGRATIONS", (*MIGRATIONS, ("ALTER TABLE store ADD COLUMN note",)))
    with closing(open_store(path, create=True)) as db:
        assert tuple(db.execute("SELECT uuid, note FROM store").fetchone()) == (uuid, None)
        assert pragma(db, "user_version") == len(MIGRATIONS) + 1


def test_an_exception_rolls_back_its_transaction_or_savepoint(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:

        def insert(around: AbstractContextManager[None], value: int, error: type[BaseException] | None = None) -> None:
            with around:
                db.execute("INSERT INTO t VALUES (?)", (value,))
                if error:
                    raise error

        db.execute("CREATE TABLE t (x)")
        with transaction(db, "IMMEDIATE"):
            insert(nullcontext(), 1)
            with pytest.raises(ZeroDivisionError):
                insert(savepoint(db), 2, ZeroDivisionError)
            insert(savepoint(db), 3)
        with pytest.raises(KeyboardInterrupt):
            insert(transaction(db, "IMMEDIATE"), 4, KeyboardInterrupt)
        assert [x for (x,) in db.execute("SELECT x FROM t")] == [1, 3]
        assert not db.in_transaction


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root can write everywhere")
def test_a_read_only_directory_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="can't be opened"):
        open_store(tmp_path / "atlas.db", create=True)
