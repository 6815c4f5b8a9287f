"""A hostile session directory: its journal, receipts, links and files are changed at random, then every command gets it.

With any content, runs of another person and the earlier run are not changed, no file outside `.atlas` changes, and every
command ends.
"""

import json
import os
import shutil
import signal
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import rounds
from tests.support import events as f
from tests.support.atlases import every_run
from tests.support.neighbour import CARD, NAMES, move_in, step_key
from tests.support.totals import give

from pytest_atlas.atlas.models import Run
from pytest_atlas.cli import main
from pytest_atlas.journal import events as ev
from pytest_atlas.journal import receipts as rc
from pytest_atlas.local import LocalAtlas

MEMORY = Path("/dev/shm")
OWN = "20261125T014157Z-e05ba469"
"""A session of this machine that was published before."""
ID = "20261126T093000Z-0a1b2c3d"
"""The hostile session."""
KEY = "acme/psu/417/bench-1"
"""The run key of the other person's run. Every user of Atlas can read it."""
COMMAND_S = 60
"""Time limit of one command. It is much longer than a command needs: the test checks only that it ends."""

Change = Callable[["Scene"], None]
totals: Counter[str] = Counter()


class Scene:
    """An atlas directory with a store that contains a run of another person, and an artifact with one session."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = directory / "home" / ".atlas"
        self.session = directory / "artifact" / ".atlas" / "sessions" / ID
        self.precious = directory / "precious"
        self.precious.mkdir()
        for name in ("profile", "other.db", "log.txt"):
            (self.precious / name).write_text(f"precious {name}\n")
        os.utime(self.precious / "profile", (1, 1))  # old enough to count as an abandoned copy
        record(self.home / "sessions" / OWN, OWN)
        self.command("push")
        with LocalAtlas(self.home / "atlas.db", create=True) as atlas:
            self.store = atlas.store_id
            (self.own,) = every_run(atlas)
            self.neighbour = move_in(atlas, KEY)
        record(self.session, ID)
        (self.session / "files").mkdir()
        (self.session / "files" / "a.bin").write_bytes(b"x")
        f.write_journal(self.session, FILE)
        self.receipts = self.session / f"receipts-local-{self.store}.jsonl"

    def command(self, *words: object) -> str:
        """Run a command of pytest-atlas in this process."""
        out = StringIO()
        environment = mock.patch.dict(os.environ, clean_environment())
        with redirect_stdout(out), redirect_stderr(out), in_time(), environment, suppress(SystemExit):
            main(["--atlas-dir", str(self.home), *map(str, words)])
        totals["commands"] += 1
        return out.getvalue()

    def outside(self) -> dict[str, Any]:
        """Return all files outside the two `.atlas` directories."""
        return {str(path): content_of(path) for path in outside(self.directory)}

    def check(self, before: dict[str, Any]) -> None:
        """Check that the commands changed only the run of the session."""
        with LocalAtlas(self.home / "atlas.db", create=True) as atlas:
            runs = list(every_run(atlas))
            neighbour = replace(self.neighbour, atlas=atlas)
            assert neighbour.changes() == [], "another person's runs were changed"
            own = {run.uuid: without_times(run) for run in runs}
        assert own[self.own.uuid] == without_times(self.own), "the earlier run was changed"
        known = {self.own.uuid, self.neighbour.run.uuid, self.neighbour.empty.uuid}
        assert len(own.keys() - known) <= 1, "more than one run was created"
        assert self.outside() == before, "a file outside .atlas was changed"


FILE = ev.FileKept(at=f.BEGIN, nodeid=f.nodeid("test_a"), name="a.bin", path="files/a.bin", size=1)
FILE_KEY = f"file:{step_key('test_a')}:files/a.bin:a.bin"
KEYS = ["run", CARD, *map(step_key, NAMES), FILE_KEY, "report:run", "card:module:none"]


def record(directory: Path, name: str) -> None:
    tests = [*f.passes("test_a"), *f.fails("test_b"), *f.passes("test_c")]
    session = f.session(session=name, key=name, title="Acceptance")
    f.write_journal(directory, f.opened(), session, *f.plan(*NAMES), *tests, f.finish(1))


def outside(directory: Path) -> Iterator[Path]:
    for place, inside, names in os.walk(directory):
        inside[:] = [name for name in inside if name != ".atlas"]
        yield from (Path(place, name) for name in [*inside, *names])


def content_of(path: Path) -> Any:
    found = path.lstat()
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
    return stat.filemode(found.st_mode), found.st_mtime_ns if content else 0, content


def without_times(run: Run) -> dict[str, Any]:
    return run.model_dump()


def clean_environment() -> dict[str, str]:
    return {"COLUMNS": "100", **{name: "" for name in os.environ if name.startswith(("ATLAS_", "GITHUB_"))}}


@contextmanager
def in_time() -> Iterator[None]:
    """End a command that hangs, if the system has alarms."""

    def ring(*_: object) -> None:
        raise AssertionError("the command does not end")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    previous = signal.signal(signal.SIGALRM, ring)
    signal.alarm(COMMAND_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


# ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

JOURNAL: dict[str, list[Any]] = {
    "run": ["TR-0001", "TR-0002", "TR-0003", "auto", "TR-9999", ""],
    "key": [KEY, OWN, ID, "", "x"],
    "session": [KEY, "x", "", "../../x"],
    "overwrite": [True],
    "system_id": ["00000000-0000-4000-8000-000000000000", "x"],
    "title": ["Acceptance", "", "\x1b[2J\n::error::x"],
    "report": ["run", "step"],
    "template_ids": [["00000000-0000-4000-8000-000000000000"]],
    "nodeid": [f.nodeid("test_b"), "x\ny", ""],
    "path": ["../../precious/profile", "/etc/passwd", "files/../journal.jsonl", "files/link", "files"],
    "at": [0, -1, 1e300, 253402300800.0],
    "host": ["bench", "", "x" * 300],
    "version": [1, 99],
    "card": [-1, 7],
}


@st.composite
def journal_changes(draw: st.DrawFn) -> Change:
    """Change a field of a line, or repeat, cut or remove a line."""
    name = draw(st.sampled_from(list(JOURNAL)))
    value = draw(st.sampled_from(JOURNAL[name]))
    how, at = draw(st.sampled_from(["set", "set", "set", "repeat", "lose", "tear"])), draw(st.integers(0, 20))

    def change(scene: Scene) -> None:
        path = scene.session / f.SERIAL
        lines = path.read_bytes().splitlines() if path.is_file() and not path.is_symlink() else []
        if not lines:
            return
        having = [number for number, line in enumerate(lines) if f'"{name}"'.encode() in line]
        number = having[at % len(having)] if having and how == "set" else at % len(lines)
        match how:
            case "set":
                with_value = {**_parsed(lines[number]), name: value}
                lines[number] = json.dumps(with_value).encode()
            case "repeat":
                lines.insert(number, lines[number])
            case "lose":
                del lines[number]
            case _:
                lines[number] = lines[number][: len(lines[number]) // 2]
        path.write_bytes(b"\n".join(lines) + b"\n")
        totals["mutated: journal"] += 1

    return change


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except ValueError:
        return {}


@st.composite
def receipt_changes(draw: st.DrawFn) -> Change:
    """Return receipts that name entities of other authors, or that cause deletions."""
    key = draw(st.sampled_from(KEYS))
    kind = draw(st.sampled_from(["all", "made", "made", "doubt", "url", "choice", "garbage"]))
    whose, number = draw(st.sampled_from(["neighbour", "own"])), draw(st.integers(0, 9))
    order, adopted = draw(st.sampled_from([None, 1000, 2000, 3000])), draw(st.booleans())

    def change(scene: Scene) -> None:
        ids = _ids(scene.neighbour.run if whose == "neighbour" else scene.own)
        lines: list[rc.Receipt] = []
        match kind:
            case "all":
                lines = scene.neighbour.receipts(rc.Unconfirmed(key=key))
            case "made":
                lines = [rc.Intended(key=key, order=order)] if order else []
                lines.append(rc.Created(key=key, id=ids[number % len(ids)], card=ids[1], adopted=adopted))
            case "doubt":
                lines = [rc.Unconfirmed(key=key), rc.Unconfirmed(key="run")]
            case "url":
                url = "s3://theirs/1/log.txt" if adopted else "s3://bucket/../x"
                lines = [rc.Uploaded(key=FILE_KEY, url=url, size=1)]
            case "choice":
                lines = [rc.RunChosen(run=draw_run[number % 3], key=KEY if adopted else None, overwrite=True)]
        with scene.receipts.open("ab") as file:
            file.writelines(json.dumps(ev.to_json_dict(line)).encode() + b"\n" for line in lines)
            if kind == "garbage":
                file.write(b'{"r":"made","key":"run","id":"x"}\n\xff\x00\n{"r":[]}\n{"r":"made"')
        totals["mutated: receipts"] += 1

    return change


draw_run = ("TR-0001", "TR-0002", "")


def _ids(run: Run) -> list[str]:
    """Return the ids of the run, its card, its steps and its data files."""
    card = run.test_cards[0]
    files = [file.uuid for step in card.test_steps for file in step.test_data]
    return [run.uuid, card.uuid, *(step.uuid for step in card.test_steps), *files]


WRITTEN = ("files/a.bin", "status", "previous", "publisher.log", "files/a.csv.new", "journal-gw0-00000000.jsonl")
LINKED = ("receipts", "publisher.log", "status", "previous", f.SERIAL, "files", "files/a.bin", "files/link", "lock")
TARGETS = ("profile", "other.db", "", "nothing")


@st.composite
def link_changes(draw: st.DrawFn) -> Change:
    """Replace a file or directory of the session by a link, a pipe or a directory."""
    name, target = draw(st.sampled_from(LINKED)), draw(st.sampled_from(TARGETS))
    how = draw(st.sampled_from(["link", "link", "hard link", "pipe", "directory"]))

    def change(scene: Scene) -> None:
        path = _named(scene, name)
        if not path.parent.is_dir() or path.parent.is_symlink():
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        goal = scene.precious / target
        match how:
            case "pipe":
                os.mkfifo(path)
            case "directory":
                path.mkdir()
            case "hard link" if goal.is_file():
                os.link(goal, path)
            case _:
                path.symlink_to(goal)
        totals["mutated: links"] += 1

    return change


def _named(scene: Scene, name: str) -> Path:
    target = f"local-{scene.store}"
    named = {"receipts": scene.receipts.name, "status": f"status-{target}.json", "previous": f"previous-{target}.json"}
    return scene.session / (named.get(name) or (f"{scene.receipts.name}.lock" if name == "lock" else name))


@st.composite
def file_changes(draw: st.DrawFn) -> Change:
    """Write random content to a file."""
    name = draw(
        st.sampled_from(["files/a.bin", "status", "previous", "publisher.log", "files/a.csv.new", "journal-gw0-00000000.jsonl"])
    )
    content = draw(st.binary(max_size=64) | st.sampled_from([b"[" * 10_000, b"{}", b'{"state":"done","pid":1}']))

    def change(scene: Scene) -> None:
        path = _named(scene, name)
        if (
            path.parent.is_dir()
            and not path.parent.is_symlink()
            and not path.is_symlink()
            and (path.is_file() or not path.exists())
        ):
            path.write_bytes(content)
            totals["mutated: files"] += 1

    return change


changes = st.lists(journal_changes() | receipt_changes() | link_changes() | file_changes(), min_size=1, max_size=8)


@rounds(40, steps=1)
@given(changes=changes, is_tracked_here=st.booleans())
def hostile(changes: list[Change], is_tracked_here: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="neighbour-", dir=MEMORY if MEMORY.is_dir() else None) as name:
        scene = Scene(Path(name).resolve())
        for change in changes:
            change(scene)
        totals["rounds"] += 1
        totals["sessions"] += 1
        if is_tracked_here:  # in the atlas directory of this machine, recorded on another one
            session = scene.home / "sessions" / ID
            shutil.move(scene.session, session)
        else:
            session = scene.session
        before = scene.outside()
        scene.command("push", "--timeout=5", session)
        scene.command("push", "--timeout=5")
        scene.command("push", "--timeout=5", *([] if is_tracked_here else [scene.directory / "artifact"]))
        for words in (["sessions"], ["sessions", "--json"], ["summary", session], ["doctor"], ["show"], ["runs"]):
            scene.command(*words)
        scene.check(before)


def test_foreign_session_with_any_content_changes_only_its_run(
    record_property: Callable[[str, object], None],
) -> None:
    totals.clear()
    try:
        hostile()
    finally:
        give(record_property, totals)
    assert all(totals[f"mutated: {what}"] > 5 for what in ("journal", "receipts", "links", "files")), totals


def test_foreign_session_without_changes_is_published_completely(tmp_path: Path) -> None:
    scene = Scene(tmp_path.resolve())
    before = scene.outside()
    assert "6 of 6 published" in scene.command("push", scene.directory / "artifact")
    scene.check(before)
