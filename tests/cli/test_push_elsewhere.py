"""A session from elsewhere changes only the run that is created for it, with any content of journal and receipts."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Command, recorded_here
from tests.support import events as f
from tests.support.atlases import every_run
from tests.support.neighbour import CARD, NAMES, Neighbour, move_in, step_key
from tests.support.served_atlas import TOKEN, ServedAtlas, served_atlas

from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import CreateCard, CreateRun, CreateStep, DeleteRun, UpdateRun, UpdateStep
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.targets import remote_name
from pytest_atlas.session.state import RUN

ID = "20261125T014157Z-e05ba469"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedAtlas]:
    with served_atlas(tmp_path / "server") as served:
        monkeypatch.setenv("ATLAS_URL", served.url)
        monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
        yield served


@pytest.fixture
def neighbour(served: ServedAtlas) -> Neighbour:
    return move_in(served.atlas)


def record(directory: Path, *, opened: ev.JournalOpened | None = None, **session: object) -> Path:
    """Return a session of three tests; the second one fails."""
    tests = [*f.passes("test_a"), *f.fails("test_b"), *f.passes("test_c")]
    given = {"session": ID, "key": ID, "title": "Acceptance", **session}
    f.write_journal(directory, opened or recorded_here(), f.session(**given), *f.plan(*NAMES), *tests, f.finish(1))
    return directory


def write_receipts(directory: Path, served: ServedAtlas, *receipts: rc.Receipt) -> None:
    with (directory / f"receipts-{remote_name(served.url)}.jsonl").open("a") as file:
        file.writelines(json.dumps(ev.to_json_dict(receipt)) + "\n" for receipt in receipts)


def ours(served: ServedAtlas, key: str = ID) -> Run:
    """Return the only run with the run key line of the session."""
    (run,) = (run for run in every_run(served.atlas) if run.description.endswith(f"\npytest-atlas: {key}"))
    return run


def statuses(run: Run) -> list[tuple[str, str]]:
    return [(step.title, step.execution_status) for card in run.test_cards for step in card.test_steps]


WHOLE = [("test_a", "passed"), ("test_b", "failed"), ("test_c", "passed")]


# ── receipts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["outside", "inside"])
def test_receipts_with_the_run_of_another_user_do_not_change_it(
    cli: Command, served: ServedAtlas, neighbour: Neighbour, atlas_dir: Path, tmp_path: Path, place: str
) -> None:
    session = record((tmp_path / "artifact" if place == "outside" else atlas_dir / "sessions") / ID)
    write_receipts(session, served, *neighbour.receipts(*(rc.Unconfirmed(key=step_key(name)) for name in NAMES)))
    result = cli("push", session)
    assert result.code == 0, result
    assert neighbour.changes() == []
    assert statuses(ours(served)) == WHOLE
    assert f"the receipts are not used: the description of run {neighbour.run.test_run_id} does not have the line" in result.out
    assert cli("push", session).code == 0
    assert (neighbour.changes(), statuses(ours(served))) == ([], WHOLE)


def test_receipts_with_steps_of_another_run_are_not_used(
    cli: Command, served: ServedAtlas, neighbour: Neighbour, tmp_path: Path
) -> None:
    session = record(tmp_path / "artifact" / ID)
    cli("push", session)
    own = rc.Created(key=RUN, id=ours(served).uuid)
    write_receipts(session, served, *neighbour.receipts(own, rc.Unconfirmed(key=RUN), rc.Unconfirmed(key=CARD)))
    result = cli("push", session)
    assert neighbour.changes() == []
    assert statuses(ours(served)) == WHOLE, result


def test_receipts_with_entities_of_a_person_are_ignored_and_reported(cli: Command, served: ServedAtlas, tmp_path: Path) -> None:
    session = record(tmp_path / "artifact" / ID)
    cli("push", session)
    run = ours(served)
    card = served.atlas.send(CreateCard(run_id=UUID(run.uuid), title="By hand", description="mine", order=5000))
    ids: dict[str, Any] = {"run_id": UUID(run.uuid), "card_id": UUID(card.uuid)}
    step = served.atlas.send(CreateStep(**ids, title="test_a", description="look at it", order=1000))
    served.atlas.send(UpdateStep(**ids, step_id=UUID(step.uuid), execution_status="failed"))
    before = next(each for each in ours(served).test_cards if each.uuid == card.uuid)
    write_receipts(session, served, rc.Intended(key=CARD, order=5000), rc.Created(key=CARD, id=card.uuid))
    write_receipts(session, served, rc.Created(key=step_key("test_a"), id=step.uuid, card=card.uuid), rc.Unconfirmed(key=CARD))
    result = cli("push", session)
    after = ours(served)
    assert next(each for each in after.test_cards if each.uuid == card.uuid) == before, result
    assert "a receipt is not used: it names another entity of the run for card" in result.out
    assert statuses(after).count(("test_a", "passed")) == 1


def test_only_duplicates_of_verified_entities_are_deleted_and_printed(
    cli: Command, served: ServedAtlas, neighbour: Neighbour, tmp_path: Path
) -> None:
    session = record(tmp_path / "artifact" / ID)
    cli("push", session)
    run = ours(served)
    ids: dict[str, Any] = {"run_id": UUID(run.uuid), "card_id": UUID(run.test_cards[0].uuid)}
    served.atlas.send(CreateStep(**ids, title="test_a", description=f"pytest: {f.nodeid('test_a')}", order=1000))
    write_receipts(session, served, rc.Unconfirmed(key=step_key("test_a")))
    result = cli("push", session)
    assert "deleted a duplicate: step 'test_a', order 1000" in result.out
    assert "deleted a duplicate: DELETE /test-runs/" in (session / "publisher.log").read_text()
    assert (statuses(ours(served)), neighbour.changes()) == (WHOLE, [])


def test_nothing_is_deleted_in_a_run_that_was_only_named(
    cli: Command, served: ServedAtlas, neighbour: Neighbour, tmp_path: Path
) -> None:
    """The run has duplicates of a step and of data files, and another run key."""
    session = record(tmp_path / "artifact" / ID)
    write_receipts(session, served, *neighbour.receipts(*(rc.Unconfirmed(key=step_key(name)) for name in NAMES)))
    result = cli("push", "--run=TR-0001", session)
    assert result.code == 0, result
    run = next(run for run in every_run(served.atlas) if run.uuid == neighbour.run.uuid)
    steps = run.test_cards[0].test_steps
    assert (len(steps), [len(step.test_data) for step in steps]) == (4, [2, 2, 2, 2])
    assert (run.title, run.test_cards[0].title) == (neighbour.run.title, f.MODULE)
    assert run.test_cards[0].description.startswith("by hand\n\n[pytest-atlas: "), "only our block is added"
    assert neighbour.empty.uuid in {run.uuid for run in every_run(served.atlas)}
    assert "deleted" not in result.out


def test_a_url_of_another_bucket_is_not_registered(cli: Command, served: ServedAtlas, tmp_path: Path) -> None:
    session = tmp_path / "artifact" / ID
    (session / "files").mkdir(parents=True)
    (session / "files" / "a.bin").write_bytes(b"x")
    file = ev.FileKept(at=f.BEGIN, nodeid=f.nodeid("test_a"), name="a.bin", path="files/a.bin", size=1)
    record(session)
    f.write_journal(session, file)
    key = f"file:{step_key('test_a')}:files/a.bin:a.bin"
    write_receipts(session, served, rc.Uploaded(key=key, url="s3://theirs/secret.bin", size=1))
    result = cli("push", session)
    assert "s3://theirs" not in str(ours(served))
    assert "1 data file stays in the session directory" in result.out


# ── the journal ──────────────────────────────────────────────────────────────────────────────────────────────────────────

REASONS = {
    "another machine": "it was recorded on another machine (bench)",
    "a path": "it is not in ",
    "git": "it is tracked by git",
}


def put(reason: str, atlas_dir: Path, tmp_path: Path, **session: object) -> Path:
    """Create a session that is from elsewhere for this reason."""
    directory = (tmp_path / "artifact" if reason == "a path" else atlas_dir / "sessions") / ID
    record(directory, opened=replace(recorded_here(), host="bench") if reason == "another machine" else None, **session)
    if reason == "git":
        for words in (["init"], ["add", "-f", str(directory)]):
            subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    return directory


@pytest.mark.parametrize("reason", REASONS)
def test_a_session_from_elsewhere_is_published_into_a_separate_run(
    cli: Command, served: ServedAtlas, atlas_dir: Path, tmp_path: Path, reason: str
) -> None:
    neighbour = move_in(served.atlas, with_lines=False)
    ref = neighbour.run.test_run_id
    session = put(reason, atlas_dir, tmp_path, run=ref, key="job-7", overwrite=True)
    result = cli("push", session)
    assert result.code == 0
    assert neighbour.changes() == []
    assert statuses(ours(served)) == WHOLE
    lines = result.out.splitlines()
    assert lines[1].startswith(f"  this session is from elsewhere: {REASONS[reason]}")
    assert lines[2:5] == [
        f"  ignored: run {ref}; --run={ref} publishes into it",
        "  ignored: replacing outcomes that a person set; --overwrite replaces them",
        "  --trust uses everything that its journal asks for",
    ]


@pytest.mark.parametrize("options", [["--run=TR-0001", "--overwrite"], ["--trust"]], ids=lambda words: words[0])
def test_options_restore_the_choices_of_the_journal(
    cli: Command, served: ServedAtlas, tmp_path: Path, options: list[str]
) -> None:
    neighbour = move_in(served.atlas, with_lines=False)
    session = record(tmp_path / "artifact" / ID, run="TR-0001", key=ID, overwrite=True)
    for _ in range(2):
        result = cli("push", *options, session)
        assert result.code == 0, result
        assert "ignored" not in result.out
    run = next(run for run in every_run(served.atlas) if run.uuid == neighbour.run.uuid)
    assert sorted(status for _, status in statuses(run)) == ["failed", "failed", "passed", "passed"]
    assert len(list(every_run(served.atlas))) == 2


@pytest.mark.parametrize("how", ["--run-key", "ATLAS_RUN_KEY", "--trust"])
def test_the_artifact_of_a_ci_job_is_published_into_the_run_of_the_job(
    cli: Command, served: ServedAtlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The first attempt was published in the job, the second one is pushed from its artifact."""
    made = served.atlas.send(CreateRun(title="Acceptance", system_id=UUID(f.SYSTEM), description="x\n\npytest-atlas: job 7"))
    session = record(tmp_path / "artifact" / ID, opened=f.opened(), run="auto", key="job 7")
    refused = cli("push", session, "--run=new")
    assert refused.code == 0
    assert "ignored: run key 'job 7'; --run-key='job 7' publishes into the run with this key" in refused.out
    options = {"--run-key": ["--run-key=job 7"], "--trust": ["--trust"]}.get(how, [])
    if how == "ATLAS_RUN_KEY":
        monkeypatch.setenv("ATLAS_RUN_KEY", "job 7")
    for path in session.glob("receipts-*"):
        path.unlink()
    result = cli("push", *options, session)
    assert (result.code, "ignored" in result.out) == (0, False)
    assert statuses(next(run for run in every_run(served.atlas) if run.uuid == made.uuid)) == WHOLE


def test_a_session_id_equal_to_a_run_key_does_not_give_access_to_the_run(
    cli: Command, served: ServedAtlas, tmp_path: Path
) -> None:
    neighbour = move_in(served.atlas, key="acme/psu/417/bench-1")
    session = record(tmp_path / "artifact" / ID, session="acme/psu/417/bench-1", key="acme/psu/417/bench-1")
    assert cli("push", session).code == 0
    assert neighbour.changes() == []
    assert len(list(every_run(served.atlas))) == 3


def test_push_without_arguments_skips_sessions_that_git_tracks(
    cli: Command, served: ServedAtlas, neighbour: Neighbour, atlas_dir: Path, tmp_path: Path
) -> None:
    session = put("git", atlas_dir, tmp_path, run=neighbour.run.test_run_id, overwrite=True)
    result = cli("push")
    assert result.code == 0
    assert result.out == (
        f"session {ID} is skipped: it is tracked by git. To publish it in a separate run: pytest-atlas push {session}\n"
    )
    assert neighbour.changes() == []
    assert len(list(every_run(served.atlas))) == 2


def test_run_and_run_key_exclude_each_other(cli: Command, session: Path) -> None:
    assert cli("push", "--run=new", "--run-key=k", session).code == 2


# ── existing runs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_deleted_run_is_not_reported_as_published(cli: Command, served: ServedAtlas, atlas_dir: Path) -> None:
    session = record(atlas_dir / "sessions" / ID)
    assert cli("push").code == 0
    assert "are published to" in cli("push").out
    served.atlas.send(DeleteRun(run_id=UUID(ours(served).uuid)))
    for words in ([], [session]):
        result = cli("push", *words)
        assert result.code == 1
        assert "run TR-0001 is not in this Atlas any more: it was deleted" in result.out
        assert "`pytest-atlas push --run=new` publishes the session into a new run" in result.out
        assert "all sessions" not in result.out
    assert cli("push", "--run=new").code == 0
    assert statuses(ours(served)) == WHOLE
    assert cli("push", session).code == 0


def test_nothing_is_reported_as_published_without_a_server(
    cli: Command, tmp_path: Path, atlas_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
    session = record(atlas_dir / "sessions" / ID)
    with served_atlas(tmp_path / "server") as served:
        monkeypatch.setenv("ATLAS_URL", served.url)
        assert cli("push").code == 0
    for words in ([], [session]):
        result = cli("push", "--timeout=0.5", *words)
        assert result.code == 1
        assert "all sessions" not in result.out
    assert "published as of " in cli("sessions").out


def test_a_renamed_run_and_card_are_recognized(cli: Command, served: ServedAtlas, atlas_dir: Path) -> None:
    session = record(atlas_dir / "sessions" / ID)
    cli("push", session)
    run = ours(served)
    text = f"{run.description}\n\nNote: the bench was calibrated."
    served.atlas.send(UpdateRun(run_id=UUID(run.uuid), title="Renamed", description=text))
    result = cli("push", session)
    assert result.code == 0, result
    assert len(list(every_run(served.atlas))) == 1
    shutil.rmtree(session / "files", ignore_errors=True)
