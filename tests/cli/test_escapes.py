"""What comes from a journal or an Atlas is shown, and never obeyed by the terminal: no escape sequence gets through raw."""

import os
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.support import facts as f

from pytest_atlas.journal import events as ev

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x08\rgone"
TEST = f"tests/test_trip.py::test_{EVIL}"


@pytest.fixture
def evil(atlas_dir: Path) -> Path:
    """A session that has control characters wherever a text may stand, its folder's name included."""
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    folder = atlas_dir / "sessions" / f"20250101T000000Z-{EVIL.replace('/', '')}"
    f.write_journal(
        folder,
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
    return folder


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


def test_no_command_lets_an_escape_sequence_through(cli: Command, evil: Path) -> None:
    said = [cli("sessions"), cli("push"), *(cli(*command) for command in COMMANDS)]
    for ended in said:
        assert not set("\x1b\x07\x9b\x08\r") & set(ended.out + ended.err), repr(ended)
    assert "owned" in said[0].out + said[1].out
    assert sum("x1b]0;owned" in ended.out + ended.err for ended in said) > 5
