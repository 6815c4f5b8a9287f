"""`pytest-atlas push`: the sessions that it publishes, the Atlas, and the exit code."""

import asyncio
import os
import platform
import shutil
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.conftest import Command, events, recorded_here
from tests.support import events as f
from tests.support.atlases import every_run
from tests.support.served_atlas import TOKEN, served_atlas

from pytest_atlas.atlas import CreateRun, CreateStep, Operation, Run
from pytest_atlas.atlas.errors import error_response
from pytest_atlas.cli import push
from pytest_atlas.journal.events import FileKept, JournalOpened
from pytest_atlas.local import LocalAtlas
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.receipts import Receipts
from pytest_atlas.publisher.targets import BatchingAtlas, LocalPlace, Target


def runs_in(directory: Path) -> list[Run]:
    with LocalAtlas(directory / "atlas.db", create=True) as atlas:
        return list(every_run(atlas))


def statuses(run: Run) -> list[str]:
    return [step.execution_status for card in run.test_cards for step in card.test_steps]


def test_a_session_is_published_into_the_local_atlas_of_its_directory(cli: Command, session: Path, atlas_dir: Path) -> None:
    result = cli("push", session)
    assert (result.code, result.err) == (0, "")
    (run,) = runs_in(atlas_dir)
    assert statuses(run) == ["passed", "failed", "passed"]
    assert result.out.splitlines() == [
        "session s1",
        "  TR-0001 Run of s1",
        f"  5 of 5 published to local Atlas {atlas_dir / 'atlas.db'}",
        f"  show it with: pytest-atlas --atlas-dir {atlas_dir} show TR-0001",
    ]


def test_without_names_all_unpublished_sessions_are_published(cli: Command, session: Path, atlas_dir: Path) -> None:
    cli("push", "s1")
    for name in ("s2", "s3"):
        f.write_journal(atlas_dir / "sessions" / name, *events(name))
    result = cli("push")
    assert result.code == 0
    assert [line for line in result.out.splitlines() if line.startswith("session")] == [
        "session s2 (1 of 2)",
        "session s3 (2 of 2)",
    ]
    assert [run.title for run in runs_in(atlas_dir)] == ["Run of s3", "Run of s2", "Run of s1"]
    assert cli("push").out == f"all sessions in {atlas_dir} are published to local Atlas {atlas_dir / 'atlas.db'}\n"


@pytest.mark.parametrize("name", ["20261125T014157Z-e05ba469", "e05ba469", "20261125T01"])
def test_a_session_can_be_named_by_its_start_or_its_end(cli: Command, atlas_dir: Path, name: str) -> None:
    f.write_journal(atlas_dir / "sessions" / "20261125T014157Z-e05ba469", *events())
    f.write_journal(atlas_dir / "sessions" / "20261125T024157Z-11111111", *events("s2"))
    assert "session 20261125T014157Z-e05ba469\n" in cli("push", name).out


def test_an_ambiguous_name_is_an_error(cli: Command, atlas_dir: Path) -> None:
    for name in ("20261125-aa", "20261125-bb"):
        f.write_journal(atlas_dir / "sessions" / name, *events(name))
    result = cli("push", "2026")
    assert result.code == 2
    assert result.err == "pytest-atlas: '2026' is ambiguous: 20261125-aa or 20261125-bb. Give more of the name\n"


def test_a_copied_session_is_published_into_the_atlas_of_the_atlas_dir(cli: Command, session: Path, tmp_path: Path) -> None:
    shutil.copytree(session, tmp_path / "usb stick" / "s1")
    assert cli("push", tmp_path / "usb stick" / "s1").code == 0
    assert len(runs_in(tmp_path / ".atlas")) == 1
    assert not list((tmp_path / "usb stick").glob("*.db"))


def test_a_session_outside_is_published_into_the_local_atlas_of_the_working_directory(
    cli: Command, session: Path, atlas_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere" / ".atlas").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("push", session).code == 0
    assert len(runs_in(tmp_path / "elsewhere" / ".atlas")) == 1
    assert [path.name for path in atlas_dir.iterdir()] == ["sessions"]


def test_atlas_dir_overrides_the_directory_of_the_session(cli: Command, session: Path, tmp_path: Path) -> None:
    assert cli("--atlas-dir", tmp_path / "other", "push", session).code == 0
    assert len(runs_in(tmp_path / "other")) == 1


@pytest.mark.parametrize("by", ["environment", "option"])
def test_a_remote_atlas_gets_the_session_over_http(
    cli: Command, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
    with served_atlas(tmp_path / "server") as served:
        if by == "environment":
            monkeypatch.setenv("ATLAS_URL", served.url)
        result = cli("push", *(["--url", served.url] if by == "option" else []))
        assert (result.code, result.err) == (0, "")
        (run,) = every_run(served.atlas)
    assert statuses(run) == ["passed", "failed", "passed"]
    assert f"5 of 5 published to {served.url}\n  show it with: pytest-atlas show TR-0001\n" in result.out
    assert TOKEN not in result.out
    assert not (tmp_path / ".atlas" / "atlas.db").exists()


def test_a_rejected_token_is_reported_and_everything_kept(
    cli: Command, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_TOKEN", "wrong-token-wrong-token")
    with served_atlas(tmp_path / "server") as served:
        result = cli("push", "--url", served.url)
    assert result.code == 1
    assert "5 pending" in result.out
    assert "Check ATLAS_TOKEN and its rights" in result.out
    assert f"finish with: pytest-atlas push --url {served.url} {session}" in result.out
    assert "wrong-token-wrong-token" not in result.out + result.err + (session / "publisher.log").read_text()


def test_an_unreachable_atlas_is_tried_once(
    cli: Command, session: Path, atlas_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f.write_journal(atlas_dir / "sessions" / "s2", *events("s2"))
    monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
    result = cli("push", "--url", "http://127.0.0.1:1", "--timeout", "0.5")
    assert result.code == 1
    assert "0 of 5 published to http://127.0.0.1:1" in result.out
    assert "1 more session was not tried: http://127.0.0.1:1 does not respond" in result.out


def test_a_rejected_entity_is_named_with_the_message_of_atlas(
    cli: Command, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = LocalAtlas.send

    def strict(self: LocalAtlas, op: Operation[object]) -> object:
        if isinstance(op, CreateStep) and op.title == "test_b":
            raise error_response(op, 422, "titles must not end with\x1b[2J b")
        return carry_out(self, op)

    monkeypatch.setattr(LocalAtlas, "send", strict)
    result = cli("push")
    assert result.code == 1
    assert "step 'test_b' was not published: titles must not end with b" in result.out
    assert "4 of 5 published" in result.out
    assert "pending:" not in result.out
    monkeypatch.undo()
    assert cli("--atlas-dir", session.parent.parent, "push").code == 0


def test_another_running_publisher_is_one_line(cli: Command, session: Path, atlas_dir: Path) -> None:
    with LocalAtlas(atlas_dir / "atlas.db", create=True) as atlas:
        name = f"local-{atlas.store_id}"
    other = Receipts(session / f"receipts-{name}.jsonl", target=name, atlas="the same")
    try:
        result = cli("push", "s1")
    finally:
        other.close()
    assert result.code == 1
    assert f"process {os.getpid()} on {platform.node()} is publishing this session to the same Atlas right now" in result.out


def test_the_present_state_of_a_running_session_is_published(cli: Command, atlas_dir: Path) -> None:
    running = [f.opened_here(), f.session(), *f.plan("test_a", "test_b"), *f.passes("test_a"), f.started("test_b")]
    f.write_journal(atlas_dir / "sessions" / "s1", *running)
    result = cli("push")
    assert result.code == 1
    assert result.out.endswith("  pytest still runs this session: push it again when it has ended\n")
    (run,) = runs_in(atlas_dir)
    assert statuses(run) == ["passed", "todo"]
    assert "pytest still runs this session" in cli("push").out  # not "published", although nothing is pending
    assert cli("push", "--ended").code == 1


def test_a_session_that_may_still_run_is_published_and_reported(cli: Command, atlas_dir: Path) -> None:
    opened = replace(f.opened_here(), host="another", boot="another")
    doubtful = [opened, f.session(), *f.plan("test_a", "test_b"), *f.passes("test_a"), f.started("test_b")]
    session = atlas_dir / "sessions" / "s1"
    f.write_journal(session, *doubtful)
    for _ in range(2):
        result = cli("push")
        assert result.code == 1
        assert result.out.splitlines()[-2:] == [
            "  pytest may still run this session, on another machine or in another container",
            f"  if it has ended: pytest-atlas push --ended {session}",
        ]
        (run,) = runs_in(atlas_dir)
        assert statuses(run) == ["passed", "todo"]
    assert cli("push", "--ended").code == 0
    (run,) = runs_in(atlas_dir)
    assert statuses(run) == ["passed", "failed"]


def test_a_session_of_another_machine_does_not_run_here(cli: Command, atlas_dir: Path) -> None:
    opened = JournalOpened(at=time.time(), pid=os.getpid(), host="another")
    f.write_journal(atlas_dir / "sessions" / "s1", opened, f.session(), *f.plan("test_a"), f.started("test_a"))
    assert cli("push").code == 0
    (run,) = runs_in(atlas_dir)
    assert statuses(run) == ["failed"]


def test_files_are_published_when_a_bucket_is_set(cli: Command, session: Path, tmp_path: Path) -> None:
    f.write_journal(session, FileKept(at=f.BEGIN, nodeid=f.nodeid("test_a"), name="bus.blf", path="files/bus.blf", size=3))
    with LocalAtlas(tmp_path / "server" / "atlas.db", create=True) as atlas:
        without = Target(name="far", label="far", limit=32, atlas=BatchingAtlas(atlas))
        status = asyncio.run(publish(session, without, started_by_pytest=False, patience_s=30))
        assert (status.state, status.files_kept) == ("done", 1)
        assert push._published(session, without, 30)
        assert not push._published(session, replace(without, objects=LocalPlace(atlas.objects)), 30)


def test_a_session_without_tests_creates_no_run(cli: Command, atlas_dir: Path) -> None:
    f.write_journal(atlas_dir / "sessions" / "s1", f.opened(), f.session(), f.finish(5))
    result = cli("push", "s1")
    assert (result.code, result.out) == (0, "session s1\n  no run was created, because no tests were collected\n")
    assert runs_in(atlas_dir) == []


def test_a_session_can_be_named_by_its_journal(cli: Command, session: Path) -> None:
    assert cli("push", session / "journal.jsonl").code == 0


def test_a_read_only_session_is_reported_and_the_others_are_published(cli: Command, session: Path, atlas_dir: Path) -> None:
    (session / "publisher.log").mkdir()
    f.write_journal(atlas_dir / "sessions" / "s2", *events("s2"))
    result = cli("push")
    assert result.code == 1
    assert str(session / "publisher.log") in result.out
    assert [run.title for run in runs_in(atlas_dir)] == ["Run of s2"]


ARTIFACTS = {
    "GitHub": "20261125T014157Z-e05ba469",  # the zip of .atlas/sessions
    "GitLab": "atlas-pending/20261125T014157Z-e05ba469",
    "Jenkins": "archive/.atlas/sessions/20261125T014157Z-e05ba469",
}
"""The paths of a session in the artifact of a CI."""


@pytest.mark.parametrize("place", ARTIFACTS.values(), ids=ARTIFACTS)
def test_a_session_is_found_at_each_path_in_an_artifact(cli: Command, tmp_path: Path, atlas_dir: Path, place: str) -> None:
    f.write_journal(tmp_path / "job" / place, *events())
    with zipfile.ZipFile(tmp_path / "artifact.zip", "w") as packed:
        for path in (tmp_path / "job").rglob("*.jsonl"):
            packed.writestr(str(path.relative_to(tmp_path / "job")), path.read_bytes())  # without permissions and times
    with zipfile.ZipFile(tmp_path / "artifact.zip") as packed:
        packed.extractall(tmp_path / "unzipped")
    for _ in range(2):
        result = cli("--atlas-dir", atlas_dir, "push", tmp_path / "unzipped")
        assert (result.code, result.err) == (0, "")
        assert "5 of 5 published" in result.out
        assert len(runs_in(atlas_dir)) == 1


def test_all_sessions_of_an_artifact_are_published(cli: Command, tmp_path: Path, atlas_dir: Path) -> None:
    for name in ("s1", "s2"):
        f.write_journal(tmp_path / "unzipped" / name, *events(name))
    assert cli("--atlas-dir", atlas_dir, "push", tmp_path / "unzipped").code == 0
    assert [run.title for run in runs_in(atlas_dir)] == ["Run of s2", "Run of s1"]


@pytest.mark.parametrize(
    ("environment", "words", "message"),
    [
        ({}, ["nope"], "'nope' is not a directory, and not a session in "),
        ({}, [".atlas/sessions/s1/files"], "'.atlas/sessions/s1/files' is a directory without a session"),
        ({"ATLAS_URL": "https://atlas.example.com"}, [], "ATLAS_URL names an Atlas, but ATLAS_TOKEN is not set"),
        ({"ATLAS_TOKEN": TOKEN}, [], "ATLAS_TOKEN is set, but ATLAS_URL is not: the results would go to the local Atlas"),
        ({"ATLAS_TOKEN": TOKEN, "ATLAS_URL": "atlas"}, [], "ATLAS_URL: 'atlas' is not the URL of an Atlas"),
        ({"ATLAS_TOKEN": TOKEN}, ["--url", "ftp://x"], "--url: 'ftp://x' is not the URL of an Atlas"),
        (
            {"ATLAS_TOKEN": "two words"},
            ["--url", "https://x"],
            "ATLAS_TOKEN: the token has a character that is not allowed in a token",
        ),
        ({}, ["--timeout", "-1"], "argument --timeout: '-1' is not a time. Give seconds, 0 or more"),
        ({}, ["--token", "x"], "unrecognized arguments: --token"),
    ],
)
def test_a_usage_error_is_one_line_and_creates_nothing(
    cli: Command, session: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: list[str], message: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (session / "files").mkdir()
    result = cli("push", *words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"pytest-atlas: {message}")
    assert result.err.count("\n") == 1
    assert "two words" not in result.err
    assert [path.name for path in session.parent.parent.iterdir()] == ["sessions"]


def test_without_sessions_the_message_names_atlas_dir(cli: Command, tmp_path: Path) -> None:
    result = cli("push", "--atlas-dir", tmp_path / "nowhere")
    assert result.code == 2
    assert result.err == f"pytest-atlas: no sessions in {tmp_path / 'nowhere'}. Name another directory with --atlas-dir\n"
    assert not (tmp_path / "nowhere").exists()


def wrong(atlas_dir: Path, run: str = "TR-0042") -> None:
    """A session for a run that does not exist."""
    events = [recorded_here(), f.session(run=run, key="job-7"), *f.plan("test_a"), f.finish()]
    f.write_journal(atlas_dir / "sessions" / "s1", *events)


def test_a_session_for_a_missing_run_is_published_into_another(cli: Command, atlas_dir: Path) -> None:
    wrong(atlas_dir)
    refused = cli("push")
    assert (refused.code, runs_in(atlas_dir)) == (1, [])
    assert "has the reference 'TR-0042'" in refused.out
    assert "`pytest-atlas push` with --run=UUID or --run=new publishes the session into another" in refused.out
    assert cli("push", "--run=new").code == 0
    assert cli("push").code == 0
    (run,) = runs_in(atlas_dir)
    assert run.description.endswith("\npytest-atlas: s1"), "a new run belongs to the session only"


def test_a_session_can_be_published_into_an_existing_run(cli: Command, atlas_dir: Path) -> None:
    wrong(atlas_dir)
    with LocalAtlas(atlas_dir / "atlas.db", create=True) as atlas:
        atlas.send(CreateRun(title="Acceptance of rev B", system_id=UUID(f.SYSTEM)))
    assert cli("push", "--run=TR-0001").code == 0
    (run,) = runs_in(atlas_dir)
    assert (run.title, statuses(run)) == ("Acceptance of rev B", ["todo"])


def test_a_published_session_stays_in_its_run(cli: Command, session: Path, atlas_dir: Path) -> None:
    cli("push", session)
    result = cli("push", "--run=new", session)
    assert result.code == 2
    assert result.err.startswith("pytest-atlas: --run: session s1 is already in run TR-0001 of local Atlas")
    assert len(runs_in(atlas_dir)) == 1


def test_an_invalid_run_is_a_usage_error(cli: Command, session: Path) -> None:
    result = cli("push", "--run=42", session)
    assert result.code == 2
    assert "'42' is not a run. Give its UUID, its reference (TR-0042)" in result.err
