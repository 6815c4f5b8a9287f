"""Each benchmark runs once with the smallest size, so that a changed message or name is noticed. No figure is checked."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from benchmarks import (
    client,
    files,
    fixture,
    hooks,
    jitter,
    local_store,
    many,
    pages,
    publisher,
    real_suites,
    sessions,
    suites,
    uploads,
)
from benchmarks.measuring import Row
from benchmarks.stand_in import stand_in


@pytest.fixture(autouse=True)
def shared_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep all processors for the process of the tests."""
    for module in (client, uploads):
        monkeypatch.setattr(module, "apart", lambda _: None)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A project of one test."""
    return suites.make(tmp_path / "suite", 1)


def test_sessions_are_recorded_and_published(suite: Path) -> None:
    assert sessions.recorded(suite).code == 0
    assert sessions.published(suite).code == 0
    with stand_in() as server:
        assert sessions.published(suite, server.url).code == 0
        assert server.count().operations > 0


def test_the_unused_plugin_is_measured(suite: Path) -> None:
    assert sessions.loading(suite) > 0
    assert "pytest_atlas.plugin" in sessions.imported(suite)


def test_a_session_that_is_not_published_is_an_error(suite: Path) -> None:
    with pytest.raises(RuntimeError, match="exit code"):
        sessions.published(suite, "http://127.0.0.1:1")


def test_the_publisher_publishes_to_both_kinds_of_atlas(tmp_path: Path) -> None:
    session = publisher.record(tmp_path / "suite", 1)
    with stand_in() as server:
        remote = publisher.remote(session, 1, server)
    assert remote.counted is not None
    assert remote.counted.by_kind["POST steps"] == 1
    assert publisher.local(session, 1, tmp_path / "atlas").status.state == "done"


def test_data_files_are_published(tmp_path: Path) -> None:
    with stand_in() as atlas, uploads.server() as s3:
        recorded, published = files.publish(tmp_path / "suite", files.MANY.format(count=2), atlas.url, s3)
        assert atlas.count().by_kind["POST data"] == 2
    assert (recorded.code, published.code) == (0, 0)


def test_many_parameter_sets_are_published() -> None:
    assert "publisher: peak memory with 10 tests" in names(many.rows(10))


def test_the_control_loop_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jitter, "LOOP", jitter.LOOP.replace("= 0.001, 3", "= 0.001, 0.01"))
    monkeypatch.setattr(jitter, "TESTS", 1)
    monkeypatch.setattr(jitter, "BUSY_BYTES", -1)
    assert len(names(jitter.rows(1))) == 2


def test_the_fixture_and_the_hooks_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixture, "SAMPLES", 10)
    assert "`atlas.measure` with a limit" in names(fixture.rows(1))
    assert "`pytest_atlas_card` in a line, each test" in names(hooks.rows(1))


def test_a_large_local_atlas_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["local_store", "--runs", "1", "--steps", "1"])
    monkeypatch.setattr(local_store, "BATCH", 2)
    local_store.main()
    assert "delete a run of 14 steps" in capsys.readouterr().out


def test_the_transports_are_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(client, "OPERATIONS_PER_ROUND", 2)
    client.main(1)
    assert "AsyncAtlasClient" in capsys.readouterr().out


def test_a_real_suite_is_compared(suite: Path) -> None:
    python = Path(sys.executable)
    one = real_suites.Suite("one", ".", ())
    collected = real_suites.collect(one, suite, python)
    assert collected == ["test_0000.py::test_0"]
    assert real_suites.mirror(one, suite, python, collected, ()).mismatches == ()


def names(rows: Iterable[Row]) -> list[str]:
    """Return the names of the figures."""
    return [row.what for row in rows]


def test_each_page_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = ("--runs=2", "--steps=2", "--systems=1", "--large=3", "--repeats=1")
    monkeypatch.setattr(sys, "argv", ["pages", *sizes, "--store", str(tmp_path)])
    pages.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if " ms " in line]
    assert len(lines) == 12
    assert all(line.endswith("  200") for line in lines), lines
