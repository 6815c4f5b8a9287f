"""Fixtures that run `pytest-atlas` in this process, with its output and exit code."""

import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support import events as f

from pytest_atlas.cli import main
from pytest_atlas.journal.events import Event, JournalOpened

NAMES = ("test_a", "test_b", "test_c")


class Result(NamedTuple):
    """The output and exit code of a command."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


def recorded_here() -> JournalOpened:
    """Return the first event of a journal of this machine, written by a process that has ended."""
    return replace(f.opened(), host=platform.node())


def events(key: str = "s1", *tail: Event) -> list[Event]:
    """Return a session of three tests; the second one fails."""
    tests = [*f.passes("test_a"), *f.fails("test_b"), *f.passes("test_c")]
    return [
        recorded_here(),
        f.session(session=key, key=key, title=f"Run of {key}"),
        *f.plan(*NAMES),
        *tests,
        *(tail or [f.finish(1)]),
    ]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all settings from the environment, and use a temporary working directory."""
    for name in ("ATLAS_URL", "ATLAS_TOKEN", "ATLAS_DIR", "ATLAS_SYSTEM_ID", "ATLAS_BUCKET", "NO_COLOR", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def atlas_dir(tmp_path: Path) -> Path:
    directory = tmp_path / ".atlas"
    directory.mkdir()
    return directory


@pytest.fixture
def session(atlas_dir: Path) -> Path:
    """A recorded session without publications."""
    directory = atlas_dir / "sessions" / "s1"
    f.write_journal(directory, *events())
    return directory


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: object) -> Result:
        try:
            code = main([str(word) for word in words])
        except SystemExit as left:  # argparse's
            code = int(left.code or 0)
        result = capsys.readouterr()
        return Result(code, result.out, result.err)

    return run
