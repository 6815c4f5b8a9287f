"""Journals: one write for each event; full disks, incomplete lines, closed descriptors and forks."""

import errno
import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import writer as writer_module
from pytest_atlas.journal.writer import JournalWriter


def started(name: str) -> ev.TestStarted:
    return ev.TestStarted(nodeid=name, at=1.0)


def opened(path: Path) -> JournalWriter:
    return JournalWriter(path, Cleaner({}))


def names(path: Path) -> list[str]:
    """Return the names of the recorded tests. Lines that are not events are ignored."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line).get("nodeid", ""))
        except ValueError:
            continue
    return [name for name in found if name]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


Write = Callable[[int, bytes], int]


class Disk:
    """Replaces os.write of the writer: accepts a number of bytes of each write, or raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.writes: list[bytes] = []
        self.takes: int | None = None
        self._write = os.write
        monkeypatch.setattr(writer_module, "write_bytes", self)

    def __call__(self, fd: int, data: bytes) -> int:
        self.writes.append(data)
        if self.takes == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(fd, data[: self.takes])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def test_the_first_line_has_the_writer(path: Path) -> None:
    JournalWriter(path, Cleaner({}), worker="gw1").close()
    (line,) = path.read_text().splitlines()
    first = json.loads(line)
    assert (first["e"], first["version"], first["worker"], first["pid"]) == ("journal", ev.VERSION, "gw1", os.getpid())


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_only_the_owner_can_read_a_journal(path: Path) -> None:
    opened(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_event_is_one_line_and_one_write(path: Path, disk: Disk) -> None:
    journal = opened(path)
    before = len(disk.writes)
    journal.write(started("test_a"))
    assert disk.writes[before:] == [b'{"e":"start","nodeid":"test_a","at":1.0}\n']


def test_an_event_is_in_the_file_at_once(path: Path) -> None:
    journal = opened(path)
    journal.write(started("test_a"))
    assert names(path) == ["test_a"]


def test_an_incomplete_line_is_terminated_before_the_next_event(path: Path) -> None:
    path.write_bytes(b'{"e":"start","nodeid":"test_to')
    opened(path).close()
    torn, opening, rest = path.read_bytes().split(b"\n")
    assert torn == b'{"e":"start","nodeid":"test_to'
    assert json.loads(opening)["e"] == "journal"
    assert rest == b""


def test_there_is_no_empty_line_after_a_complete_one(path: Path) -> None:
    path.write_bytes(b"{}\n")
    opened(path).close()
    assert b"\n\n" not in path.read_bytes()


@pytest.mark.parametrize("takes", [1, 10, len(b'{"e":"start","nodeid":"test_a","at":1.0}')])
def test_an_event_of_a_short_write_is_written_again_on_a_new_line(path: Path, disk: Disk, takes: int) -> None:
    journal = opened(path)
    disk.takes = takes
    journal.write(started("test_a"))
    disk.takes = None
    journal.write(started("test_b"))
    assert names(path) == ["test_a", "test_b"]
    assert journal.unwritten == 0


def test_events_are_written_when_a_full_disk_has_space_again(path: Path, disk: Disk) -> None:
    journal = opened(path)
    disk.takes = 0
    for name in ("test_a", "test_b"):
        journal.write(started(name))
    assert (journal.unwritten, names(path)) == (2, [])
    assert "No space left" in journal.problem
    disk.takes = None
    journal.write(started("test_c"))
    assert (journal.unwritten, names(path)) == (0, ["test_a", "test_b", "test_c"])


def test_close_retries_buffered_events(path: Path, disk: Disk) -> None:
    journal = opened(path)
    disk.takes = 0
    journal.write(started("test_a"))
    disk.takes = None
    journal.close()
    assert (journal.unwritten, names(path)) == (0, ["test_a"])


def test_lost_events_are_counted_and_memory_is_bounded(path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "KEEP_BYTES", 200)
    journal = opened(path)
    disk.takes = 0
    for number in range(100):
        journal.write(started(f"test_{number}"))
    assert sum(map(len, journal._kept)) <= 200
    journal.close()
    assert (journal.unwritten, journal.lost) == (100, 100)


@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
def test_a_limit_of_the_system_raises_no_exception(path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from pytest_atlas.journal import events as ev
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal.writer import JournalWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = JournalWriter(Path(sys.argv[1]), Cleaner({}))
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))
for number in range(10): journal.write(ev.TestStarted(nodeid=f"test_{number}", at=1.0))
print(journal.unwritten)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.close()
print(journal.unwritten)
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    refused, after = map(int, done.stdout.split())
    assert refused > 0
    assert (after, names(path)) == (0, [f"test_{number}" for number in range(10)])
    assert resource.RLIM_INFINITY  # the limit applied to the child only


def test_events_survive_a_test_that_closes_every_descriptor(path: Path) -> None:
    journal = opened(path)
    os.close(journal._fd)
    journal.write(started("test_a"))
    assert names(path) == ["test_a"]


def test_no_event_is_written_to_a_file_with_the_reused_descriptor(path: Path, tmp_path: Path) -> None:
    journal = opened(path)
    number = journal._fd
    os.close(number)
    foreign = os.open(tmp_path / "users.csv", os.O_CREAT | os.O_RDWR)
    if foreign != number:
        os.dup2(foreign, number)
    journal.write(started("test_a"))
    journal.close()
    assert (tmp_path / "users.csv").read_bytes() == b""
    assert names(path) == ["test_a"]
    os.close(number)
    if foreign != number:
        os.close(foreign)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # threads of other tests can exist in this process
def test_a_forked_child_writes_nothing(path: Path) -> None:
    journal = opened(path)
    child = os.fork()
    if not child:
        journal.write(started("test_of_child"))
        journal.close()
        os._exit(0)
    os.waitpid(child, 0)
    journal.write(started("test_of_parent"))
    assert names(path) == ["test_of_parent"]


def test_a_closed_journal_accepts_no_events(path: Path) -> None:
    journal = opened(path)
    journal.close()
    journal.write(started("test_late"))
    journal.close()
    assert names(path) == []


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("test_a[\ud800]", "test_a[\\ud800]"),
        ("test_a[\x00]", "test_a[\\x00]"),
        ("test_a[é\N{GRINNING FACE}]", "test_a[é\N{GRINNING FACE}]"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_every_text_of_an_event_is_sanitized(path: Path, given: str, written: str) -> None:
    journal = opened(path)
    journal.write(started(given))
    assert names(path) == [written]


def test_secrets_in_any_field_are_redacted(path: Path) -> None:
    secret = "s3cr3t-t0ken"
    journal = JournalWriter(path, Cleaner({"ATLAS_TOKEN": secret}))
    card = ev.PlannedCard("module", f"m{secret}", secret)
    journal.write(ev.Planned(cards=(card,), docs=(secret,), tests=(ev.PlannedTest(secret, secret, 0, title=secret),)))
    session: dict[str, Any] = {"at": 1.0, "session": secret, "key": secret, "system_id": secret, "title": secret}
    journal.write(ev.SessionStarted(**session, environment={secret: secret}))
    assert secret.encode() not in path.read_bytes()
    assert path.read_bytes().count(b"[redacted]") == 12


def test_a_secret_of_digits_does_not_change_numbers(path: Path) -> None:
    journal = JournalWriter(path, Cleaner({"API_TOKEN": "1795570547"}))
    journal.write(ev.SessionInterrupted(reason="test_1795570547", at=1795570547.5))
    assert json.loads(path.read_bytes().splitlines()[-1]) == {
        "e": "interrupted",
        "reason": "test_[redacted]",
        "at": 1795570547.5,
    }


def test_no_identity_depends_on_the_environment(path: Path) -> None:
    word = "reset-9-by-hand"
    journal = JournalWriter(path, Cleaner({"APP_PASSWORD": word}))
    card = ev.PlannedCard("class", f"test_a.py::{word}", word)
    journal.write(ev.Planned(cards=(card,), tests=(ev.PlannedTest(f"test_a.py::{word}", word, 0, title=word),)))
    journal.write(ev.StepOpened(nodeid=f"test_a.py::{word}", ordinal=1, title=word, at=1.0))
    journal.write(ev.FileKept(nodeid=word, name=word, path=f"files/1.{word}", size=1, at=1.0))
    plan, step, file = map(json.loads, path.read_bytes().splitlines()[1:])
    assert plan["cards"][0] == {"kind": "class", "name": f"test_a.py::{word}", "doc": "[redacted]"}
    assert plan["tests"][0] == {"nodeid": f"test_a.py::{word}", "name": word, "card": 0, "title": "[redacted]"}
    assert (step["nodeid"], step["title"]) == (f"test_a.py::{word}", word)
    assert (file["nodeid"], file["name"], file["path"]) == (word, "[redacted]", f"files/1.{word}")


def test_a_time_of_nan_is_valid_json(path: Path) -> None:
    journal = opened(path)
    journal.write(ev.TestStarted(nodeid="test_a", at=float("nan")))
    json.loads(path.read_bytes().splitlines()[-1], parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
