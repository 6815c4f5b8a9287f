"""`show`, `runs` and `search` with the local Atlas and with a remote one."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Command
from tests.support import events as f
from tests.support.served_atlas import TOKEN, served_atlas

from pytest_atlas.atlas import (
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    ListRuns,
    Operation,
    Page,
    Run,
    RunSummary,
    UpdateStep,
)
from pytest_atlas.cli.problems import CommandError
from pytest_atlas.cli.reading import Library
from pytest_atlas.journal.events import FileKept
from pytest_atlas.local import LocalAtlas

SYSTEM = UUID(f.SYSTEM)
OTHER = UUID("11111111-1111-1111-1111-111111111111")


def make(atlas: LocalAtlas, title: str, *steps: str, system: UUID = SYSTEM) -> Run:
    run = atlas.send(CreateRun(title=title, system_id=system))
    card = atlas.send(CreateCard(run_id=UUID(run.uuid), title="Overvoltage"))
    for step in steps:
        made = atlas.send(CreateStep(run_id=UUID(run.uuid), card_id=UUID(card.uuid), title=step))
        run_id, card_id, step_id = (UUID(it.uuid) for it in (run, card, made))
        atlas.send(UpdateStep(run_id=run_id, card_id=card_id, step_id=step_id, execution_status="passed"))
    return run


@pytest.fixture
def two(atlas_dir: Path) -> list[Run]:
    with LocalAtlas(atlas_dir / "atlas.db", create=True) as atlas:
        return [make(atlas, "First", "Apply 13 V"), make(atlas, "Second", "Apply 14 V", system=OTHER)]


def test_the_newest_run_is_shown_unless_one_is_named(cli: Command, two: list[Run]) -> None:
    assert cli("show").out.startswith("TR-0002  Second\n")
    assert cli("show", "TR-0001").out.startswith("TR-0001  First\n")
    assert cli("show", "tr-0001").out.startswith("TR-0001  First\n")
    assert cli("show", two[0].uuid).out.startswith("TR-0001  First\n")
    assert cli("show", two[0].uuid[:13].upper()).out.startswith("TR-0001  First\n")


def test_show_prints_a_recorded_session(cli: Command, session: Path) -> None:
    cli("push")
    result = cli("show")
    assert result.code == 0
    assert "3 steps, 100 % complete: 2 passed, 1 failed" in result.out
    assert "  ✗ test_b    1.0 s\n      │ Failed in call at tests/test_trip.py:7:\n      │ assert 112 <= 100\n" in result.out
    assert "3 tests: 2 passed, 1 failed\nStarted: 2025-11-25 00:20:00 UTC\nExit status 1" in result.out
    assert "pytest-atlas: s1" not in result.out
    assert "test_a" not in cli("show", "--failed").out


def test_a_missing_run_is_an_error(cli: Command, two: list[Run]) -> None:
    result = cli("show", "TR-9")
    assert result.code == 1
    assert result.err == (
        "pytest-atlas: no run 'TR-9' in local Atlas .atlas/atlas.db. List the runs with pytest-atlas runs\n"
    ).replace("/", "\\" if "\\" in str(Path("a/b")) else "/")
    result = cli("show", "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")
    assert result.code == 1
    assert "status 404" in result.err


def test_an_ambiguous_start_of_a_uuid_is_an_error(tmp_path: Path) -> None:
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        runs = [make(atlas, f"Run {n}") for n in range(17)]  # of 17 UUIDs, two start with the same of 16 digits
        first = [run.uuid[0] for run in runs]
        shared = next(digit for digit in first if first.count(digit) > 1)
        with pytest.raises(CommandError, match="Give more of the UUID"):
            Library(atlas, "it").find(shared)


def test_reading_does_not_create_a_local_atlas(cli: Command, atlas_dir: Path) -> None:
    for command in (["show"], ["runs"], ["search", "x"]):
        result = cli(*command)
        assert result.code == 1
        assert result.err.startswith(f"pytest-atlas: no local Atlas in {atlas_dir}.")
    assert list(atlas_dir.iterdir()) == []


def test_an_empty_atlas_is_not_an_error(cli: Command, atlas_dir: Path) -> None:
    LocalAtlas(atlas_dir / "atlas.db", create=True).close()
    assert cli("runs").out.startswith("no runs in local Atlas")
    assert cli("search", "x").out.startswith("no run in local Atlas")
    assert cli("show").err.startswith("pytest-atlas: no runs in local Atlas")


def test_runs_are_a_table_with_the_newest_first(cli: Command, two: list[Run]) -> None:
    heading, second, first = cli("runs").out.splitlines()
    assert heading.split() == ["RUN", "CREATED", "SYSTEM", "COMPLETE", "STEPS", "TITLE"]
    assert first.startswith("TR-0001  ")
    assert first.endswith("     100 %  1 passed  First")
    assert second.endswith("  1 passed  Second")


def test_runs_can_be_narrowed(cli: Command, two: list[Run]) -> None:
    (line,) = cli("runs", "--system", OTHER).out.splitlines()[1:]
    assert line.endswith("Second")
    *_, line, rest = cli("runs", "--limit", 1).out.splitlines()
    assert line.endswith("Second")
    assert rest == "… and 1 older run: --limit 0 shows all"
    assert len(cli("runs", "--limit", 0).out.splitlines()) == 3
    assert cli("runs", "--system", "bench").err.startswith("pytest-atlas: argument --system: 'bench' is not a UUID")


def test_a_search_shows_the_matches(cli: Command, session: Path) -> None:
    cli("push")
    result = cli("search", "112", "100")
    assert result.code == 0
    first, *matches = result.out.splitlines()
    assert first.startswith("TR-0001  Run of s1  ")
    assert "  step: tests/test_trip.py > test_b" in matches
    assert any("assert 112 <= 100" in line for line in matches)
    assert cli("search", "nothing-like-it").out == "no run in local Atlas .atlas/atlas.db matches 'nothing-like-it'\n"


def test_the_remote_atlas_of_the_environment_is_read(
    cli: Command, two: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_atlas(tmp_path / "server") as served:
        make(served.atlas, "Remote", "Apply 15 V")
        monkeypatch.setenv("ATLAS_URL", served.url)
        monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
        assert cli("show").out.startswith("TR-0001  Remote\n")
        assert cli("runs").out.splitlines()[1].endswith("Remote")
        assert cli("search", "15").out.startswith("TR-0001  Remote")
        assert cli("show", "--atlas-dir", tmp_path / ".atlas").out.startswith("TR-0002  Second\n")
        monkeypatch.setenv("ATLAS_TOKEN", "wrong-token-wrong-token")
        result = cli("runs")
    assert result.code == 1
    assert "Check ATLAS_TOKEN and its rights" in result.err
    assert "wrong-token-wrong-token" not in result.err
    monkeypatch.delenv("ATLAS_TOKEN")
    assert cli("runs").err.startswith("pytest-atlas: ATLAS_URL names an Atlas, but ATLAS_TOKEN is not set")


def test_control_characters_of_a_server_are_escaped(tmp_path: Path) -> None:
    class Evil:
        def send(self, op: object) -> Run:
            return Run.model_validate(json.loads(r'{"uuid": "u", "title": "a\u001b[2Jb\u0007", "more": ["\u001b]0;x"]}'))

    answer = Library(Evil(), "it").find("5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")  # type: ignore[arg-type]
    assert "\x1b" not in repr(answer.model_dump()) + answer.title
    assert answer.title == r"a\x1b[2Jb\x07"


def test_files_prints_the_location_of_data_files(cli: Command, session: Path) -> None:
    (session / "files").mkdir()
    (session / "files" / "bus.blf").write_bytes(b"log")
    f.write_journal(session, FileKept(at=f.BEGIN, nodeid=f.nodeid("test_a"), name="bus.blf", path="files/bus.blf", size=3))
    cli("push")
    assert "\n      file: bus.blf (3 bytes)\n" in cli("show").out
    place = cli("show", "--files").out.partition("file: bus.blf (3 bytes)  ")[2].partition("\n")[0]
    assert Path(place).read_bytes() == b"log"


def test_a_report_is_printed_completely(cli: Command, two: list[Run], atlas_dir: Path) -> None:
    with LocalAtlas(atlas_dir / "atlas.db", create=True) as atlas:
        atlas.send(CreateReport(run_id=UUID(two[0].uuid), scope="run", analysis_context="mind the rail"))
    result = cli("report", "TR-0001")
    assert result.code == 0
    assert result.out.startswith("# First")
    assert "> Guidance: mind the rail" in result.out


def test_a_run_without_a_report_is_an_error_with_the_remedy(cli: Command, two: list[Run]) -> None:
    result = cli("report")
    assert result.code == 1
    assert "TR-0002 has no report. Request one at the end of a session with pytest --atlas-report" in result.err


def test_show_as_json_has_the_names_of_the_api(cli: Command, two: list[Run]) -> None:
    shown = json.loads(cli("show", "TR-0001", "--json").out)
    assert Run.model_validate(shown).uuid == shown["uuid"] == two[0].uuid
    assert shown.keys() == Run.model_fields.keys()
    assert [card["test_steps"][0]["execution_status"] for card in shown["test_cards"]] == ["passed"]
    assert json.loads(cli("show", "TR-0001", "--json", "--failed").out)["test_cards"] == []


def test_show_as_json_names_the_location_of_files(cli: Command, session: Path) -> None:
    (session / "files").mkdir()
    (session / "files" / "bus.blf").write_bytes(b"log")
    f.write_journal(session, FileKept(at=f.BEGIN, nodeid=f.nodeid("test_a"), name="bus.blf", path="files/bus.blf", size=3))
    cli("push")
    assert '"location"' not in cli("show", "--json").out
    shown = json.loads(cli("show", "--json", "--files").out)
    (in_step,) = (file for card in shown["test_cards"] for step in card["test_steps"] for file in step["test_data"])
    (in_run,) = shown["test_data"]
    for file in (in_step, in_run):
        assert file["file_name"] == "bus.blf"
        assert Path(file["location"]).read_bytes() == b"log"


def test_runs_as_json_are_a_list_with_the_names_of_the_api(cli: Command, two: list[Run], atlas_dir: Path) -> None:
    listed = json.loads(cli("runs", "--json").out)
    assert [run["test_run_id"] for run in listed] == ["TR-0002", "TR-0001"]
    assert [run.keys() for run in listed] == [RunSummary.model_fields.keys()] * 2
    assert listed[0]["step_status_counts"] == {"passed": 1}
    assert [run["uuid"] for run in json.loads(cli("runs", "--json", "--limit", "1").out)] == [two[1].uuid]
    assert json.loads(cli("runs", "--json", "--system", "00000000-0000-4000-8000-000000000000").out) == []


class Odd:
    """An Atlas with one run with an invalid id."""

    def send(self, operation: Operation[Any], /) -> Any:
        assert isinstance(operation, ListRuns), "the run can't be read"
        return Page[RunSummary](items=[RunSummary(uuid="run-7", test_run_id="TR-0007")], count=1)


@pytest.mark.parametrize("name", [None, "TR-0007", "run-7"])
def test_a_run_with_an_invalid_id_is_listed_and_reading_it_is_an_error(name: str | None) -> None:
    library = Library(Odd(), "it")
    assert [run.uuid for run in library.runs()] == ["run-7"]
    with pytest.raises(CommandError, match="run TR-0007 can't be read: its id 'run-7' is not a UUID"):
        library.find(name)
