"""LocalAtlas without its operations, which tests/contract tests."""

import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from pytest_atlas.atlas import (
    OPERATIONS,
    Closed,
    CreateCard,
    CreateRun,
    CreateStep,
    DeleteRun,
    GetRun,
    Invalid,
    ListRuns,
    NotFound,
    Unavailable,
    UpdateRun,
)
from pytest_atlas.local import LocalAtlas, StoreError, TemplateStep
from pytest_atlas.local.atlas import HANDLERS
from pytest_atlas.local.store import open_store

SYSTEM = uuid4()


def titles(atlas: LocalAtlas) -> list[str]:
    return [run.title for run in atlas.send(ListRuns()).items]


def create(atlas: LocalAtlas, title: str) -> UUID:
    return UUID(atlas.send(CreateRun(title=title, system_id=SYSTEM)).uuid)


def test_every_operation_has_a_handler() -> None:
    assert set(HANDLERS) == set(OPERATIONS)


def test_acknowledged_changes_are_stored(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        run = atlas.send(CreateRun(title="kept", system_id=SYSTEM))
        store_id = atlas.store_id
    with LocalAtlas(path, create=True) as atlas:
        assert atlas.send(GetRun(run_id=UUID(run.uuid))) == run
        assert atlas.store_id == store_id == str(UUID(store_id))


def test_two_stores_have_two_ids(tmp_path: Path) -> None:
    with LocalAtlas(tmp_path / "a.db", create=True) as a, LocalAtlas(tmp_path / "b.db", create=True) as b:
        assert a.store_id != b.store_id


def test_the_repr_has_the_path_and_the_id(atlas: LocalAtlas, path: Path) -> None:
    assert repr(atlas) == f"<LocalAtlas {path} store={atlas.store_id[:8]}>"


def test_times_are_those_of_the_given_clock(path: Path) -> None:
    with LocalAtlas(path, clock=lambda: 1_776_078_000_123_456_789, create=True) as atlas:
        run = atlas.send(CreateRun(title="x", system_id=SYSTEM))
    assert run.created_at is not None
    assert run.created_at.isoformat() == "2026-04-13T11:00:00.123456+00:00"


def test_runs_created_at_the_same_time_are_listed_newest_first(path: Path) -> None:
    with LocalAtlas(path, clock=lambda: 0, create=True) as atlas:
        for title in ("a", "b", "c"):
            create(atlas, title)
        assert titles(atlas) == ["c", "b", "a"]


def test_a_write_begins_an_immediate_transaction(atlas: LocalAtlas) -> None:
    """Otherwise SQLite raises at once if another process has written after the read."""
    run_id = create(atlas, "x")
    statements: list[str] = []
    atlas._db.set_trace_callback(statements.append)
    atlas.send(UpdateRun(run_id=run_id, title="y"))
    atlas.send(GetRun(run_id=run_id))
    assert [statement for statement in statements if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN DEFERRED"]


def test_each_user_who_changes_a_run_is_a_contributor(path: Path) -> None:
    with (
        LocalAtlas(path, user="ada@example.com", create=True) as ada,
        LocalAtlas(path, user="bob@example.com", create=True) as bob,
    ):
        run_id = create(ada, "x")
        bob.send(GetRun(run_id=run_id))
        assert bob.send(GetRun(run_id=run_id)).contributors == ["ada@example.com"]
        bob.send(CreateCard(run_id=run_id, title="x"))
        bob.send(CreateCard(run_id=run_id, title="y"))
        run = ada.send(GetRun(run_id=run_id))
        assert (run.contributors, run.created_by) == (["ada@example.com", "bob@example.com"], "ada@example.com")
        assert ada.send(ListRuns()).items[0].contributors == run.contributors


def test_the_default_user_has_the_name_of_user_and_machine(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        name, _, machine = atlas.send(CreateRun(title="x", system_id=SYSTEM)).created_by.partition("@")
    assert name
    assert machine


def test_a_template_step_with_an_invalid_title_is_rejected(atlas: LocalAtlas) -> None:
    for title in ("", "x" * 101):
        with pytest.raises(ValueError, match="1 to 100 characters"):
            TemplateStep(title)


class TestTransaction:
    def test_other_connections_see_the_operations_after_the_commit(self, path: Path) -> None:
        with LocalAtlas(path, create=True) as writer, LocalAtlas(path, create=True) as reader:
            with writer.transaction():
                create(writer, "first")
                create(writer, "second")
                assert titles(writer) == ["second", "first"]
                assert titles(reader) == []
            assert titles(reader) == ["second", "first"]

    def test_an_exception_rolls_back_all_operations(self, atlas: LocalAtlas) -> None:
        def lose() -> None:
            with atlas.transaction():
                create(atlas, "lost")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            lose()
        assert titles(atlas) == []
        create(atlas, "works again")
        assert titles(atlas) == ["works again"]

    def test_a_rejected_operation_is_rolled_back_alone(self, atlas: LocalAtlas) -> None:
        unknown = uuid4()
        with atlas.transaction():
            create(atlas, "before")
            with pytest.raises(Invalid):
                atlas.send(CreateRun(title="rejected", system_id=SYSTEM, template_ids=(unknown,)))
            with pytest.raises(NotFound):
                atlas.send(UpdateRun(run_id=unknown, title="x"))
            create(atlas, "after")
        assert titles(atlas) == ["after", "before"]

    def test_a_failed_operation_is_rolled_back(self, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
        template = atlas.add_template("x", steps=[TemplateStep("a")])

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        with atlas.transaction():
            create(atlas, "before")
            with monkeypatch.context() as patched:
                patched.setattr("pytest_atlas.local.cards.add_step", fail)
                with pytest.raises(ZeroDivisionError):
                    atlas.send(CreateRun(title="incomplete", system_id=SYSTEM, template_ids=(template,)))
        assert titles(atlas) == ["before"]
        assert atlas.send(CreateRun(title="next", system_id=SYSTEM)).test_run_id == "TR-0002"

    def test_a_nested_transaction_is_part_of_the_outer_one(self, atlas: LocalAtlas) -> None:
        def lose() -> None:
            with atlas.transaction():
                with atlas.transaction():
                    create(atlas, "inner")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            lose()
        assert titles(atlas) == []

    def test_other_threads_wait_for_the_commit(self, atlas: LocalAtlas) -> None:
        seen: list[list[str]] = []
        started = threading.Event()

        def look() -> None:
            started.set()
            seen.append(titles(atlas))

        with atlas.transaction():
            create(atlas, "first")
            thread = threading.Thread(target=look)
            thread.start()
            assert started.wait(30)
            create(atlas, "second")
            assert seen == []
        thread.join(30)
        assert seen == [["second", "first"]]

    def test_a_transaction_that_sqlite_ended_accepts_no_operation(self, atlas: LocalAtlas) -> None:
        create(atlas, "kept")

        def lose() -> None:
            with atlas.transaction():
                create(atlas, "lost")
                atlas._db.execute("ROLLBACK")  # as SQLite itself does on a full or broken disk
                with pytest.raises(Unavailable, match="was rolled back"):
                    create(atlas, "after the end")

        with pytest.raises(StoreError, match="the transaction was rolled back"):
            lose()
        assert titles(atlas) == ["kept"]
        create(atlas, "works again")
        assert titles(atlas) == ["works again", "kept"]


def test_a_full_disk_is_unavailable_and_does_not_damage_the_store(atlas: LocalAtlas) -> None:
    create(atlas, "kept")
    pages = atlas._db.execute("PRAGMA page_count").fetchone()[0]
    atlas._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable, match="full") as full:
        atlas.send(CreateRun(title="too much", system_id=SYSTEM, description="x" * 100_000))
    assert full.value.status == 503
    atlas._db.execute("PRAGMA max_page_count = 1000000")
    create(atlas, "works again")
    assert titles(atlas) == ["works again", "kept"]
    assert atlas.send(ListRuns()).items[0].test_run_id == "TR-0002"


def test_a_store_that_another_process_locks_is_unavailable(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas, closing(open_store(path, create=True)) as other:
        atlas._db.execute("PRAGMA busy_timeout = 20")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked") as error:
            create(atlas, "x")
        assert error.value.status == 503
        with pytest.raises(StoreError, match="locked"), atlas.transaction():
            pytest.fail("the transaction began")
        other.execute("ROLLBACK")
        create(atlas, "works again")


def test_httpx_boto3_and_asyncio_are_not_imported(path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from uuid import UUID
from pytest_atlas.atlas import CreateRun, SearchRuns
from pytest_atlas.local import LocalAtlas
with LocalAtlas(Path({str(path)!r}), create=True) as atlas:
    atlas.send(CreateRun(title="x", system_id=UUID(int=1)))
    atlas.send(SearchRuns(q="x"))
print(sorted({{"httpx", "boto3", "asyncio", "starlette"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_counts_and_search_index_are_updated(atlas: LocalAtlas) -> None:
    run_ids = [create(atlas, f"run {n}") for n in range(3)]
    for run_id in run_ids:
        card = atlas.send(CreateCard(run_id=run_id, title="card"))
        for n in range(5):
            atlas.send(CreateStep(run_id=run_id, card_id=UUID(card.uuid), title=f"step {n}"))
    atlas.send(DeleteRun(run_id=run_ids[0]))
    db = atlas._db
    for table in ("runs", "cards", "steps", "reports"):
        db.execute(f"INSERT INTO {table}_fts ({table}_fts, rank) VALUES ('integrity-check', 1)")
    counted = "SELECT run, 'card', count(*) FROM cards GROUP BY run UNION SELECT run, 'todo', count(*) FROM steps GROUP BY run"
    kept = db.execute("SELECT run, what, n FROM tallies WHERE n > 0 ORDER BY 1, 2").fetchall()
    assert [tuple(row) for row in kept] == [tuple(row) for row in db.execute(f"{counted} ORDER BY 1, 2")]


def test_a_store_is_created_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "new" / "atlas.db"
    with pytest.raises(StoreError, match=re.escape(f"{path}: does not exist")) as caught:
        LocalAtlas(path)
    assert caught.value.path == path
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(StoreError, match="does not exist"):
        LocalAtlas(path)
    assert path.read_bytes() == b""


def test_the_path_can_be_a_string(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with LocalAtlas("atlas.db", create=True) as atlas:
        made = atlas.send(CreateRun(title="x", system_id=uuid4()))
    with LocalAtlas(str(tmp_path / "atlas.db")) as atlas:
        assert atlas.path == tmp_path / "atlas.db"
        assert atlas.send(GetRun(run_id=made.uuid)) == made


def test_a_closed_local_atlas_raises_closed_or_store_error(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        pass
    atlas.close()
    with pytest.raises(Closed, match=re.escape(f"the local Atlas in {path} is closed")):
        atlas.send(ListRuns())
    with pytest.raises(Closed):
        atlas.send(CreateRun(title="x", system_id=uuid4()))
    for call in (lambda: atlas.add_template("x"), lambda: atlas.name(uuid4(), "x"), atlas.transaction().__enter__):
        with pytest.raises(StoreError, match="is closed"):
            call()
