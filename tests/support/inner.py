"""Run pytest on a project in its own directory and process, and read the journals of its session."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import TypeVar

from tests.support.events import SYSTEM

from pytest_atlas.journal import decode, session_dir
from pytest_atlas.journal import events as ev
from pytest_atlas.recorder.ci_providers import CIS
from pytest_atlas.session import desired
from pytest_atlas.session.model import InnerStep, Test
from pytest_atlas.session.state import SessionState

RECORD = ("--atlas-system", SYSTEM, "--atlas-offline")
PATIENCE_S = 120

E = TypeVar("E")


@dataclass(frozen=True)
class Shown:
    """The desired step of one test."""

    status: str
    note: str = ""
    text: str = ""  # the description


@dataclass(frozen=True)
class Ended:
    """A pytest process that has ended, and its session directory."""

    code: int
    out: str
    err: str
    atlas_dir: Path

    @property
    def session(self) -> Path:
        """Return the directory of the only session."""
        (directory,) = session_dir.sessions(self.atlas_dir)
        return directory

    @property
    def terminal_summary(self) -> list[str]:
        """Return the lines of the terminal summary; none if it has no section `atlas`."""
        lines = self.out.splitlines()
        start = next((n for n, line in enumerate(lines) if line.strip("- ") == "atlas" and line.startswith("-")), len(lines))
        end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith(("=", "!"))), len(lines))
        return [line for line in lines[start + 1 : end] if line]

    @cached_property
    def events(self) -> list[tuple[str, ev.Event]]:
        """Return every event with the name of its journal file. Every line must be valid."""
        return [(path.name, _event(line)) for path in journals(self.session) for line in path.read_bytes().splitlines()]

    def recorded(self, kind: type[E]) -> list[E]:
        """Return the events of one type."""
        return [event for _, event in self.events if isinstance(event, kind)]

    @cached_property
    def state(self) -> SessionState:
        """Return the state of the session after all events."""
        state = SessionState()
        for source, event in self.events:
            state.apply(source, event)
        state.pytest_is_gone()
        return state

    @cached_property
    def steps(self) -> dict[str, Shown]:
        """Return the desired steps by title; inner steps by `test > title`. A second step with the same title gets `#2`."""
        return dict(self._steps())

    def _steps(self) -> Iterator[tuple[str, Shown]]:
        seen: set[str] = set()
        for key, step in self.state.steps.items():
            want = desired.step(self.state, key)
            name = want.title
            if isinstance(step, InnerStep):
                name = f"{desired.step(self.state, step.test.key).title} > {name}"
            while name in seen:
                name += "#2"
            seen.add(name)
            yield name, Shown(want.status, want.exception, want.description)

    @property
    def run_description(self) -> str:
        """Return the desired description of the run."""
        return desired.run(self.state).description

    def statuses(self) -> dict[str, str]:
        """Return the status of each step."""
        return {name: shown.status for name, shown in self.steps.items()}

    def status_of(self, test: Test) -> str:
        """Return the status of the step of a test."""
        return desired.step(self.state, test.key).status

    def tests(self) -> list[Test]:
        """Return all tests in the order of the plan."""
        return list(self.state.tests())


def _event(line: bytes) -> ev.Event:
    event = decode.event(line)
    assert event is not None, f"invalid event: {line!r}"
    return event


def journals(session: Path) -> list[Path]:
    """Return the journal files of a session, first that of the controller."""
    return sorted(session.glob("journal*.jsonl"), key=lambda path: (path.name != session_dir.CONTROLLER, path.name))


USUAL = ("pytest_atlas.plugin", "xdist.plugin", "pytest_rerunfailures", "pytest_reportlog.plugin", "pytest_subtests.plugin")
"""The plugins of an inner session. pytest 9 contains subtests; pytest 8 needs the last plugin."""


def plugins(*names: str) -> dict[str, str]:
    """Return the variables that let pytest load only these plugins, if they are installed.

    The other plugins in the environment of these tests slow each inner session down, and some emit warnings.
    """
    found = [name for name in names if find_spec(name.partition(".")[0])]
    return {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": ",".join(found)}


def environment(**more: str) -> dict[str, str]:
    """Return the environment without the variables of the outer pytest and of the CI job."""
    own = ("ATLAS_", "PYTEST_", "TOX_", "AWS_", "CI", "GITHUB_", "COV_", *(name for row in CIS for name in row.known_by))
    return {**{name: value for name, value in os.environ.items() if not name.startswith(own)}, **plugins(*USUAL), **more}


class Project:
    """A directory with tests, and pytest sessions in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        (root / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")

    def write(self, name: str, text: str) -> "Project":
        """Write a file of the project."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), "utf-8")
        return self

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of pytest."""
        return [sys.executable, "-m", "pytest", *arguments]

    def pytest(
        self, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, atlas_dir: Path | None = None
    ) -> Ended:
        """Run pytest with these arguments only. `atlas_dir`: the directory with its sessions."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=cwd or self.root,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        return Ended(done.returncode, out, err, atlas_dir or self.root / ".atlas")

    def record(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ended:
        """Run pytest with recording and without publishing."""
        return self.pytest(*RECORD, *arguments, env=env)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> "Running":
        """Start pytest in a separate process group, as a shell does."""
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return Running(process, self.root / ".atlas")


@dataclass(frozen=True)
class Running:
    """A pytest process that is running."""

    process: "subprocess.Popen[bytes]"
    atlas_dir: Path

    def wait_for(self, path: Path) -> str:
        """Wait until the session has written `path`, and return its text."""
        deadline = time.monotonic() + PATIENCE_S
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < deadline, f"{path.name} was never written"
            if self.process.poll() is not None:
                out, err = self.process.communicate()
                raise AssertionError(f"pytest ended before it wrote {path.name}\n{out.decode()}\n{err.decode()}")
            time.sleep(0.01)
        return path.read_text()

    def press_ctrl_c(self) -> None:
        """Send SIGINT to the whole process group, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Ended:
        """Wait until pytest has ended."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return Ended(self.process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), self.atlas_dir)
