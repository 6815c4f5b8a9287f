"""Sessions from elsewhere that need too much time, memory or disk: each is bounded, and the reason is reported."""

import array
import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

import pytest
from tests.publisher.conftest import Bench
from tests.support import events as f

from pytest_atlas import session_loader
from pytest_atlas.cli import main
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.follower import LineFollower, in_time
from pytest_atlas.publisher import journal_reader, threads
from pytest_atlas.publisher.files import traces
from pytest_atlas.publisher.files.objects import sha256_of
from pytest_atlas.publisher.files.traces import TraceUnreadableError, write_csv
from pytest_atlas.publisher.receipts import read_observed
from pytest_atlas.publisher.reconcile.observed import Observed
from pytest_atlas.session import desired, measurements
from pytest_atlas.session.model import InnerStep
from pytest_atlas.session.state import MAX_DEPTH, SessionState

MIB = 1 << 20


def sparse(path: Path, size: int) -> Path:
    """Create a file of zeros that needs no space on most disks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def bytes_at(name: str, count: int) -> ev.TraceColumn:
    return ev.TraceColumn(name, "V", "i1", count)


# ── traces ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [7, 9, 0])
def test_a_raw_trace_must_have_the_size_of_its_columns(tmp_path: Path, size: int) -> None:
    raw = sparse(tmp_path / "x.raw", size)
    with pytest.raises(TraceUnreadableError, match=r"shorter|longer"):
        write_csv(raw, [bytes_at("a", 4), bytes_at("b", 4)], 0.0, tmp_path / "x.csv")


def test_columns_of_different_lengths_are_an_error(tmp_path: Path) -> None:
    raw = sparse(tmp_path / "x.raw", 9)
    with pytest.raises(TraceUnreadableError, match="'b' has 5 values, the first has 4"):
        write_csv(raw, [bytes_at("a", 4), bytes_at("b", 5)], 0.0, tmp_path / "x.csv")


@pytest.mark.parametrize("rate", [float("inf"), float("nan"), -1.0])
def test_an_impossible_rate_is_named(tmp_path: Path, rate: float) -> None:
    with pytest.raises(TraceUnreadableError, match=f"rate is {rate}"):
        write_csv(sparse(tmp_path / "x.raw", 1), [bytes_at("a", 1)], rate, tmp_path / "x.csv")


def test_a_trace_with_a_too_large_csv_is_rejected_before_it_is_read(tmp_path: Path) -> None:
    raw = sparse(tmp_path / "x.raw", 600 * MIB)
    with pytest.raises(TraceUnreadableError, match=r"629,145,600 samples is larger than 1024 MiB"):
        write_csv(raw, [bytes_at("a", 600 * MIB)], 0.0, tmp_path / "x.csv", check=pytest.fail)
    assert list(tmp_path.iterdir()) == [raw]


def test_the_csv_of_a_trace_ends_at_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MAX_CSV_BYTES", 10 * MIB)
    largest = 0

    def check() -> None:
        nonlocal largest
        largest = max([largest, *(path.stat().st_size for path in tmp_path.glob("*.csv*"))])

    raw = sparse(tmp_path / "x.raw", 2 * MIB)
    with pytest.raises(TraceUnreadableError, match=r"larger than 10 MiB"):
        write_csv(raw, [bytes_at("a", 2 * MIB)], 0.001, tmp_path / "x.csv", check=check)
    assert 0 < largest <= 10 * MIB
    assert list(tmp_path.iterdir()) == [raw]


def test_a_trace_of_many_blocks_is_written_completely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "BLOCK_VALUES", 7)
    values = array.array("h", range(100))
    (tmp_path / "x.raw").write_bytes(values.tobytes() + values.tobytes())
    columns = [ev.TraceColumn(name, "", "i2", 100, little=sys.byteorder == "little") for name in "ab"]
    write_csv(tmp_path / "x.raw", columns, 10.0, tmp_path / "x.csv")
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert lines == ["t [s],a,b", *(f"{n / 10},{n},{n}" for n in range(100))]


PEAK = """
import resource, sys
from pathlib import Path
from pytest_atlas.journal.events import TraceColumn
from pytest_atlas.publisher.files import traces
traces.MAX_CSV_BYTES = 64 << 20
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    traces.write_csv(Path(sys.argv[1]), [TraceColumn("a", "", "i1", 6 << 20)], 0.0, Path(sys.argv[1]).with_suffix(".csv"))
except traces.TraceUnreadableError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak memory is read as Linux counts it")
def test_a_large_trace_needs_little_memory(tmp_path: Path) -> None:
    raw = sparse(tmp_path / "x.raw", 6 * MIB)
    done = subprocess.run([sys.executable, "-c", PEAK, str(raw)], capture_output=True, text=True, check=True)
    *_, peak_mib = done.stdout.split()
    assert int(peak_mib) < 40


def test_the_reading_of_a_file_can_be_stopped(tmp_path: Path) -> None:
    def stop() -> None:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        sha256_of(sparse(tmp_path / "x", 1 << 40), stop)


# ── journals and receipts ────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    """Advances by a second at each call."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_the_reading_of_lines_ends_in_time_and_names_the_file(tmp_path: Path) -> None:
    read: list[int] = []
    with pytest.raises(TimeoutError, match=r"Not read to its end after 5 s.*journal.jsonl"):
        read.extend(in_time(range(1000), tmp_path / "journal.jsonl", 5, Clock()))
    assert len(read) == 5


def test_a_file_without_line_ends_lets_its_reader_stop(tmp_path: Path) -> None:
    path = sparse(tmp_path / "journal.jsonl", 1 << 40)
    with pytest.raises(TimeoutError):
        list(in_time(LineFollower(path).new_lines(), path, 20, Clock()))


@pytest.mark.parametrize("name", ["journal.jsonl", "journal-gw0-00000000.jsonl"])
def test_a_session_with_an_endless_journal_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    session = tmp_path / "s1"
    f.write_journal(session, f.opened(), f.session(), *f.plan("test_a"))
    sparse(session / name, 1 << 40)
    with pytest.raises(TimeoutError, match="s1"):
        session_loader.read(session, timeout_s=0.05)


def test_endless_receipts_are_an_error_that_names_them(tmp_path: Path) -> None:
    path = sparse(tmp_path / "receipts-test.jsonl", 1 << 40)
    with pytest.raises(TimeoutError, match=r"receipts-test\.jsonl"):
        read_observed(path, 0.05)


def test_push_stops_reading_an_endless_journal_with_the_reason(bench: Bench) -> None:
    f.write_journal(bench.session, f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_a"), f.finish())
    sparse(bench.session / "journal-gw0-00000000.jsonl", 1 << 40)
    status = bench.push(patience_s=0.2)
    assert status.state == "stopped"
    assert status.problem == "the journal was not read to its end in this time"


def test_the_command_push_stops_reading_an_endless_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = tmp_path / ".atlas" / "sessions" / "s1"
    f.write_journal(session, f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_a"), f.finish())
    sparse(session / "journal-gw0-00000000.jsonl", 1 << 40)
    assert main(["--atlas-dir", str(tmp_path / ".atlas"), "push", "--timeout", "0.2", str(session)]) == 1
    assert "Not read to its end after 0.2 s" in "".join(capsys.readouterr())


def test_a_journal_longer_than_one_turn_is_published(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_reader, "MAX_LINES", 3)
    names = [f"test_{n}" for n in range(20)]
    tests = [event for name in names for event in f.passes(name)]
    f.write_journal(bench.session, f.opened(), f.session(), *f.plan(*names), *tests, f.finish())
    with (bench.session / f.SERIAL).open("ab") as journal:
        journal.write(b"x" * (17 * MIB) + b"\n")
    status = bench.push()
    assert (status.state, status.in_place) == ("done", 22)
    assert "1 line of the journal could not be read" in status.remarks[0]
    assert {step.execution_status for card in bench.atlas.runs()[0].test_cards for step in card.test_steps} == {"passed"}
    assert len(bench.atlas.sent) == 1 + 1 + 2 * len(names) + 1


# ── threads ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_does_not_wait_for_a_thread_that_hangs() -> None:
    released = threading.Event()

    async def main() -> str:
        hanging = asyncio.ensure_future(asyncio.to_thread(released.wait, 300))
        done = await asyncio.to_thread(str, 7)
        hanging.cancel()
        return done

    try:
        assert threads.run(main()) == "7"
        assert not released.is_set()
    finally:
        released.set()


def test_an_error_in_a_thread_is_raised_in_the_waiting_task() -> None:
    async def main() -> None:
        await asyncio.to_thread(os.stat, "/no/such/file")

    with pytest.raises(FileNotFoundError):
        threads.run(main())


HANGS = """
import sys, threading
from pytest_atlas.cli import commands, entry
threading.Thread(target=threading.Event().wait).start()
sys.argv[1:] = ["--atlas-dir", sys.argv[1], "sessions"]
sys.exit(entry.main())
"""


def test_a_command_ends_if_a_thread_of_a_library_hangs(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HANGS, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout + done.stderr
    assert done.returncode in (0, 1)


# ── sizes of a session ───────────────────────────────────────────────────────────────────────────────────────────────


def nested(depth: int) -> list[ev.Event]:
    """Return the events of one test with `depth` nested steps."""
    opened = [
        ev.StepOpened(nodeid=f.nodeid("test_a"), ordinal=n, title=f"step {n}", inside=n - 1, at=f.BEGIN)
        for n in range(1, depth + 1)
    ]
    closed = [ev.StepClosed(nodeid=f.nodeid("test_a"), ordinal=n, outcome="passed", at=f.BEGIN) for n in range(depth, 0, -1)]
    return [f.session(), *f.plan("test_a"), f.started("test_a"), *opened, *closed, f.ended("test_a"), f.finish()]


def test_the_texts_of_nested_steps_grow_with_their_number() -> None:
    state = f.fold(*nested(5000), gone=True)
    descriptions = [desired.step(state, key).description for key in state.steps]
    assert len(descriptions) == 5001
    assert max(map(len, descriptions)) < 2000
    assert max(len(step.outer) for step in state.steps.values() if isinstance(step, InnerStep)) == MAX_DEPTH + 1


def test_a_nested_step_names_all_steps_around_it_up_to_the_limit() -> None:
    state = f.fold(*nested(MAX_DEPTH + 1), gone=True)
    deepest = state.steps[f"test:{f.nodeid('test_a')}#0/{MAX_DEPTH + 1}:step {MAX_DEPTH + 1}"]
    assert isinstance(deepest, InnerStep)
    assert deepest.outer == tuple(f"step {n}" for n in range(1, MAX_DEPTH + 1))


def test_a_crash_of_a_nodeid_with_many_groups_is_looked_up_in_bounded_memory() -> None:
    event = ev.TestCrashed(worker="gw0", nodeid=f.nodeid("test_a") + "@" * 1_000_000, at=f.BEGIN)
    tracemalloc.start()
    try:
        f.fold(f.session(), *f.plan("test_a"), event)
        assert tracemalloc.get_traced_memory()[1] < 200 * MIB  # 500 GB with a copy for each @
    finally:
        tracemalloc.stop()


def bytes_per_test(count: int) -> float:
    """Return the memory of a publisher for each passed test: its events and receipts."""
    names = [f"test_{n}" for n in range(count)]
    events = [f.session(), *f.plan(*names), *(e for name in names for e in f.passes(name)), f.finish()]
    lines = [json.dumps(ev.to_json_dict(event)).encode() for event in events]
    del events
    gc.collect()
    tracemalloc.start()
    try:
        state, observed = SessionState(), Observed()
        for line in lines:
            event = decode.event(line)
            assert event is not None
            state.apply(f.SERIAL, event)
        state.take_changed()
        for key in state.steps:
            want = desired.step(state, key)
            observed.apply(rc.Intended(key=key, order=want.order))
            observed.apply(rc.Created(key=key, id=str(uuid4())))
            observed.apply(rc.Updated(key=key, shows=rc.fingerprints(want.fields)))
        gc.collect()
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(observed.entities) == count
    return used / count


def test_a_passed_test_needs_little_memory() -> None:
    bytes_per_test(10)  # imports and fills caches
    assert bytes_per_test(2000) < 900


# ── hostile journals: the cost grows with the number of events ───────────────────────────────────────────────────────


def cost(work: Callable[[], object]) -> int:
    """Return the number of lines of Python that `work` executes: equal on every machine."""
    lines = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


def shown(events: Sequence[tuple[str, ev.Event]]) -> Callable[[], object]:
    """Return the work of a publisher for the events of several journals: apply them, and compare the changed entities."""

    def work() -> None:
        state = SessionState()
        for source, event in events:
            state.apply(source, event)
        state.pytest_is_gone()
        for key in state.take_changed():
            desired.entity(state, key)
        for card in state.cards:
            measurements.text(state, card)

    return work


NODEID = f.nodeid("test_a")
BEGUN = [f.session(), *f.plan("test_a"), f.started("test_a")]


def serial(*events: ev.Event) -> list[tuple[str, ev.Event]]:
    return [(f.SERIAL, event) for event in events]


def steps_with_one_ordinal(n: int) -> list[tuple[str, ev.Event]]:
    steps = [ev.StepOpened(nodeid=NODEID, ordinal=1, title=f"step {k}", at=f.BEGIN) for k in range(n)]
    return serial(*BEGUN, *steps, f.ended("test_a"))


def files_in_steps_with_one_ordinal(n: int) -> list[tuple[str, ev.Event]]:
    files = [ev.FileKept(nodeid=NODEID, step=1, name=f"{k}", path=f"files/{k}", size=1, at=f.BEGIN) for k in range(n)]
    return [*steps_with_one_ordinal(n), *serial(*files)]


def subtests_with_one_ordinal(n: int) -> list[tuple[str, ev.Event]]:
    return serial(*BEGUN, *(f.subtest("test_a", 1, "passed", title=f"subtest {k}") for k in range(n)), f.ended("test_a"))


def ends_of_a_test_with_steps(n: int) -> list[tuple[str, ev.Event]]:
    steps = [ev.StepOpened(nodeid=NODEID, ordinal=k + 1, title="step", at=f.BEGIN) for k in range(n)]
    return serial(*BEGUN, *steps, *(f.ended("test_a") for _ in range(n)))


def executions_of_a_test_with_steps(n: int) -> list[tuple[str, ev.Event]]:
    steps = [ev.StepOpened(nodeid=NODEID, ordinal=k + 1, title="step", at=f.BEGIN) for k in range(n)]
    return serial(*BEGUN, *steps, f.ended("test_a"), *(event for _ in range(n) for event in f.passes("test_a")))


def two_journals_of_one_test(n: int) -> list[tuple[str, ev.Event]]:
    notes = [ev.Noted(nodeid=NODEID, kind="note", text="x") for _ in range(n)]
    again = [f.started("test_a") for _ in range(n)]
    return [
        *serial(*BEGUN),
        ("journal-gw1.jsonl", f.started("test_a")),
        *serial(*again),
        *(("journal-gw1.jsonl", x) for x in notes),
    ]


def attempts_with_measurements(n: int) -> list[tuple[str, ev.Event]]:
    measured = [
        ev.Measured(nodeid=NODEID, attempt=k + 1, name="trip", values=("1.0",), verdict="fail", at=f.BEGIN) for k in range(n)
    ]
    return serial(*BEGUN, *measured, f.ended("test_a", attempt=n))


def crashes_and_unfinished_tests(n: int) -> list[tuple[str, ev.Event]]:
    names = [f"test_{k}" for k in range(n)]
    crashes = [ev.TestCrashed(worker=f"gw{k}", nodeid=f.nodeid(name), at=f.BEGIN) for k, name in enumerate(names)]
    return serial(f.session(), *f.plan(*names), *(f.started(name) for name in names), *crashes)


def crashes_of_one_worker(n: int) -> list[tuple[str, ev.Event]]:
    """Return crashes of a worker that is not an xdist worker, so that each crash concerns each journal."""
    names = [f"test_{k}" for k in range(n)]
    crashes = [ev.TestCrashed(worker="", nodeid=f.nodeid(name) + "@group", at=f.BEGIN) for name in names]
    return serial(f.session(), *f.plan(*names), *(f.started(name) for name in names), *crashes)


def crashes_of_a_nodeid_with_many_occurrences(n: int) -> list[tuple[str, ev.Event]]:
    tests = tuple(ev.PlannedTest(NODEID, "test_a", -1, occurrence=k) for k in range(n))
    crashes = [ev.TestCrashed(worker=f"gw{k}", nodeid=f"{NODEID}@{k}", at=f.BEGIN) for k in range(n)]
    return serial(f.session(), ev.Planned(tests=tests), ev.PlanCompleted(at=f.BEGIN, count=n), *crashes)


def cards_with_measurements(n: int) -> list[tuple[str, ev.Event]]:
    cards = tuple(ev.PlannedCard("module", f"test_{k}.py") for k in range(n))
    tests = tuple(ev.PlannedTest(f"test_{k}.py::test_a", "test_a", k) for k in range(n))
    inside = [
        event
        for test in tests
        for event in (
            ev.TestStarted(nodeid=test.nodeid, at=f.BEGIN),
            ev.Measured(nodeid=test.nodeid, name="trip", values=("1.0",), verdict="pass", at=f.BEGIN),
            ev.TestEnded(nodeid=test.nodeid, at=f.BEGIN + 1),
        )
    ]
    return serial(f.session(), ev.Planned(cards=cards, tests=tests), ev.PlanCompleted(at=f.BEGIN, count=n), *inside)


HOSTILE = [
    steps_with_one_ordinal,
    files_in_steps_with_one_ordinal,
    subtests_with_one_ordinal,
    ends_of_a_test_with_steps,
    executions_of_a_test_with_steps,
    two_journals_of_one_test,
    attempts_with_measurements,
    crashes_and_unfinished_tests,
    crashes_of_one_worker,
    crashes_of_a_nodeid_with_many_occurrences,
    cards_with_measurements,
]


@pytest.mark.parametrize("journal", HOSTILE, ids=lambda journal: journal.__name__)
def test_twice_as_many_events_cost_twice_as_much(journal: Callable[[int], list[tuple[str, ev.Event]]]) -> None:
    shown(journal(5))()  # fills caches
    assert cost(shown(journal(240))) < 2.3 * cost(shown(journal(120)))


def test_the_search_for_a_shared_url_does_not_read_all_entities() -> None:
    observed = Observed()
    for n in range(400):
        observed.apply(rc.Uploaded(key=f"file:{n}", url=f"s3://bench/{n % 200}", size=1))
        if n < 200:
            observed.apply(rc.Created(key=f"file:{n}", id=str(uuid4())))
    assert [observed.is_registered_elsewhere(f"file:{n}") for n in (0, 199, 200, 399)] == [False, False, True, True]
    assert cost(lambda: observed.is_registered_elsewhere("file:399")) < 30


def test_a_deleted_file_shares_no_url() -> None:
    observed = Observed()
    for key in ("file:a", "file:b"):
        observed.apply(rc.Uploaded(key=key, url="s3://bench/x", size=1))
    observed.apply(rc.Created(key="file:a", id=str(uuid4())))
    assert observed.is_registered_elsewhere("file:b")
    observed.apply(rc.Ignored(key="file:a", why="not confirmed"))
    assert not observed.is_registered_elsewhere("file:b")
