"""A hostile `.atlas` from a repository or an artifact: no file outside it changes, and every command ends."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support import events as f
from tests.support.events import SYSTEM
from tests.support.inner import Project, environment

from pytest_atlas.atlas.operations import ListRuns
from pytest_atlas.cli import main
from pytest_atlas.local import LocalAtlas

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, FIFOs and owners as POSIX has them")

LIMIT_S = 60
COMMANDS = (("push",), ("sessions",), ("show",), ("runs",), ("report",), ("search", "volts"), ("summary",), ("doctor",))
SESSION = "20260101T000000Z-0123abcd"
OLD = time.time() - 30 * 86400
Snapshot = dict[str, tuple[int, float, bytes]]


def snapshot(directory: Path) -> Snapshot:
    """Return name, mode, time and content of all files in a directory."""
    paths = [directory, *sorted(directory.rglob("*"))]
    return {str(path): (path.lstat().st_mode, path.lstat().st_mtime, _content(path)) for path in paths}


def _content(path: Path) -> bytes:
    return path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A directory of the user with old files, some named like those of pytest-atlas, a session and a database."""
    victim = tmp_path / "home" / "victim"
    f.write_journal(victim / SESSION, f.opened(), f.session(), *f.passes("test_a"), f.finish())
    for name in ("thesis.tex", "0123456789abcdef0123456789abcdef", "publisher.log", "journal.jsonl", "status-x.json"):
        (victim / name).write_text("precious\n")
    (victim / "files").mkdir()
    (victim / "files" / "a.bin").write_bytes(b"precious")
    with closing(sqlite3.connect(victim / "other.db")) as db:
        db.execute("CREATE TABLE bookmarks (url)")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    (victim / "empty.db").touch()
    for path in victim.rglob("*"):
        os.utime(path, (OLD, OLD))
    return victim


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A suite with a `.atlas` that has one session."""
    project = Project(tmp_path / "suite").write(
        "test_a.py", "def test_a(atlas):\n    atlas.attach(b'1' * 10, 'a.bin')\n    atlas.measure('v', 1, low=0)\n"
    )
    return project.write(".atlas/.gitignore", "*\n")


def atlas(project: Project) -> Path:
    return project.root / ".atlas"


def session(project: Project) -> Path:
    path = atlas(project) / "sessions" / SESSION
    f.write_journal(path, f.opened(), f.session(), *f.plan("test_a"), *f.passes("test_a"), f.finish())
    return path


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def in_session(name: str, make: Callable[[Path, Path], None]) -> Callable[[Project, Path], None]:
    return lambda project, victim: make(session(project) / name, victim)


def fifo(path: Path, _: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def directory_is_a_link(project: Project, victim: Path) -> None:
    shutil.rmtree(atlas(project))
    link(atlas(project), victim)


def gitignore_is_a_link(project: Project, victim: Path) -> None:
    (atlas(project) / ".gitignore").unlink()
    link(atlas(project) / ".gitignore", victim / "new")


def store_of_another_program(project: Project, victim: Path) -> None:
    shutil.copy(victim / "other.db", atlas(project) / "atlas.db")


ATTACKS: dict[str, Callable[[Project, Path], None]] = {
    ".atlas is a link": directory_is_a_link,
    ".gitignore is a link": gitignore_is_a_link,
    "sessions is a link": lambda p, v: link(atlas(p) / "sessions", v),
    "sessions is a dangling link": lambda p, v: link(atlas(p) / "sessions", v / "new"),
    "a session is a link": lambda p, v: link(atlas(p) / "sessions" / SESSION, v / SESSION),
    "objects is a link": lambda p, v: link(atlas(p) / "objects", v),
    "incoming is a link": lambda p, v: link(atlas(p) / "objects" / "incoming", v),
    "incoming is a FIFO": lambda p, v: fifo(atlas(p) / "objects" / "incoming", v),
    "atlas.db is a link to a file": lambda p, v: link(atlas(p) / "atlas.db", v / "empty.db"),
    "atlas.db is a link to a database": lambda p, v: link(atlas(p) / "atlas.db", v / "other.db"),
    "atlas.db is a dangling link": lambda p, v: link(atlas(p) / "atlas.db", v / "new.db"),
    "atlas.db is a hard link": lambda p, v: os.link(v / "empty.db", atlas(p) / "atlas.db"),
    "atlas.db is a FIFO": lambda p, v: fifo(atlas(p) / "atlas.db", v),
    "atlas.db-wal is a link": lambda p, v: link(atlas(p) / "atlas.db-wal", v / "thesis.tex"),
    "atlas.db-journal is a link": lambda p, v: link(atlas(p) / "atlas.db-journal", v / "thesis.tex"),
    "atlas.db-shm is a FIFO": lambda p, v: fifo(atlas(p) / "atlas.db-shm", v),
    "publisher.log is a FIFO": in_session("publisher.log", fifo),
    "publisher.log is a link": in_session("publisher.log", lambda path, v: link(path, v / "publisher.log")),
    "publisher.log is a hard link": in_session("publisher.log", lambda path, v: os.link(v / "publisher.log", path)),
    "a journal is a link": in_session("journal-gw0.jsonl", lambda path, v: link(path, v / "thesis.tex")),
    "a journal is a FIFO": in_session("journal-gw0.jsonl", fifo),
    "files is a link": in_session("files", lambda path, v: link(path, v / "files")),
    "a status is a FIFO": in_session("status-x.json", fifo),
    "receipts are a FIFO": in_session("receipts-x.jsonl", fifo),
}
IN_SESSION = [name for name in ATTACKS if name.startswith(("publisher.log", "receipts", "a status", "a journal", "files"))]
UNKNOWN_STORE = {"the store is another program's": store_of_another_program}


class Runs:
    """Runs commands in this process; each ends by itself, with a line instead of a traceback."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, project: Project, *words: str, expect: tuple[int, ...] = (0, 1, 2)) -> str:
        """Return the output."""
        self._monkeypatch.chdir(project.root)
        signal.alarm(LIMIT_S)
        try:
            code = main(words)
        finally:
            signal.alarm(0)
        out, err = self._capsys.readouterr()
        assert code in expect, out + err
        return out + err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Runs]:
    """`run(project, "push")` in the directory of the suite."""
    for name in [name for name in os.environ if name.startswith("ATLAS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def too_long(*_: object) -> None:
        raise AssertionError(f"the command has not ended within {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, too_long)
    yield Runs(monkeypatch, capsys)
    signal.signal(signal.SIGALRM, before)


def serve_briefly(project: Project) -> str:
    server = subprocess.Popen(
        [sys.executable, "-m", "pytest_atlas.cli", "serve", "--port", "0"],
        cwd=project.root,
        env=environment(HOME=str(project.root.parent / "home")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    first = server.stdout.readline()  # the URL, or the line with the problem
    if first.startswith("serving"):
        server.send_signal(signal.SIGINT)
    rest = server.communicate(timeout=LIMIT_S)[0]
    assert "Traceback" not in rest
    return first


@pytest.mark.parametrize("attack", [*ATTACKS, *UNKNOWN_STORE])
def test_nothing_outside_changes(project: Project, victim: Path, run: Runs, attack: str) -> None:
    {**ATTACKS, **UNKNOWN_STORE}[attack](project, victim)
    before = snapshot(victim)
    env = {"HOME": str(project.root.parent / "home")}
    ended = project.pytest(f"--atlas-system={SYSTEM}", "--atlas-timeout=20", env=env)
    assert ended.code == 0, ended.out + ended.err
    assert not re.search("internal (fault|error)", ended.out + ended.err)
    for words in (
        ("push",),
        ("push", f".atlas/sessions/{SESSION}"),
        ("sessions",),
        ("show",),
        ("report",),
        ("summary",),
        ("doctor",),
    ):
        run(project, *words)
    serve_briefly(project)
    assert snapshot(victim) == before


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name.startswith("atlas.db")] + [*UNKNOWN_STORE])
def test_a_foreign_store_is_rejected_with_a_clear_message(project: Project, victim: Path, run: Runs, attack: str) -> None:
    session(project)
    {**ATTACKS, **UNKNOWN_STORE}[attack](project, victim)
    words = ("is a link", "hard link", "not a regular file", "a database of another program")
    for out in (run(project, "push", expect=(1,)), run(project, "show", expect=(1,)), serve_briefly(project)):
        assert any(word in out for word in words), out
        assert "atlas.db" in out


def test_the_database_of_another_program_is_not_changed(project: Project, victim: Path, run: Runs) -> None:
    store_of_another_program(project, victim)
    before = (atlas(project) / "atlas.db").read_bytes()
    session(project)
    run(project, "push", expect=(1,))
    assert (atlas(project) / "atlas.db").read_bytes() == before


@pytest.mark.parametrize("attack", IN_SESSION)
def test_a_bad_file_in_a_session_does_not_affect_other_sessions(project: Project, victim: Path, run: Runs, attack: str) -> None:
    ATTACKS[attack](project, victim)
    good = atlas(project) / "sessions" / "20260102T000000Z-0123abcd"
    f.write_journal(
        good, f.opened(), f.session(session="s2", key="s2", title="good"), *f.plan("test_a"), *f.passes("test_a"), f.finish()
    )
    out = run(project, "push")
    assert "3 of 3 published" in out
    with LocalAtlas(atlas(project) / "atlas.db", create=True) as store:
        assert "good" in [item.title for item in store.send(ListRuns()).items]
    assert out.count("session 2026") == 2
    listed = run(project, "sessions", expect=(0,))
    assert SESSION in listed
    assert good.name in listed


def test_an_artifact_is_not_published_into_a_store_inside_it(project: Project, run: Runs, tmp_path: Path) -> None:
    session(project)
    run(project, "push")
    artifact = tmp_path / "artifact"
    shutil.copytree(project.root, artifact)
    before = (artifact / ".atlas" / "atlas.db").read_bytes()
    elsewhere = Project(tmp_path / "elsewhere")
    for name in ("artifact", f"artifact/.atlas/sessions/{SESSION}"):
        assert str(elsewhere.root / ".atlas" / "atlas.db") in run(elsewhere, "push", f"../{name}", expect=(0,))
    out = run(Project(artifact / "deep"), "push", "..", expect=(2,))
    assert "contains the local Atlas" in out
    assert (artifact / ".atlas" / "atlas.db").read_bytes() == before
