"""Texts of a journal or an Atlas are printed without raw escape sequences."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command
from tests.support import events as f

from pytest_atlas.atlas.operations import (
    Association,
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    GetRun,
    ListRuns,
    Operation,
    RegisterDataFile,
    UpdateStep,
)
from pytest_atlas.journal import events as ev
from pytest_atlas.local import LocalAtlas

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x08\rgone"
TEST = f"tests/test_trip.py::test_{EVIL}"


@pytest.fixture
def evil(atlas_dir: Path) -> Path:
    """A session with control characters in all texts and in the name of its directory."""
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    directory = atlas_dir / "sessions" / f"20250101T000000Z-{EVIL.replace('/', '')}"
    f.write_journal(
        directory,
        f.opened(),
        f.session(session=EVIL, key=EVIL, title=EVIL, description=EVIL, environment={"Git": EVIL}),
        ev.Planned(cards=(ev.PlannedCard("marker", EVIL, EVIL),), docs=(EVIL,), tests=(ev.PlannedTest(TEST, EVIL, 0, 0),)),
        ev.PlanCompleted(at=f.BEGIN, count=1),
        ev.TestStarted(nodeid=TEST, at=f.BEGIN),
        ev.PhaseReported(nodeid=TEST, when="call", outcome="failed", message=EVIL, place=EVIL),
        ev.Measured(nodeid=TEST, name=EVIL, values=(EVIL,), unit=EVIL, verdict="none", at=f.BEGIN),
        ev.FileKept(nodeid=TEST, name=EVIL, path=f"files/{EVIL}", size=1, at=f.BEGIN),
        ev.TestEnded(nodeid=TEST, at=f.BEGIN + 1, passed=("setup",)),
        ev.SessionInterrupted(at=f.BEGIN, reason=EVIL),
        f.finish(1),
    )
    return directory


COMMANDS = (
    ("sessions",),
    ("show", "--files"),
    ("report",),
    ("runs",),
    ("search", "gone"),
    ("doctor",),
    ("push",),
    ("show", EVIL),
)


def test_no_command_prints_a_raw_escape_sequence(cli: Command, evil: Path) -> None:
    result = [cli("sessions"), cli("push"), *(cli(*command) for command in COMMANDS)]
    for ended in result:
        assert not set("\x1b\x07\x9b\x08\r") & set(ended.out + ended.err), repr(ended)
    assert "owned" in result[0].out + result[1].out
    assert sum("x1b]0;owned" in ended.out + ended.err for ended in result) > 5


TITLE = "rail \x1b[31mred\x1b]0;owned\x07 \u202edrawkcab\u2066 \u200bend\x9b2J"
SHOWN = r"rail \x1b[31mred\x1b]0;owned\x07 \u202edrawkcab\u2066 \u200bend\x9b2J"


@pytest.fixture
def foreign(atlas_dir: Path) -> None:
    """Create a run with control sequences in all texts, as another program can."""
    with LocalAtlas(atlas_dir / "atlas.db", create=True) as atlas:
        run = atlas.send(CreateRun(title=TITLE, system_id=f.SYSTEM, description=f"Description: {TITLE}\r\nnext line"))
        card = atlas.send(CreateCard(run_id=run.uuid, title=TITLE, description=TITLE, order=1))
        step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title=TITLE, description=TITLE, order=1))
        ids = {"run_id": run.uuid, "card_id": card.uuid, "step_id": step.uuid}
        outcome = {"execution_status": "passed_with_exception", "exception": TITLE}
        atlas.send(UpdateStep.model_validate({**ids, **outcome}))
        place = Association(test_step_id=step.uuid)
        atlas.send(
            RegisterDataFile(run_id=run.uuid, s3_url="s3://bucket/a", file_name=TITLE, file_size=1, associate_with=place)
        )
        atlas.send(CreateReport(run_id=run.uuid, scope="run"))


@pytest.mark.parametrize(
    "command", [("show", "--files"), ("runs",), ("search", "rail"), ("report",), ("show", "--json"), ("runs", "--json")]
)
def test_texts_of_an_atlas_are_shown_with_escapes(cli: Command, foreign: None, command: tuple[str, ...]) -> None:
    shown = cli(*command)
    assert shown.code == 0, shown.err
    assert not {*"\x1b\x07\x9b\u202e\u2066\u200b\r"} & {*shown.out}, repr(shown.out)
    text = shown.out.replace("\\\\", "\\") if "--json" in command else shown.out
    assert command == ("report",) or SHOWN in " ".join(text.split())  # the report of the local Atlas has different escapes


def test_an_unknown_status_of_an_atlas_is_shown_with_escapes(
    cli: Command, foreign: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = LocalAtlas.send

    def with_status(self: LocalAtlas, op: Operation[Any]) -> Any:
        found = send(self, op)
        if isinstance(op, ListRuns):
            items = [item.model_copy(update={"step_status_counts": {"\x1b[2Jparked": 1}}) for item in found.items]
            return found.model_copy(update={"items": items})
        for card in found.test_cards if isinstance(op, GetRun) else ():
            card.test_steps[:] = [step.model_copy(update={"execution_status": "\x1b[2Jparked"}) for step in card.test_steps]
        return found

    monkeypatch.setattr(LocalAtlas, "send", with_status)
    for command in ("runs", "show"):
        shown = cli(command)
        assert "\x1b" not in shown.out
        assert r"\x1b[2Jparked" in shown.out
