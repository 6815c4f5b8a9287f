"""`pytest-atlas sessions`: the recorded sessions, their end, and their state in each Atlas."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Command, events
from tests.support import events as f
from tests.support.atlases import every_run

from pytest_atlas.atlas.errors import error_response
from pytest_atlas.atlas.operations import DeleteRun, GetRun, Operation
from pytest_atlas.journal.events import Event, SessionInterrupted
from pytest_atlas.local import LocalAtlas


def cells(out: str) -> list[list[str]]:
    return [re.split(r" {2,}", line) for line in out.splitlines()[1:]]


def last_cells(out: str) -> list[str]:
    """Return the last cell of each row, with the time of the last publisher replaced."""
    return [re.sub(r"as of \d{4}-\d\d-\d\d \d\d:\d\d", "as of TIME", row[-1]) for row in cells(out)]


def test_a_session_is_a_row_with_its_counts(cli: Command, session: Path) -> None:
    result = cli("sessions")
    assert result.code == 0
    assert result.out.splitlines()[0].split() == ["SESSION", "BEGAN", "ENDED", "TESTS", "PUBLISHED"]
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(f.BEGIN))
    assert cells(result.out) == [["s1", began, "exit 1", "2 passed, 1 failed", "not published"]]


def test_the_state_in_each_atlas_is_shown(cli: Command, session: Path, tmp_path: Path) -> None:
    cli("push")
    cli("push", "--atlas-dir", tmp_path / "other", session)
    f.write_journal(session, f.started("test_d"), f.ended("test_d"))
    cli("push")
    result = cli("sessions")
    assert sorted(cell.strip() for cell in last_cells(result.out)) == [
        f"local Atlas {tmp_path / 'other' / 'atlas.db'}: 2 of 6 pending as of TIME (TR-0001)",
        "local Atlas: published as of TIME (TR-0001)",
    ]


def test_a_new_store_is_distinguished_from_the_deleted_one(cli: Command, session: Path, atlas_dir: Path) -> None:
    cli("push")
    (atlas_dir / "atlas.db").unlink()
    f.write_journal(atlas_dir / "sessions" / "s2", *events("s2"))
    cli("push", "s2")
    assert last_cells(cli("sessions").out) == [
        f"local Atlas {atlas_dir / 'atlas.db'} (not the present one): published as of TIME (TR-0001)",
        "local Atlas: published as of TIME (TR-0001)",
    ]


def test_the_end_of_a_session_is_one_or_two_words(cli: Command, atlas_dir: Path) -> None:
    opened = f.opened_here()
    begun: list[Event] = [f.session(), *f.plan("test_a"), f.started("test_a")]
    endings: dict[str, list[Event]] = {
        "s1": [opened, *begun],
        "s2": [f.opened(), *begun],
        "s3": [opened, *begun, f.ended("test_a"), f.finish(0)],
        "s4": [f.opened(), *begun, SessionInterrupted(at=f.BEGIN, reason="Ctrl-C"), f.finish(2)],
        "s5": [f.opened(), f.session(), f.finish(5)],
    }
    for name, result in endings.items():
        f.write_journal(atlas_dir / "sessions" / name, *result)
    assert [row[2:] for row in cells(cli("sessions").out)] == [
        ["running", "1 not run", "not published"],
        ["died", "1 died", "not published"],
        ["exit 0", "1 passed", "not published"],
        ["interrupted", "1 not run", "not published"],
        ["exit 5", "none", "nothing to publish"],
    ]


def test_sessions_has_json(cli: Command, session: Path) -> None:
    cli("push")
    (printed,) = json.loads(cli("sessions", "--json").out)
    (target,) = printed.pop("targets")
    assert printed == {
        "session": "s1",
        "path": str(session),
        "began": "2025-11-25T00:20:00+00:00",
        "state": "ended",
        "exit_status": 1,
        "tests": {"passed": 2, "failed": 1},
    }
    assert target["target"].startswith("local-")
    assert (target["run_ref"], target["total"], target["in_place"], target["pending"], target["refused"]) == (
        "TR-0001",
        5,
        5,
        0,
        0,
    )
    assert target["complete"] is True


def test_without_sessions_the_message_has_the_command_that_records_one(cli: Command, atlas_dir: Path) -> None:
    result = cli("sessions")
    assert (result.code, result.out) == (0, f"no sessions in {atlas_dir}. Record one with pytest --atlas-system=UUID\n")
    assert cli("sessions", "--json").out == "[]\n"


def test_listing_creates_nothing(cli: Command, session: Path, atlas_dir: Path) -> None:
    cli("sessions")
    assert [path.name for path in atlas_dir.iterdir()] == ["sessions"]
    assert [path.name for path in session.iterdir()] == ["journal.jsonl"]


def test_a_broken_line_does_not_hide_the_session(cli: Command, session: Path) -> None:
    with (session / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"e":"what"}\n\xff\xfe\n{"e":')
    assert "2 passed, 1 failed" in cli("sessions").out


@pytest.mark.parametrize(("words", "code"), [(["sessions"], 0), (["summary", "s1"], 1), (["push", "s1"], 0)])
def test_a_session_without_its_first_event_is_no_internal_error(
    cli: Command, atlas_dir: Path, words: list[str], code: int
) -> None:
    f.write_journal(atlas_dir / "sessions" / "s1", f.opened(), *f.plan("test_a"), *f.passes("test_a"), f.finish())
    assert cli(*words).code == code


def lose_beginning(how: str, session: Path) -> None:
    """Make the first line of a session unreadable."""
    journal = session / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.unlink()
    match how:
        case "garbage":
            journal.write_bytes(b"garbage\n" + b"".join(lines[2:]))
        case "cut":
            journal.write_bytes(lines[0][:20])
        case "fifo":
            os.mkfifo(journal)
        case "link":
            (session.parent.parent / "elsewhere").write_bytes(b"".join(lines))
            journal.symlink_to(session.parent.parent / "elsewhere")


@pytest.mark.parametrize("how", ["garbage", "cut", "fifo", "link"])
def test_a_session_without_a_readable_start_is_never_published(cli: Command, session: Path, how: str) -> None:
    if how in ("fifo", "link") and os.name == "nt":
        pytest.skip("Windows has no FIFOs, and links need a privilege")
    lose_beginning(how, session)
    f.write_journal(session.parent / "s2", *events("s2"))
    problem = "1 line or file of the journal can't be read"
    listed = cells(cli("sessions").out)[0]
    assert (listed[0], listed[-1]) == ("s1", problem)
    assert "unreadable" in listed
    first, second = json.loads(cli("sessions", "--json").out)
    assert (first["state"], first["problem"], "problem" in second) == ("unreadable", problem, False)
    for _ in range(2):
        result = cli("push")
        assert result.code == 1
        assert f"{problem}, and the start of the session is missing: nothing can be published" in result.out
        assert "all sessions" not in result.out
    assert last_cells(cli("sessions").out)[1] == "local Atlas: published as of TIME (TR-0001)"


def test_unreadable_lines_are_shown_with_the_state(cli: Command, session: Path) -> None:
    with (session / "journal.jsonl").open("a") as journal:
        journal.write("garbage\n[]\n")
    result = cli("push")
    assert result.code == 0
    assert "2 lines of the journal could not be read; their content is missing" in result.out
    assert "2 lines or files of the journal can't be read" in cli("sessions").out


def delete_runs(atlas_dir: Path) -> None:
    with LocalAtlas(atlas_dir / "atlas.db") as atlas:
        for run in every_run(atlas):
            atlas.send(DeleteRun(run_id=run.uuid))


def test_a_session_is_not_published_after_a_push_found_that_its_run_was_deleted(
    cli: Command, session: Path, atlas_dir: Path
) -> None:
    cli("push")
    delete_runs(atlas_dir)
    for _ in range(2):
        pushed = cli("push")
        assert pushed.code == 1
        assert "run TR-0001 is not in this Atlas any more" in pushed.out
        assert last_cells(cli("sessions").out) == ["local Atlas: the run was deleted in Atlas as of TIME (TR-0001)"]
    ((target,),) = (it["targets"] for it in json.loads(cli("sessions", "--json").out))
    assert (target["run_deleted"], target["complete"], target["in_place"], target["pending"]) == (True, False, 0, 5)
    assert cli("push", "--run=new").code == 0
    assert last_cells(cli("sessions").out) == ["local Atlas: published as of TIME (TR-0002)"]
    assert "all sessions" in cli("push").out


def test_a_run_that_only_seemed_to_be_deleted_is_published_again(
    cli: Command, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("push")
    send = LocalAtlas.send

    def refuse(self: LocalAtlas, op: Operation[object]) -> object:
        if isinstance(op, GetRun):
            raise error_response(op, 404, "not found")
        return send(self, op)

    monkeypatch.setattr(LocalAtlas, "send", refuse)
    cli("push", "s1")
    monkeypatch.setattr(LocalAtlas, "send", send)
    assert last_cells(cli("sessions").out) == ["local Atlas: the run was deleted in Atlas as of TIME (TR-0001)"]
    assert cli("push", "s1").code == 0
    assert last_cells(cli("sessions").out) == ["local Atlas: published as of TIME (TR-0001)"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows, which has no FIFOs")
def test_links_fifos_and_directories_without_a_journal_are_listed_as_unreadable(
    cli: Command, session: Path, atlas_dir: Path
) -> None:
    sessions = session.parent
    (sessions / "0-link").symlink_to(session)
    os.mkfifo(sessions / "1-fifo")
    (sessions / "2-empty").mkdir()
    (sessions / "20250101T000000Z-0123abcd").write_text("a file with the name of a session")
    (sessions / ".DS_Store").write_text("a file of a file manager")
    reasons = {
        "0-link": "it is a link",
        "1-fifo": "it is not a directory",
        "2-empty": "the directory has no journal",
        "20250101T000000Z-0123abcd": "it is not a directory",
    }
    listed = cells(cli("sessions").out)
    assert [(row[0], row[-2], row[-1]) for row in listed[:4]] == [(name, "unreadable", why) for name, why in reasons.items()]
    assert [row[0] for row in listed[4:]] == ["s1"]
    printed = json.loads(cli("sessions", "--json").out)
    assert {it["session"]: it.get("problem") for it in printed} == {**reasons, "s1": None}
    for _ in range(2):
        pushed = cli("push")
        assert pushed.code == 1
        for name, why in reasons.items():
            assert f"session {name} can't be read: {why}. Delete it if you don't need it\n" in pushed.out
        assert "all sessions" not in pushed.out
    assert last_cells(cli("sessions").out)[4] == "local Atlas: published as of TIME (TR-0001)"
    assert cli("push", "s1").code == 0
    assert "session 1-fifo can't be read" in cli("doctor").out


def test_only_unreadable_entries_are_listed_too(cli: Command, atlas_dir: Path) -> None:
    (atlas_dir / "sessions" / "empty").mkdir(parents=True)
    assert cells(cli("sessions").out) == [["empty", "unreadable", "the directory has no journal"]]
    pushed = cli("push")
    assert (pushed.code, pushed.err) == (1, "")
    assert "session empty can't be read" in pushed.out
