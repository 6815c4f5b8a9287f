"""The search of the pages: one result per test, with the positions of the matches."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.bench_history import Bench, Card, Test

from pytest_atlas.atlas import CreateReport, CreateRun, DeleteRun
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views import Views, search
from pytest_atlas.local.views.search import Filter, Found, Marked

ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.fixture
def runs(atlas: LocalAtlas, tmp_path: Path) -> list[UUID]:
    """Three runs of one system, of which the second fails, and then a run of another system."""
    first, second = Bench(atlas, tmp_path, ONE), Bench(atlas, tmp_path, TWO)
    atlas.name(ONE, "Rig 1")
    made = []
    for number in range(3):
        tests = [
            Test("test_rail_dip[8 V]", failure="AssertionError: the rail fell to 7.2 V" if number == 1 else ""),
            Test("test_b"),
        ]
        made.append(first.run(f"Nightly {number}", [Card("Undervoltage", tests)]))
    return [*made, second.run("Smoke", [Card("Undervoltage", [Test("test_rail_dip[8 V]")])])]


@pytest.fixture
def db(atlas: LocalAtlas, runs: list[UUID]) -> Iterator[sqlite3.Connection]:
    views = Views(atlas.path, time_limit_s=60)
    with views.read() as connection:
        yield connection
    views.close()


def shown(found: Found) -> list[tuple[str, str, str, int]]:
    return [(result.kind, result.title.text, result.run, result.runs) for result in found.results]


def test_a_test_in_many_runs_is_one_result_for_each_system(db: sqlite3.Connection) -> None:
    found = search.search(db, "rail dip")
    assert shown(found) == [("step", "test_rail_dip[8 V]", "TR-0004", 1), ("step", "test_rail_dip[8 V]", "TR-0003", 3)]
    newest = found.results[1]
    assert newest.statuses == ("passed", "failed", "passed")
    assert (newest.status, newest.last_failure, newest.card) == ("passed", "TR-0002", "Undervoltage")
    assert found.total == found.everything == 2
    assert not found.is_limited


def test_the_positions_of_all_matches_are_returned(db: sqlite3.Connection) -> None:
    (result,) = search.search(db, "fell AssertionError").results
    assert result.run == "TR-0002"
    assert [result.snippet.text[start : start + length] for start, length in result.snippet.marks] == ["AssertionError", "fell"]
    assert "".join(part for part, _ in result.snippet.parts) == result.snippet.text
    (title,) = (r.title for r in search.search(db, "nightly 2").results if r.kind == "run")
    assert title == Marked("Nightly 2", ((0, 7), (8, 1)))
    assert list(title.parts) == [("", False), ("Nightly", True), (" ", False), ("2", True), ("", False)]


def test_the_beginning_of_a_word_is_found_without_accents(atlas: LocalAtlas, runs: list[UUID]) -> None:
    atlas.send(CreateRun(title="Überspannung", system_id=ONE))
    with Views(atlas.path).read() as db:
        (result,) = search.search(db, "ubersp").results
    assert (result.title.text, result.title.marks) == ("Überspannung", ((0, 12),))


def test_results_are_narrowed_and_counted(db: sqlite3.Connection) -> None:
    found = search.search(db, "undervoltage", Filter(system_id=str(ONE)))
    assert shown(found) == [("card", "Undervoltage", "TR-0003", 3)]
    assert [(f.value, f.count) for f in found.kinds] == [("card", 2)]
    assert {f.value: (f.label, f.count) for f in found.systems} == {str(ONE): ("Rig 1", 1), str(TWO): (str(TWO), 1)}
    assert search.search(db, "test_b", Filter(status="failed")).results == ()
    assert search.search(db, "test_b", Filter(kind="run")).everything == 1
    assert [f.value for f in search.search(db, "rail").statuses] == ["passed"]


def test_results_have_pages(db: sqlite3.Connection) -> None:
    whole = search.search(db, "nightly")
    parts = [search.search(db, "nightly", offset=offset, limit=1).results for offset in range(4)]
    assert [result for part in parts for result in part] == list(whole.results)
    assert len(whole.results) == 3


def test_a_report_is_found(atlas: LocalAtlas, runs: list[UUID]) -> None:
    atlas.send(CreateReport(run_id=runs[1], scope="run"))
    with Views(atlas.path).read() as db:
        found = search.search(db, "fell", Filter(kind="report"))
    (result,) = found.results
    assert (result.kind, result.run) == ("report", "TR-0002")
    assert result.snippet.marks


def test_a_deleted_run_is_not_found(atlas: LocalAtlas, runs: list[UUID]) -> None:
    atlas.send(DeleteRun(run_id=runs[1]))
    with Views(atlas.path).read() as db:
        assert search.search(db, "fell").results == ()
        assert search.search(db, "rail").results[1].runs == 2


def test_only_the_newest_matches_are_examined(db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_HITS", 2)
    found = search.search(db, "rail")
    assert [result.run for result in found.results] == ["TR-0004", "TR-0003"]
    assert found.is_limited


@pytest.mark.parametrize("query", ["", "  ", '"', "*", "- -", "\0"])
def test_a_query_without_a_word_has_no_results(db: sqlite3.Connection, query: str) -> None:
    assert search.search(db, query) == Found()


@pytest.mark.parametrize("query", ["rail AND OR NOT", 'rail"', "title:rail", "rail NEAR(x", "^rail", "(rail"])
def test_no_character_is_syntax(db: sqlite3.Connection, query: str) -> None:
    assert search.search(db, query).problem == ""


def test_a_long_query_is_rejected(db: sqlite3.Connection) -> None:
    assert search.search(db, " ".join(map(str, range(200)))).problem.startswith("Search for at most")
