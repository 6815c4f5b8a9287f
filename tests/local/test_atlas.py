"""What LocalAtlas gives beside the operations; those are held to the contract in tests/contract."""

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


def test_every_operation_has_its_handler() -> None:
    assert set(HANDLERS) == set(OPERATIONS)


def test_what_was_acknowledged_is_there_after_opening_again(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        run = atlas.send(CreateRun(title="kept", system_id=SYSTEM))
        store_id = atlas.store_id
    with LocalAtlas(path, create=True) as atlas:
        assert atlas.send(GetRun(run_id=UUID(run.uuid))) == run
        assert atlas.store_id == store_id == str(UUID(store_id))


def test_two_stores_have_two_ids(tmp_path: Path) -> None:
    with LocalAtlas(tmp_path / "a.db", create=True) as a, LocalAtlas(tmp_path / "b.db", create=True) as b:
        assert a.store_id != b.store_id


def test_the_repr_says_which_store_it_is(atlas: LocalAtlas, path: Path) -> None:
    assert repr(atlas) == f"<LocalAtlas {path} store={atlas.store_id[:8]}>"


def test_times_come_from_the_clock_that_was_given(path: Path) -> None:
    with LocalAtlas(path, clock=lambda: 1_776_078_000_123_456_789, create=True) as atlas:
        run = atlas.send(CreateRun(title="x", system_id=SYSTEM))
    assert run.created_at is not None
    assert run.created_at.isoformat() == "2026-04-13T11:00:00.123456+00:00"


def test_runs_of_one_instant_are_listed_as_they_came_the_last_one_first(path: Path) -> None:
    with LocalAtlas(path, clock=lambda: 0, create=True) as atlas:
        for title in ("a", "b", "c"):
            create(atlas, title)
        assert titles(atlas) == ["c", "b", "a"]


def test_a_write_takes_its_place_before_it_reads(atlas: LocalAtlas) -> None:
    """Else SQLite refuses it at once, without waiting, when another process has written since."""
    run_id = create(atlas, "x")
    statements: list[str] = []
    atlas._db.set_trace_callback(statements.append)
    atlas.send(UpdateRun(run_id=run_id, title="y"))
    atlas.send(GetRun(run_id=run_id))
    assert [statement for statement in statements if statement.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN DEFERRED"]


def test_everybody_who_changes_a_run_contributes_to_it(path: Path) -> None:
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


def test_a_user_who_is_not_named_is_the_one_of_the_machine(path: Path) -> None:
    with LocalAtlas(path, create=True) as atlas:
        name, _, machine = atlas.send(CreateRun(title="x", system_id=SYSTEM)).created_by.partition("@")
    assert name
    assert machine


def test_a_template_is_refused_a_title_that_no_step_may_have(atlas: LocalAtlas) -> None:
    for title in ("", "x" * 101):
        with pytest.raises(ValueError, match="1 to 100 characters"):
            TemplateStep(title)


class TestTransaction:
    def test_nothing_of_it_is_seen_by_others_before_it_ends(self, path: Path) -> None:
        with LocalAtlas(path, create=True) as writer, LocalAtlas(path, create=True) as reader:
            with writer.transaction():
                create(writer, "first")
                create(writer, "second")
                assert titles(writer) == ["second", "first"]
                assert titles(reader) == []
            assert titles(reader) == ["second", "first"]

    def test_an_error_that_leaves_it_takes_all_of_it_back(self, atlas: LocalAtlas) -> None:
        def lose() -> None:
            with atlas.transaction():
                create(atlas, "lost")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            lose()
        assert titles(atlas) == []
        create(atlas, "works again")
        assert titles(atlas) == ["works again"]

    def test_a_refused_operation_takes_back_only_itself(self, atlas: LocalAtlas) -> None:
        unknown = uuid4()
        with atlas.transaction():
            create(atlas, "before")
            with pytest.raises(Invalid):
                atlas.send(CreateRun(title="refused", system_id=SYSTEM, template_ids=(unknown,)))
            with pytest.raises(NotFound):
                atlas.send(UpdateRun(run_id=unknown, title="x"))
            create(atlas, "after")
        assert titles(atlas) == ["after", "before"]

    def test_what_an_operation_wrote_before_it_failed_is_taken_back(
        self, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        template = atlas.add_template("x", steps=[TemplateStep("a")])

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        with atlas.transaction():
            create(atlas, "before")
            with monkeypatch.context() as patched:
                patched.setattr("pytest_atlas.local.cards.add_step", fail)
                with pytest.raises(ZeroDivisionError):
                    atlas.send(CreateRun(title="half made", system_id=SYSTEM, template_ids=(template,)))
        assert titles(atlas) == ["before"]
        assert atlas.send(CreateRun(title="next", system_id=SYSTEM)).test_run_id == "TR-0002"

    def test_one_inside_of_another_is_a_part_of_it(self, atlas: LocalAtlas) -> None:
        def lose() -> None:
            with atlas.transaction():
                with atlas.transaction():
                    create(atlas, "inner")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            lose()
        assert titles(atlas) == []

    def test_other_threads_wait_for_its_end(self, atlas: LocalAtlas) -> None:
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

    def test_one_that_sqlite_ended_takes_nothing_more_and_is_reported(self, atlas: LocalAtlas) -> None:
        create(atlas, "kept")

        def lose() -> None:
            with atlas.transaction():
                create(atlas, "lost")
                atlas._db.execute("ROLLBACK")  # as SQLite itself does on a full or broken disk
                with pytest.raises(Unavailable, match="was lost"):
                    create(atlas, "after the end")

        with pytest.raises(StoreError, match="nothing of this transaction was written"):
            lose()
        assert titles(atlas) == ["kept"]
        create(atlas, "works again")
        assert titles(atlas) == ["works again", "kept"]


def test_a_full_disk_is_unavailable_and_leaves_the_store_whole(atlas: LocalAtlas) -> None:
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


def test_a_store_that_another_process_keeps_is_unavailable(path: Path) -> None:
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


def test_using_it_imports_neither_network_nor_cloud_nor_event_loop(path: Path) -> None:
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


def test_counts_and_search_index_are_kept_whatever_happens(atlas: LocalAtlas) -> None:
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


def test_a_closed_local_atlas_raises_our_errors(path: Path) -> None:
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
