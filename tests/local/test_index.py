"""The index for the pages: the same after any sequence of writes as after a rebuild, and filled for stores of version 3."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.bench_history import COLUMNS, Bench, Card, Measured, Test, csv_bytes

from pytest_atlas.atlas import (
    CreateCard,
    CreateRun,
    CreateStep,
    DeleteCard,
    DeleteDataFile,
    DeleteRun,
    DeleteStep,
    GetRun,
    RegisterDataFile,
    UpdateRun,
    UpdateStep,
)
from pytest_atlas.atlas.operations import Association
from pytest_atlas.descriptions import Attempt, Attempts, RunSummary, join_description, render_attempts, render_run_summary
from pytest_atlas.local import LocalAtlas, index
from pytest_atlas.local.schema import MIGRATIONS
from pytest_atlas.local.store import open_store
from pytest_atlas.local.views import Views

ALL = {
    "steps": "SELECT id, test, worker, attempts, session FROM steps ORDER BY id",
    "details": "SELECT * FROM run_details ORDER BY run",
    "files": "SELECT * FROM indexed_files ORDER BY file",
    "measurements": (
        "SELECT system_id, run, file, card, step, test, name, value, text, unit, low, high, equal, verdict, at, attempt, "
        "session, valid, inner_step, device, bench, firmware FROM measurements ORDER BY file, test, name, text, at, id"
    ),
}
"""All index data, without the ids that a rebuild may assign in another order."""

SYSTEM = UUID(int=7)
AT = 1_795_708_360


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    views = Views(path, time_limit_s=60)
    try:
        with views.read() as db:
            return {name: [tuple(row) for row in db.execute(sql)] for name, sql in ALL.items()}
    finally:
        views.close()


def rows(atlas: LocalAtlas, sql: str) -> list[dict[str, Any]]:
    with closing(open_store(atlas.path, create=False)) as db:
        return [dict(row) for row in db.execute(sql)]


def described(nodeid: str, *attempts: Attempt) -> str:
    listed = render_attempts(Attempts("passed", attempts)) if attempts else ""
    return join_description("Doc.", [], f"pytest: {nodeid}", listed)


def summary(**values: Any) -> str:
    return join_description("", render_run_summary(RunSummary(**values)), "pytest-atlas: s1")


@pytest.fixture
def bench(atlas: LocalAtlas, tmp_path: Path) -> Bench:
    return Bench(atlas, tmp_path, SYSTEM)


class TestDescriptions:
    def test_a_step_has_its_test_the_newest_worker_and_the_number_of_attempts(self, atlas: LocalAtlas) -> None:
        run = UUID(atlas.send(CreateRun(title="r", system_id=SYSTEM)).uuid)
        card = UUID(atlas.send(CreateCard(run_id=run, title="c")).uuid)
        step = UUID(atlas.send(CreateStep(run_id=run, card_id=card, title="s", description=described("a.py::b"))).uuid)
        assert rows(atlas, ALL["steps"]) == [{"id": 1, "test": "a.py::b", "worker": None, "attempts": None, "session": None}]
        text = described("a.py::b", Attempt(AT, "bench-3 gw12", "s2", "passed"), Attempt(AT - 9, "bench-3 gw1", "s1", "failed"))
        response = atlas.send(UpdateStep(run_id=run, card_id=card, step_id=step, description=text))
        assert rows(atlas, ALL["steps"]) == [{"id": 1, "test": "a.py::b", "worker": "gw12", "attempts": 2, "session": "s2"}]
        assert not {"test", "worker", "attempts", "session"} & set(response.model_dump()), "index data in a response of the API"

    def test_a_skip_in_a_later_session_supersedes_nothing(self) -> None:
        text = described("a", Attempt(AT, "bench-3", "s2", "skipped"), Attempt(AT - 9, "bench-3 gw1", "s1", "passed"))
        assert index.step_columns(text) == {"test": "a", "worker": "gw1", "attempts": 2, "session": "s1"}

    def test_a_step_of_a_person_has_no_test(self) -> None:
        assert set(index.step_columns("Look at the LED.").values()) == {None}

    def test_a_run_has_the_properties_of_its_session(self, atlas: LocalAtlas) -> None:
        environment = (("Git", "main@1f0c9e2b4d (modified)"), ("CI job", "https://ci/7"), ("Host", "bench-7"), ("Bench", "B7"))
        begun = summary(started_at=AT, job="nightly", environment=environment)
        run = UUID(atlas.send(CreateRun(title="r", system_id=SYSTEM, description=begun)).uuid)
        (found,) = rows(atlas, ALL["details"])
        assert (found["state"], found["started_at"], found["ended_at"]) == ("running", AT * 1_000_000, None)
        ended = summary(
            counts=(("passed", 2),), started_at=AT, exit_status=1, duration_s=60.5, job="nightly", environment=environment
        )
        atlas.send(UpdateRun(run_id=run, description=ended))
        (found,) = rows(atlas, ALL["details"])
        assert json.loads(found.pop("environment")) == dict(environment)
        assert found == {
            "run": 1,
            "state": "ended",
            "exit_status": 1,
            "host": "bench-7",
            "job": "nightly",
            "ci_url": "https://ci/7",
            "git_commit": "1f0c9e2b4d",
            "branch": "main",
            "device": None,
            "bench": "B7",
            "firmware": None,
            "started_at": AT * 1_000_000,
            "ended_at": AT * 1_000_000 + 60_500_000,
            "duration_us": 60_500_000,
        }

    @pytest.mark.parametrize(
        ("values", "state"),
        [({"counts": (), "has_died": True}, "died"), ({"counts": (), "interrupted": "KeyboardInterrupt"}, "interrupted")],
    )
    def test_a_run_has_the_state_of_its_session(self, values: dict[str, Any], state: str) -> None:
        assert index.run_details(summary(**values))["state"] == state

    def test_a_run_of_a_person_has_no_details(self) -> None:
        assert set(index.run_details("Started: when it was warm").values()) == {None}


class TestMeasurements:
    def test_the_values_of_a_file_are_indexed_when_it_is_registered(self, bench: Bench, atlas: LocalAtlas) -> None:
        bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (12.5, "trip"), "V", low=11.0, high=13.0)])])])
        first, second = rows(atlas, "SELECT * FROM measurements ORDER BY id")
        assert first | {"at": 0} == {
            "id": 1,
            "system_id": str(SYSTEM),
            "run": 1,
            "file": 1,
            "card": 1,
            "step": 1,
            "test": "tests/test_trip.py::test_a",
            "name": "rail",
            "value": 12.5,
            "text": "12.5",
            "unit": "V",
            "low": 11.0,
            "high": 13.0,
            "equal": None,
            "verdict": "pass",
            "at": 0,
            "attempt": None,
            "session": "",
            "valid": 1,
            "inner_step": None,
            "device": None,
            "bench": None,
            "firmware": None,
            "quantity": 1,
        }
        assert first["at"] == 1_772_402_400_000_000, "2026-03-01 22:00 UTC"
        assert (second["value"], second["text"]) == (None, "trip")

    def test_columns_are_read_by_name(self, bench: Bench, atlas: LocalAtlas) -> None:
        run = bench.run("r", [Card("c", [])])
        header = ("firmware", "name", "dut", "value", "test", "step", "bench", "attempt", "valid", "session", "future")
        file = csv_bytes(header, [("2.4", "rail", "SN1", "1", "a.py::b", "power on", "B7", "2", "false", "s-1", "x")])
        bench.register(run, "measurements.csv", file)
        (found,) = rows(atlas, "SELECT * FROM measurements")
        assert (found["device"], found["bench"], found["firmware"], found["inner_step"]) == ("SN1", "B7", "2.4", "power on")
        assert (found["attempt"], found["valid"], found["session"]) == (2, 0, "s-1")

    def test_values_of_an_older_session_are_not_valid(self, bench: Bench, atlas: LocalAtlas) -> None:
        run = bench.run("r", [Card("c", [])])
        card = UUID(atlas.send(GetRun(run_id=run)).test_cards[0].uuid)
        text = described("a.py::b", Attempt(AT, "h", "s2", "passed"), Attempt(AT - 9, "h", "s1", "failed"))
        atlas.send(CreateStep(run_id=run, card_id=card, title="b", description=text))
        for session, value in (("s1", "1"), ("s2", "2")):
            file = csv_bytes((*COLUMNS, "session"), [("a.py::b", "rail", value, "V", "", "", "none", "", session)])
            bench.register(run, "measurements.csv", file, Association(test_card_id=card))
        assert [(row["text"], row["valid"]) for row in rows(atlas, "SELECT * FROM measurements")] == [("1", 0), ("2", 1)]

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"", "empty"),
            (b"\0\1\2", "unreadable: no text in its first line"),
            (b"a,b\n1,2\n", "unreadable: no column test"),
            (b"test,name,value\n" + b"x" * 300_000, "not understood: a line of over 256 KiB"),
        ],
    )
    def test_an_unreadable_file_is_registered_and_marked(
        self, bench: Bench, atlas: LocalAtlas, data: bytes, problem: str
    ) -> None:
        run = bench.run("r", [Card("c", [])])
        bench.register(run, "measurements.csv", data)
        assert len(atlas.send(GetRun(run_id=run)).test_data) == 1
        assert rows(atlas, ALL["files"]) == [{"file": 1, "rows": 0, "problem": f"not indexed: {problem}"}]

    @pytest.mark.parametrize(("limit", "text"), [("MAX_ROWS", "more than 1 values"), ("MAX_BYTES", "larger than 0 MiB")])
    def test_a_large_file_is_registered_and_marked(
        self, bench: Bench, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch, limit: str, text: str
    ) -> None:
        monkeypatch.setattr(index, limit, 1)
        bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0, 2.0))])])])
        (found,) = rows(atlas, ALL["files"])
        assert found["rows"] == 0
        assert text in found["problem"]
        assert rows(atlas, ALL["measurements"]) == []

    def test_a_file_in_s3_is_registered_and_marked(self, bench: Bench, atlas: LocalAtlas) -> None:
        run = bench.run("r", [])
        atlas.send(RegisterDataFile(run_id=run, file_name="measurements.csv", s3_url="s3://b/measurements.csv", file_size=9))
        (found,) = rows(atlas, ALL["files"])
        assert found["problem"] == "not indexed: the file is not in this local Atlas"

    def test_a_file_without_its_object_is_marked_in_a_rebuild(self, bench: Bench, atlas: LocalAtlas) -> None:
        bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0,))])])])
        (file,) = rows(atlas, "SELECT s3_url FROM files")
        atlas.objects.remove(file["s3_url"])
        atlas.rebuild_index()
        (found,) = rows(atlas, ALL["files"])
        assert found["problem"].startswith("not indexed: [Errno 2]")

    def test_any_error_of_a_file_leaves_its_registration(
        self, bench: Bench, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_: object) -> Iterator[object]:
            raise ZeroDivisionError("bad luck")

        monkeypatch.setattr("pytest_atlas.analysis.measurements.read_rows", fail)
        with caplog.at_level(logging.CRITICAL, "pytest_atlas.local.index"):
            bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0,))])])])
        (found,) = rows(atlas, ALL["files"])
        assert found["problem"] == "not indexed: ZeroDivisionError('bad luck')"

    def test_a_large_file_is_indexed_later(self, bench: Bench, atlas: LocalAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pytest_atlas.local.files.EAGER_BYTES", 1)
        bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0,))])])])
        assert rows(atlas, ALL["measurements"]) == []
        assert atlas.update_index() == 0
        assert [row["text"] for row in rows(atlas, ALL["measurements"])] == ["1.0"]

    def test_a_transaction_is_indexed_after_its_commit(self, bench: Bench, atlas: LocalAtlas) -> None:
        with atlas.transaction():
            bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0,))])])])
            assert rows(atlas, ALL["files"]) == []
        assert [row["text"] for row in rows(atlas, ALL["measurements"])] == ["1.0"]


class TestStoreOfVersion3:
    @pytest.fixture
    def old(self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Make a store, then remove everything that migration 4 added."""
        with LocalAtlas(path, create=True) as atlas:
            bench = Bench(atlas, tmp_path)
            for number in range(3):
                text = summary(counts=(("passed", 1),), started_at=AT + number)
                run = bench.run("r", [Card("c", [Test("test_a", [Measured("rail", (1.0,))])])])
                atlas.send(UpdateRun(run_id=run, description=text))
            self.expected = content(path)
        with closing(open_store(path, create=False)) as db:
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("DROP VIEW measurements")
            for name in ("steps_by_test", "failed_steps"):
                db.execute(f"DROP INDEX {name}")
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%changes%'"
            ).fetchall():
                db.execute(f"DROP TRIGGER {name}")
            for table in ("changes", "run_details", "measured", "quantities", "indexed_files", "unindexed"):
                db.execute(f"DROP TABLE {table}")
            for column in index.STEP_COLUMNS:
                db.execute(f"ALTER TABLE steps DROP COLUMN {column}")
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
        return path

    def test_it_is_opened_without_the_index_and_filled_in_steps(self, old: Path) -> None:
        with LocalAtlas(old) as atlas:
            assert content(old)["details"] == []
            assert atlas.update_index(seconds=-1) == 6, "3 runs and 3 files"
            assert content(old)["details"] == []
            assert atlas.update_index() == 0
        assert content(old) == self.expected

    def test_a_write_before_the_index_is_kept(self, old: Path) -> None:
        with LocalAtlas(old) as atlas:
            run = UUID(rows(atlas, "SELECT uuid FROM runs WHERE id = 2")[0]["uuid"])
            atlas.send(UpdateRun(run_id=run, description=summary(counts=(), has_died=True)))
            atlas.send(DeleteRun(run_id=UUID(rows(atlas, "SELECT uuid FROM runs WHERE id = 1")[0]["uuid"])))
            assert atlas.update_index() == 0
            assert [row["state"] for row in rows(atlas, ALL["details"])] == ["died", "ended"]


def test_the_cost_of_a_run_does_not_depend_on_the_other_runs(atlas: LocalAtlas, bench: Bench) -> None:
    def instructions() -> int:
        """Return a number that increases with the work of SQLite to index the first run."""
        seen = []
        with closing(open_store(atlas.path, create=False)) as db:
            db.set_progress_handler(lambda: seen.append(1), 10)
            index.index_run(db, 1)
            index.pending_runs(db)
        return len(seen)

    bench.run("r", [Card("c", [Test("test_a"), Test("test_b")])])
    alone = instructions()
    bench.run("r", [Card("c", [Test(f"test_{n}") for n in range(200)])])
    assert instructions() < 2 * alone


class TestChanges:
    def test_every_write_below_a_run_increases_its_number(self, atlas: LocalAtlas, bench: Bench) -> None:
        def number() -> int:
            return int(rows(atlas, "SELECT n FROM changes WHERE run = 1")[0]["n"])

        run = bench.run("r", [])
        bench.run("other", [Card("c", [Test("test_a")])])
        seen = [number()]
        card = UUID(atlas.send(CreateCard(run_id=run, title="c")).uuid)
        seen.append(number())
        step = UUID(atlas.send(CreateStep(run_id=run, card_id=card, title="s")).uuid)
        seen.append(number())
        atlas.send(UpdateStep(run_id=run, card_id=card, step_id=step, execution_status="passed"))
        seen.append(number())
        bench.register(run, "measurements.csv", csv_bytes(COLUMNS, []))
        seen.append(number())
        (file,) = atlas.send(GetRun(run_id=run)).test_data
        seen.append(number() + 1)  # a read changes nothing
        atlas.send(DeleteDataFile(run_id=run, file_id=UUID(file.uuid)))
        atlas.send(UpdateRun(run_id=run, title="t"))
        seen.append(number())
        atlas.send(DeleteStep(run_id=run, card_id=card, step_id=step))
        seen.append(number())
        atlas.send(DeleteCard(run_id=run, card_id=card))
        seen.append(number())
        assert seen == sorted(set(seen))
        atlas.send(DeleteRun(run_id=run))
        assert [row["run"] for row in rows(atlas, "SELECT run FROM changes")] == [2]

    def test_the_time_of_the_last_change_is_utc_in_microseconds(self, atlas: LocalAtlas) -> None:
        atlas.send(CreateRun(title="r", system_id=SYSTEM))
        (row,) = rows(atlas, "SELECT c.at - r.updated_at AS difference FROM changes c JOIN runs r ON r.id = c.run")
        assert abs(row["difference"]) < 60_000_000


NODEIDS = st.sampled_from(["a.py::x", "a.py::y", "a.py::x > inner"])
SESSIONS = st.sampled_from(["s1", "s2"])
OUTCOMES = st.sampled_from(["passed", "failed", "skipped"])
ATTEMPTS = st.builds(Attempt, at=st.integers(AT, AT + 9), place=st.just("h gw1"), session=SESSIONS, outcome=OUTCOMES)
TEXTS = st.builds(described, NODEIDS) | st.builds(described, NODEIDS, ATTEMPTS, ATTEMPTS) | st.just("by hand")
ROWS = st.lists(
    st.tuples(NODEIDS, st.sampled_from(["rail", "time"]), st.sampled_from(["1.5", "on", "nan"]), SESSIONS, st.just("true")),
    max_size=3,
)
FILES = st.builds(csv_bytes, st.just(("test", "name", "value", "session", "valid")), ROWS) | st.just(b"broken")
WRITES = st.one_of(
    st.tuples(st.just("run"), st.builds(summary, started_at=st.none() | st.just(AT))),
    st.tuples(st.just("describe"), st.builds(summary, counts=st.none() | st.just(()), started_at=st.none() | st.just(AT))),
    st.tuples(st.just("step"), TEXTS),
    st.tuples(st.just("update"), TEXTS),
    st.tuples(st.just("file"), FILES),
    st.tuples(st.sampled_from(["delete run", "delete card", "delete step", "delete file"]), st.none()),
)


class Writer:
    """Writes to the newest run, its only card, its newest step."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.atlas = bench.atlas
        self.runs: list[UUID] = []
        self.write("run", "")

    def write(self, kind: str, value: Any) -> None:
        if kind == "run" or not self.runs:
            text = value if kind == "run" else ""
            self.runs.append(UUID(self.atlas.send(CreateRun(title="r", system_id=SYSTEM, description=text)).uuid))
            return
        ids = {"run_id": self.runs[-1]}
        run = self.atlas.send(GetRun(run_id=self.runs[-1]))
        if kind == "delete run":
            self.atlas.send(DeleteRun(run_id=self.runs.pop()))
        elif kind == "describe":
            self.atlas.send(UpdateRun(run_id=self.runs[-1], description=value))
        elif kind == "delete file" and run.test_data:
            self.atlas.send(DeleteDataFile(run_id=self.runs[-1], file_id=UUID(run.test_data[0].uuid)))
        elif not run.test_cards:
            self.atlas.send(CreateCard(run_id=self.runs[-1], title=f"card {uuid4()}"))
        else:
            self._below(run.test_cards[0], ids, kind, value)

    def _below(self, card: Any, ids: dict[str, UUID], kind: str, value: Any) -> None:
        ids = {**ids, "card_id": UUID(card.uuid)}
        if kind == "delete card":
            self.atlas.send(DeleteCard.model_validate(ids))
        elif kind == "file":
            self.bench.register(ids["run_id"], "measurements.csv", value, Association(test_card_id=ids["card_id"]))
        elif kind == "step" or not card.test_steps:
            self.atlas.send(CreateStep.model_validate({**ids, "title": "s", "description": value or ""}))
        elif kind in ("update", "delete step"):
            ids["step_id"] = UUID(card.test_steps[-1].uuid)
            if value is None:
                self.atlas.send(DeleteStep.model_validate(ids))
            else:
                self.atlas.send(UpdateStep.model_validate({**ids, "description": value}))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WRITES, max_size=20))
def test_the_index_is_that_of_a_rebuild(tmp_path: Path, writes: list[tuple[str, Any]]) -> None:
    directory = tmp_path / uuid4().hex
    directory.mkdir()
    with LocalAtlas(directory / "atlas.db", create=True) as atlas:
        writer = Writer(Bench(atlas, directory, SYSTEM))
        for kind, value in writes:
            writer.write(kind, value)
        before = content(atlas.path)
        atlas.rebuild_index()
        assert content(atlas.path) == before
