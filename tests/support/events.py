"""Short constructors for the events of a session, with defaults."""

import json
import time
from pathlib import Path

from pytest_atlas.base.liveness import this_process
from pytest_atlas.journal import events as ev
from pytest_atlas.session.state import SessionState

SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
BEGIN = 1_764_030_000.0
"""Start of every session in these tests, in Unix seconds."""

MODULE = "tests/test_trip.py"
SERIAL = "journal.jsonl"


def nodeid(name: str, module: str = MODULE) -> str:
    return f"{module}::{name}"


def opened(worker: str = "") -> ev.JournalOpened:
    return ev.JournalOpened(at=BEGIN, pid=1, host="bench", worker=worker)


def opened_here() -> ev.JournalOpened:
    """Return the first event of a journal that this process writes."""
    me = this_process()
    return ev.JournalOpened(
        at=time.time(), pid=me.pid, host=me.host, boot=me.boot, namespace=me.namespace, began=me.began, locked=me.locked
    )


def session(**given: object) -> ev.SessionStarted:
    defaults: dict[str, object] = {"session": "s1", "key": "s1", "system_id": SYSTEM, "title": "Acceptance", "at": BEGIN}
    return ev.SessionStarted(**{**defaults, **given})  # type: ignore[arg-type]


def plan(*names: str, module: str = MODULE) -> list[ev.Event]:
    """Return the plan of one module, which is one card."""
    tests = tuple(ev.PlannedTest(nodeid(name, module), name, 0) for name in names)
    card = ev.PlannedCard("module", module, "Undervoltage protection.")
    return [ev.Planned(cards=(card,), tests=tests), ev.PlanCompleted(at=BEGIN, count=len(names))]


def started(name: str, at: float = 1.0) -> ev.TestStarted:
    return ev.TestStarted(nodeid=nodeid(name), at=BEGIN + at)


def ended(name: str, at: float = 2.0, **given: object) -> ev.TestEnded:
    return ev.TestEnded(nodeid=nodeid(name), at=BEGIN + at, **given)  # type: ignore[arg-type]


def phase(name: str, when: ev.When, outcome: ev.Outcome, **given: object) -> ev.PhaseReported:
    return ev.PhaseReported(nodeid=nodeid(name), when=when, outcome=outcome, **given)  # type: ignore[arg-type]


def subtest(name: str, ordinal: int, outcome: ev.Outcome, **given: object) -> ev.SubtestReported:
    return ev.SubtestReported(nodeid=nodeid(name), ordinal=ordinal, outcome=outcome, **given)  # type: ignore[arg-type]


def passes(name: str) -> list[ev.Event]:
    return [started(name), ended(name)]


def fails(name: str, message: str = "assert 112 <= 100") -> list[ev.Event]:
    failed = phase(name, "call", "failed", message=message, place=f"{MODULE}:7")
    return [started(name), failed, ended(name, passed=("setup", "teardown"))]


def finish(status: int = 0) -> ev.SessionEnded:
    return ev.SessionEnded(at=BEGIN + 60, exit_status=status)


def fold(*events: ev.Event, source: str = SERIAL, gone: bool = False) -> SessionState:
    """Return the state of the session after `events` of one process."""
    state = SessionState()
    for event in events:
        state.apply(source, event)
    if gone:
        state.pytest_is_gone()
    return state


def write_journal(directory: Path, *events: ev.Event, name: str = SERIAL) -> None:
    """Append `events` to a journal file in the session directory `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / name).open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(ev.to_json_dict(event)) + "\n" for event in events)
