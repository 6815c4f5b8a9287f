"""The sessions on this machine: running tests and their measurements, before they are in the store."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support import events as f
from tests.support.inner import PATIENCE_S, Project

from pytest_atlas.atlas import ListRuns
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import status
from pytest_atlas.local import LocalAtlas
from pytest_atlas.server import recordings
from pytest_atlas.server.recordings import Recording, Recordings

RUN = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
SESSION = "20261126T155240Z-6f2d8c1e"

TEST = """
    import pathlib, time
    def test_a(atlas):
        atlas.measure("rail", 12.5, unit="V", low=11, high=13)
    def test_b(atlas):
        with atlas.step("Power on"):
            atlas.measure("trip time", 120, unit="ms", high=100)
            pathlib.Path("measured").write_text("yes")
            while not pathlib.Path("go").exists(): time.sleep(0.01)
"""


def until(found: Callable[[], Recording | None]) -> Recording:
    """Wait until `found` returns a recording."""
    deadline = time.monotonic() + PATIENCE_S
    while (recording := found()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return recording


def record(atlas_dir: Path, *events: ev.Event, session: str = SESSION, run: str = RUN) -> Path:
    """Write a session that is published into `run`."""
    directory = atlas_dir / "sessions" / session
    f.write_journal(directory, *events)
    state = status.Status(pid=1, state="working", target="local-1", atlas="local Atlas", run_id=run)
    status.write(directory / "status-local-1.json", state)
    return directory


def measured(name: str, value: str, **given: object) -> ev.Measured:
    return ev.Measured(nodeid=f.nodeid(name), name="rail", values=(value,), verdict="none", at=f.BEGIN, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("how", "worker"), [((), ""), (("-n1",), "gw0")], ids=["serial", "distributed"])
def test_a_running_session_has_its_test_and_its_values_and_then_its_end(
    tmp_path: Path, how: tuple[str, ...], worker: str
) -> None:
    running = Project(tmp_path).write("test_live.py", TEST).start("--atlas-system", f.SYSTEM, *how)
    running.wait_for(tmp_path / "measured")

    def find() -> Recording | None:
        if not (running.atlas_dir / "atlas.db").exists():
            return None
        with LocalAtlas(running.atlas_dir / "atlas.db", create=True) as atlas:
            runs = atlas.send(ListRuns()).items
            found = Recordings(running.atlas_dir).of_run(runs[0].uuid) if runs else ()
        return next(iter(found), None)

    try:
        live = until(find)
        assert (live.liveness, live.is_complete) == ("running", True)
        (test,) = live.running
        assert (test.nodeid, test.worker, test.steps) == ("test_live.py::test_b", worker, ("Power on",))
        assert [(value.name, value.number, value.unit, value.low, value.high, value.verdict) for value in live.values] == [
            ("rail", 12.5, "V", 11, 13, "pass"),
            ("trip time", 120, "ms", None, 100, "fail"),
        ]
        assert [value.name for value in live.of_test("test_live.py::test_b")] == ["trip time"]
    finally:
        (tmp_path / "go").touch()
    running.end()
    ended = until(find)
    assert (ended.liveness, ended.running) == ("ended", ())


def test_new_events_are_added_to_those_of_earlier_calls(tmp_path: Path) -> None:
    directory = record(tmp_path, f.opened_here(), f.session(), f.started("a"), measured("a", "1"))
    found = Recordings(tmp_path)
    assert [value.text for value in found.of_run(RUN)[0].values] == ["1"]
    f.write_journal(directory, measured("a", "2.5"), f.ended("a"))
    (recording,) = found.of_run(RUN)
    assert [(value.text, value.number) for value in recording.values] == [("1", 1.0), ("2.5", 2.5)]
    assert recording.running == ()


def test_a_call_that_stops_in_time_loses_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(tmp_path, f.opened_here(), f.session(), *(measured("a", str(number)) for number in range(50)))
    monkeypatch.setattr(recordings, "READ_S", -1)
    found = Recordings(tmp_path)
    seen = [found.of_run(RUN)[0]]
    while not seen[-1].is_complete:
        seen.append(found.of_run(RUN)[0])
    assert len(seen) > 50
    assert [value.number for value in seen[-1].values] == list(range(50))


def test_only_the_newest_values_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_VALUES", 3)
    record(tmp_path, f.opened_here(), f.session(), *(measured("a", str(number)) for number in range(9)))
    (recording,) = Recordings(tmp_path).of_run(RUN)
    assert [value.number for value in recording.values] == [6, 7, 8]


def test_sessions_of_other_runs_are_not_returned(tmp_path: Path) -> None:
    record(tmp_path, f.opened_here(), f.session(), run=OTHER)
    record(tmp_path, f.opened_here(), f.session(), session="20261126T155240Z-00000002", run="")
    assert Recordings(tmp_path).of_run(RUN) == ()
    assert Recordings(tmp_path / "nothing").of_run(RUN) == ()


def test_a_run_of_several_sessions_has_each_of_them_the_newest_first(tmp_path: Path) -> None:
    for number in (1, 2):
        record(tmp_path, f.opened_here(), f.session(), session=f"20261126T155240Z-0000000{number}")
    found = Recordings(tmp_path)
    assert [recording.session[-1] for recording in found.of_run(RUN)] == ["2", "1"]


def test_a_session_whose_process_is_gone_has_ended(tmp_path: Path) -> None:
    record(tmp_path, f.opened(), f.session(), f.started("a"))
    (recording,) = Recordings(tmp_path).of_run(RUN)
    assert (recording.liveness, recording.running) == ("ended", ())


def test_damaged_lines_and_links_are_ignored(tmp_path: Path) -> None:
    directory = record(tmp_path, f.opened_here(), f.session(), f.started("a"))
    with (directory / f.SERIAL).open("a") as file:
        file.write('{"e": "measure"}\n[]\nnonsense\n' + json.dumps(ev.to_json_dict(measured("a", "nan"))) + "\n")
    (directory / "journal-gw0-00000000.jsonl").symlink_to("/etc/passwd")
    (recording,) = Recordings(tmp_path).of_run(RUN)
    assert [value.text for value in recording.values] == ["nan"]
    assert [test.nodeid for test in recording.running] == [f.nodeid("a")]
