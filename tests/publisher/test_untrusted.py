"""Untrusted session directories: no path leads out of them, no read blocks or needs much memory, nothing is executed."""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.publisher.conftest import Bench
from tests.support import events as f
from tests.support.atlases import status as answers

from pytest_atlas.atlas import CreateStep, Run
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.follower import JournalFollower
from pytest_atlas.publisher import targets
from pytest_atlas.publisher.files import session_files
from pytest_atlas.publisher.files.traces import TraceUnreadableError, write_csv
from pytest_atlas.session import desired
from pytest_atlas.session.state import SessionState

posix = pytest.mark.skipif(os.name == "nt", reason="links and pipes as POSIX has them")


@pytest.fixture
def session(bench: Bench) -> Path:
    """A session directory with files to publish."""
    bench.target = targets.Target(
        name="test", label="x", limit=32, atlas=bench.atlas, objects=targets.LocalPlace(bench.atlas.local.objects)
    )
    (bench.session / "files").mkdir(parents=True)
    return bench.session


def record(session: Path, *inside: ev.Event) -> None:
    f.write_journal(
        session, f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), *inside, f.ended("test_a"), f.finish()
    )


def file(path: str, **more: Any) -> ev.FileKept:
    return ev.FileKept(nodeid=f.nodeid("test_a"), name="data.bin", path=path, size=1, at=f.BEGIN, **more)


def uploaded(bench: Bench) -> list[bytes]:
    """Return the content of every data file of the only run."""
    (run,) = bench.atlas.runs()
    objects = bench.atlas.local.objects
    paths = {objects.path(data.s3_url) for data in all_files(run)}
    return [path.read_bytes() for path in paths if path]


def all_files(run: Run) -> list[Any]:
    return [*run.test_data, *(data for card in run.test_cards for step in card.test_steps for data in step.test_data)]


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

OUTSIDE = [
    "../secret",
    "files/../../secret",
    "files/..",
    "files",
    "files/",
    ".",
    "",
    "/etc/passwd",
    "journal.jsonl",
    "files\0/x",
    "other/files/x",
]
WINDOWS = [
    "C:/Windows/win.ini",
    "C:secret",
    "files/x:hidden",
    "files/x::$DATA",
    "files\\..\\..\\secret",
    "\\\\server\\share\\x",
    "//server/share/x",
    "//?/C:/x",
    "files/C:/x",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("windows", [False, True])
def test_a_path_that_leads_out_is_rejected(session: Path, name: str, *, windows: bool) -> None:
    with pytest.raises((ValueError, OSError)):
        session_files.locate(session, name, windows=windows)


@pytest.mark.parametrize("name", WINDOWS)
def test_paths_that_lead_out_on_windows_are_rejected_there(session: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not in the session directory"):
        session_files.locate(session, name, windows=True, is_there=False)


@given(
    st.lists(st.sampled_from(["/", "\\", ".", "..", ":", "files", "x", "\0", "~", "C", "\ud800", "con"]), max_size=12).map(
        "".join
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_a_path_that_leads_out(session: Path, name: str) -> None:
    for windows in (False, True):
        try:
            path = session_files.locate(session, f"files/{name}", windows=windows, is_there=False)
        except (ValueError, OSError):
            continue
        assert path.is_relative_to(session.resolve() / "files")


def test_a_file_that_is_inside_is_found(session: Path) -> None:
    (session / "files" / "ab").mkdir()
    (session / "files" / "ab" / "rail log.csv").write_text("1")
    assert session_files.locate(session, "files/ab/rail log.csv", windows=True).read_text() == "1"


@posix
@pytest.mark.parametrize("what", ["a link", "a directory that is a link", "a pipe", "a device", "a directory", "nothing"])
def test_only_files_are_published(bench: Bench, session: Path, tmp_path: Path, what: str) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hunter2")
    path = session / "files" / "x"
    match what:
        case "a link":
            path.symlink_to(secret / "key")
        case "a directory that is a link":
            path.symlink_to(secret)
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a directory":
            path.mkdir()
    record(session, file("files/x/key" if "directory that" in what else "files/x"))
    status = bench.push()
    assert (status.state, status.refused) == ("incomplete", 1)
    assert uploaded(bench) == []
    assert "hunter2" not in str(status)


@posix
def test_a_link_instead_of_the_csv_of_a_trace_is_not_followed(bench: Bench, session: Path, tmp_path: Path) -> None:
    victims = [tmp_path / "read", tmp_path / "written"]
    for victim in victims:
        victim.write_text("precious")
    (session / "files" / "x.raw").write_bytes(bytes(8))
    (session / "files" / "x.csv").symlink_to(victims[0])
    (session / "files" / "x.csv.new").symlink_to(victims[1])
    record(session, file("files/x.raw", columns=(ev.TraceColumn("t", "s", "f8", 1),)))
    bench.push()
    assert uploaded(bench) == [b"t [s]\n0.0\n"]
    assert [victim.read_text() for victim in victims] == ["precious", "precious"]


@posix
@pytest.mark.parametrize("name", ["receipts-test.jsonl", "status-test.json.new"])
def test_the_publisher_writes_through_no_link(bench: Bench, session: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "profile").write_text("precious")
    (session / name).symlink_to(tmp_path / "profile")
    record(session)
    with suppress(OSError):  # of the receipts; the status is optional
        bench.push()
    assert (tmp_path / "profile").read_text() == "precious"


@posix
@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "directory", "device"]
)
def test_an_entry_with_the_name_of_a_journal_that_is_not_a_file_is_reported(bench: Bench, session: Path, make: Any) -> None:
    make(session / "journal-gw0-00000000.jsonl")
    record(session)
    status = bench.push()
    assert status.state == "done"
    assert status.remarks == ("1 line of the journal could not be read; their content is missing",)


@posix
def test_files_of_the_publisher_are_readable_by_the_owner_only(bench: Bench, session: Path) -> None:
    (session / "files" / "x.raw").write_bytes(bytes(8))
    (session / "files" / "x.raw").chmod(0o600)
    measured = ev.Measured(nodeid=f.nodeid("test_a"), name="t", values=("1",), verdict="pass", at=f.BEGIN)
    record(session, measured, file("files/x.raw", columns=(ev.TraceColumn("t", "s", "f8", 1),)))
    (session / f.SERIAL).chmod(0o600)
    assert bench.push().state == "done"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in session.rglob("*") if path.is_file()}
    assert len(modes) == 6
    assert set(modes.values()) == {0o600}


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [2, 10**12, 2**63, 10**40, -1])
def test_a_trace_shorter_than_declared_is_rejected_before_it_is_read(tmp_path: Path, count: int) -> None:
    (tmp_path / "x.raw").write_bytes(bytes(8))
    with pytest.raises(TraceUnreadableError):
        write_csv(tmp_path / "x.raw", [ev.TraceColumn("t", "s", "f8", count)], 0.0, tmp_path / "x.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["x.raw"]


KINDS_OF_ITEMS = st.sampled_from(["f8", "i4", "u1", "f", "x9", "i²", "f８", ""]) | st.text(max_size=3)


@given(
    columns=st.lists(st.builds(ev.TraceColumn, st.text(), st.text(), KINDS_OF_ITEMS, st.integers(-3, 9)), max_size=4),
    data=st.binary(max_size=64),
    rate=st.floats(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_invalid_columns_are_rejected_without_another_error(
    tmp_path: Path, columns: list[ev.TraceColumn], data: bytes, rate: float
) -> None:
    (tmp_path / "x.raw").write_bytes(data)
    try:
        write_csv(tmp_path / "x.raw", columns, rate, tmp_path / "x.csv")
    except (ValueError, OSError):
        return
    assert (tmp_path / "x.csv").is_file()


LINES = {
    "deep": b"[" * 100_000,
    "deep inside": b'{"e":"session","environment":' + b'{"a":' * 5000,
    "a huge number": b'{"e":"start","nodeid":"x","at":' + b"9" * 5000 + b"}",
    "a huge whole number": b'{"e":"end","nodeid":"x","at":1,"attempt":' + b"9" * 4000 + b"}",
    "a time beyond any calendar": b'{"e":"start","nodeid":"x","at":1e300}',
    "a time before any calendar": b'{"e":"start","nodeid":"x","at":-1e12}',
    "no time": b'{"e":"start","nodeid":"x","at":"nan"}',
    "an endless time": b'{"e":"session","at":Infinity}',
    "not UTF-8": b'{"e":"start","nodeid":"\xff","at":1}',
    "a lone surrogate": b'{"e":"start","nodeid":"\\ud800","at":1}',
    "a pickle": b"cos\nsystem\n(S'echo'\ntR.".replace(b"\n", b" "),
    "a list": b"[1]",
    "a kind that is a list": b'{"e":[]}',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_is_not_an_event_is_counted(bench: Bench, session: Path, line: bytes) -> None:
    record(session)
    with (session / f.SERIAL).open("ab") as journal:
        journal.write(line + b"\n")
    status = bench.push()
    assert status.state == "done", status.problem
    assert status.remarks == ("1 line of the journal could not be read; their content is missing",)


# ── anything ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

SOME = st.sampled_from(
    ["a", "b", "tests/test_trip.py::test_a", "", "a\nb", "\x1b[31m", "x" * 300, "files/x", "../x", "#0", ":"]
)
NUMBERS = st.integers() | st.sampled_from([0, 1, 2, -1, 2**31, 2**63, 2**64, 10**30])
TIMES = st.floats() | st.sampled_from([0.0, f.BEGIN, -1.0, 1e11, 253402300800.0, 1e18, 1e308])


def anything(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of events of one class with any values of the field types."""
    for given_type, strategy in ((str, SOME), (int, NUMBERS), (float, TIMES)):
        st.register_type_strategy(given_type, strategy)
    return st.from_type(kind)


EVENTS = st.lists(st.one_of([anything(kind) for kind in ev.Event.__args__]), max_size=12)
RECEIPTS = st.lists(st.one_of([anything(kind) for kind in rc.Receipt.__args__]), max_size=4)


def as_lines(events: list[Any]) -> bytes:
    return b"".join(json.dumps(ev.to_json_dict(event)).encode() + b"\n" for event in events)


@given(EVENTS)
@settings(max_examples=300, deadline=None)
def test_any_events_are_folded_without_an_error(events: list[Any]) -> None:
    state = SessionState()
    for line in as_lines([f.session(), *events]).splitlines():
        event = decode.event(line)
        if event is not None:
            state.apply(f.SERIAL, event)
    state.pytest_is_gone()
    for key in desired.keys(state):
        desired.entity(state, key)


@given(
    st.binary(max_size=400)
    | st.builds(lambda data, n: data[:n] + b"\xff\n" + data[n:], EVENTS.map(as_lines), st.integers(0, 300))
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_at_most_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.jsonl").write_bytes(content)
    state = SessionState()
    for source, line in JournalFollower(tmp_path).new_lines():
        event = decode.event(line)
        decode.receipt(line)
        if event is not None:
            state.apply(source, event)


@given(events=EVENTS, receipts=RECEIPTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_directory_is_published_or_rejected_with_a_message(
    tmp_path_factory: pytest.TempPathFactory, events: list[Any], receipts: list[Any]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.session.mkdir(parents=True)
    (bench.session / f.SERIAL).write_bytes(as_lines([f.opened(), f.session(), *f.plan("test_a"), *events, f.finish()]))
    (bench.session / "receipts-test.jsonl").write_bytes(as_lines(receipts))
    try:
        status = bench.push(patience_s=0.2)
    finally:
        bench.atlas.local.close()
    assert "internal error" not in status.problem


def test_texts_of_an_atlas_are_sanitized_in_status_and_receipts(
    bench: Bench, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_0123456789")
    record(session)
    bench.atlas.fail(CreateStep, answers(422, "\x1b]0;title\x07 ghs_0123456789"))
    assert "\\x1b]0;title\\x07 [redacted]" in bench.push().remarks[0]
    bench.atlas.fail(CreateStep, answers(401, "\x1b[2J\x9b1m ghs_0123456789"))
    assert "\\x9b1m [redacted]" in bench.push().problem
    assert "ghs_0123456789" not in "".join(path.read_text() for path in session.glob("*-test.json*"))
