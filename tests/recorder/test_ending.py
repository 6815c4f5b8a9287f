"""The end of a session: waiting for the publisher, the terminal summary, and the exit status."""

import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project, environment
from tests.support.stand_in import ALONE, in_place

from pytest_atlas.journal import events as ev
from pytest_atlas.journal import session_dir

ON = f"--atlas-system={SYSTEM}"
PATIENCE_S = 60
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's signals and terminals")

TESTS = """
    import pytest
    def test_passes(): pass
    def test_fails(): assert False
    def test_exits(): pytest.exit("bench is on fire", returncode=7)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench").write("conftest.py", in_place()).write("test_trip.py", TESTS)


def run(project: Project, behaviour: str, *arguments: str) -> Ended:
    return project.pytest(ON, "-k", "passes", *arguments, env={"STAND_IN": behaviour, **ALONE})


def summary_lines(ended: Ended) -> list[str]:
    return [line for line in ended.terminal_summary if line]


def commands(ended: Ended) -> list[str]:
    """Return the commands that the publisher received. It can write the last ones after the end of pytest."""
    deadline = time.monotonic() + PATIENCE_S
    path = ended.session / "commands.txt"
    while not (path.exists() and "stop" in path.read_text()):
        assert time.monotonic() < deadline, "the publisher received no command"
        time.sleep(0.01)
    return path.read_text().split()


def finish(project: Project) -> str:
    (session,) = session_dir.sessions(project.root / ".atlas")
    return f"with: pytest-atlas push {session.relative_to(project.root)}"


def test_a_complete_record_has_two_lines(project: Project) -> None:
    ended = run(project, "done")
    assert summary_lines(ended) == [
        "run TR-0042 bench: 9 of 9 published to the stand-in",
        "show it with: pytest-atlas show TR-0042",
    ]
    assert (ended.code, ended.err) == (0, "")
    assert commands(ended) == ["end", "stop"]


CASES = {
    "refused": ["run TR-0042 bench: 8 of 9 published to the stand-in", "step 'a' was refused: 422", "1 rejected, 1 pending"],
    "fatal": ["1 test recorded, none in the stand-in: the token was refused"],
    "dies": ["1 test recorded, none in Atlas: the publisher has exited; see publisher.log in the session directory"],
    "working": ["run TR-0042 bench: 3 of 9 published to the stand-in", "6 pending: timed out (--atlas-timeout)"],
    "silent": ["1 test recorded, none in Atlas: timed out (--atlas-timeout)"],
}


@pytest.mark.parametrize(("behaviour", "lines"), CASES.items())
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
def test_pending_results_are_listed_with_the_command_that_publishes_them(
    project: Project, behaviour: str, lines: list[str], *, strict: bool
) -> None:
    timeout_s = 0.4 if behaviour in ("working", "silent") else 60  # the other publishers exit
    ended = run(project, behaviour, f"--atlas-timeout={timeout_s}", *(["--atlas-strict"] if strict else []))
    failed = [f"--atlas-strict fails the session: {lines[-1]}"] if strict else []
    assert summary_lines(ended) == [*lines, f"finish {finish(project)}", *failed]
    assert ended.code == int(strict)


def test_the_last_output_of_the_publisher_is_in_its_log(project: Project) -> None:
    ended = run(project, "dies")
    assert (ended.session / session_dir.LOG).read_text() == "no such luck\n"
    if os.name != "nt":
        assert (ended.session / session_dir.LOG).stat().st_mode & 0o77 == 0


def test_a_session_without_a_run_has_a_line_and_is_complete(project: Project) -> None:
    env = {"STAND_IN": "no run", **ALONE}
    ended = project.pytest(ON, "-k", "nothing", "--atlas-strict", env=env)
    assert summary_lines(ended) == ["no run was created, because no tests were collected"]
    assert ended.code == pytest.ExitCode.NO_TESTS_COLLECTED


@posix
def test_a_publisher_that_cannot_be_started_is_a_line_of_the_terminal_summary(project: Project) -> None:
    broken = project.root / "python3"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    project.write("conftest.py", f"import sys\nsys.executable = {str(broken)!r}")
    ended = run(project, "")
    assert ended.code == 0
    assert summary_lines(ended)[-1].startswith(f"the publisher could not be started: {broken} ended with exit code 3")
    assert ended.recorded(ev.TestEnded)


def test_an_offline_session_prints_the_number_of_tests_and_the_command(project: Project) -> None:
    ended = project.pytest(ON, "--atlas-offline", "-k", "passes or fails", env=ALONE)
    assert summary_lines(ended) == ["2 tests recorded only (--atlas-offline)", f"publish {finish(project)}"]
    assert not (ended.session / session_dir.LOG).exists()


def test_a_url_without_a_token_records_only_with_a_reason_in_header_and_summary(project: Project) -> None:
    ended = project.pytest(ON, "-k", "passes", env={"ATLAS_URL": "https://atlas.example.com", **ALONE})
    why = "(ATLAS_URL is set, but ATLAS_TOKEN is not)"
    assert f"atlas: recording only {why}; system {SYSTEM}" in ended.out
    assert summary_lines(ended) == [f"1 test recorded only {why}", f"publish {finish(project)}"]
    assert not (ended.session / "started.txt").exists()


EXITS = {
    "passes": (("-k", "passes"), 0),
    "fails": (("-k", "fails"), 1),
    "interrupted": (("-k", "fails", "-x"), 1),
    "pytest.exit": (("-k", "exits"), 7),
    "no tests": (("-k", "nothing"), 5),
    "internal error": (("-p", "breaks"), 3),
    "not found": (("nowhere.py",), 4),
}


@pytest.mark.parametrize(("arguments", "code"), EXITS.values(), ids=EXITS)
def test_the_exit_status_is_that_of_the_tests(project: Project, arguments: tuple[str, ...], code: int) -> None:
    project.write("breaks.py", "def pytest_runtestloop(): raise RuntimeError('an error of another plugin')")
    env = {**ALONE, "STAND_IN": "fatal", "PYTHONPATH": str(project.root)}
    ended = project.pytest(ON, *arguments, env=env)
    assert ended.code == code
    assert commands(ended) == ["end", "stop"]
    (end,) = ended.recorded(ev.SessionEnded)
    assert end.exit_status == code


@pytest.mark.parametrize(
    "arguments", [("-k", "exits"), ("-k", "passes", "-p", "no:terminal")], ids=["pytest.exit", "no terminal"]
)
def test_the_lines_are_printed_also_if_pytest_prints_no_summary(project: Project, arguments: tuple[str, ...]) -> None:
    ended = project.pytest(ON, *arguments, env={**ALONE, "STAND_IN": "done"})
    assert "atlas: run TR-0042 bench: 9 of 9 published to the stand-in" in ended.err
    assert summary_lines(ended) == []


@pytest.mark.parametrize("behaviour", ["done", "fatal"])
def test_with_two_q_options_nothing_is_printed(project: Project, behaviour: str) -> None:
    ended = run(project, behaviour, "-q", "-q")
    assert "atlas" not in ended.out + ended.err
    assert ended.code == 0


def test_with_two_q_options_only_the_reason_of_strict_is_printed(project: Project) -> None:
    ended = run(project, "done", "-q", "-q", "--atlas-strict")
    assert ("atlas" not in ended.out + ended.err, ended.code) == (True, 0)
    shutil.rmtree(project.root / ".atlas")
    ended = run(project, "fatal", "-q", "-q", "--atlas-strict")
    assert "atlas" not in ended.out
    reason = "1 test recorded, none in the stand-in: the token was refused"
    assert (ended.err, ended.code) == (f"atlas: --atlas-strict fails the session: {reason}\n", 1)


def test_strictness_does_not_hide_a_worse_exit_status(project: Project) -> None:
    ended = project.pytest(ON, "-k", "exits", "--atlas-strict", env={**ALONE, "STAND_IN": "fatal"})
    assert ended.code == 7


def test_session_fixtures_are_torn_down_before_the_last_event(project: Project) -> None:
    project.write(
        "test_trip.py",
        """
        import pytest
        @pytest.fixture(scope="session")
        def bench():
            yield
            raise RuntimeError("supply stayed on")
        def test_passes(bench): pass
        """,
    )
    ended = run(project, "done")
    assert isinstance(ended.events[-1][1], ev.SessionEnded)
    (phase,) = ended.recorded(ev.PhaseReported)
    assert (phase.when, phase.outcome) == ("teardown", "failed")


def test_the_summary_is_printed_if_another_sessionfinish_raises(project: Project) -> None:
    project.write("conftest.py", in_place() + "def pytest_sessionfinish(): raise RuntimeError('of a plugin')")
    ended = run(project, "done")
    assert "RuntimeError: of a plugin" in ended.err
    assert "atlas: run TR-0042 bench" in ended.err
    assert commands(ended) == ["end", "stop"]


def test_a_second_ctrl_c_ends_the_wait(project: Project) -> None:
    project.write("conftest.py", in_place() + "def pytest_sessionfinish(): raise KeyboardInterrupt")
    ended = run(project, "working", f"--atlas-timeout={10 * PATIENCE_S}")
    assert commands(ended) == ["end", "stop"]
    assert ": the wait was interrupted" in ended.err


class Terminal:
    """A pytest in a pseudo-terminal, whose output can be awaited, and which can receive Ctrl-C."""

    def __init__(self, project: Project, *arguments: str, behaviour: str) -> None:
        import pty  # POSIX's

        self._atlas_dir = project.root / ".atlas"
        self._screen, theirs = pty.openpty()
        self._process = subprocess.Popen(
            project.command(ON, "-p", "no:faulthandler", *arguments),
            cwd=project.root,
            env=environment(STAND_IN=behaviour, TERM="xterm", **ALONE),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = b""

    def read_until(self, text: bytes) -> None:
        """Read the output until it contains `text`."""
        while text not in self.shown:
            assert self._read(), self.shown.decode()

    def press_ctrl_c(self) -> None:
        """Send SIGINT to every process of the group, as a terminal does."""
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self) -> Ended:
        """Read the output until the end."""
        while self._read():
            pass
        os.close(self._screen)
        text = self.shown.decode().replace("\r\n", "\n")
        return Ended(self._process.wait(PATIENCE_S), text, "", self._atlas_dir)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._screen], [], [], PATIENCE_S)
        try:
            part = os.read(self._screen, 65536) if ready else b""
        except OSError:  # EIO: the process has ended
            part = b""
        self.shown += part
        return bool(part)


@posix
def test_ctrl_c_during_the_wait_only_ends_the_wait(project: Project) -> None:
    terminal = Terminal(project, "-k", "passes", "--color=no", f"--atlas-timeout={10 * PATIENCE_S}", behaviour="working")
    terminal.read_until(b"atlas: 3 of 9 published, ")
    terminal.press_ctrl_c()
    ended = terminal.end()
    assert ended.code == 0
    assert summary_lines(ended) == [
        "run TR-0042 bench: 3 of 9 published to the stand-in",
        "6 pending: the wait was interrupted",
        f"finish {finish(project)}",
    ]
    assert "1 passed" in ended.out
    assert commands(ended) == ["end", "stop"]


@posix
def test_ctrl_c_during_a_test_does_not_reach_the_publisher(project: Project) -> None:
    project.write(
        "test_trip.py",
        """
        import time, sys
        def test_before(): pass
        def test_long():
            print("now it runs", flush=True)
            while True: time.sleep(0.01)
        def test_after(): pass
        """,
    )
    terminal = Terminal(project, "-s", "--color=no", behaviour="done")
    terminal.read_until(b"now it runs")
    while not list((project.root / ".atlas").glob("sessions/*/started.txt")):
        time.sleep(0.01)
    terminal.press_ctrl_c()
    ended = terminal.end()
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert summary_lines(ended)[0] == "run TR-0042 bench: 9 of 9 published to the stand-in"
    assert [(e.nodeid, e.interrupted) for e in ended.recorded(ev.TestEnded)] == [
        ("test_trip.py::test_before", ""),
        ("test_trip.py::test_long", "KeyboardInterrupt"),
    ]
    (interrupt,) = ended.recorded(ev.SessionInterrupted)
    assert interrupt.reason == "KeyboardInterrupt"


@posix
def test_progress_is_shown_in_a_terminal_and_erased_later(project: Project) -> None:
    terminal = Terminal(project, "-k", "passes", "--color=no", "--atlas-timeout=1", behaviour="working")
    ended = terminal.end()
    assert ended.code == 0
    _, _, after = terminal.shown.rpartition(b"\ratlas: 3 of 9 published, ")
    before, said, _ = after.partition(b"3 of 9 published to the stand-in")
    assert said
    assert b"\r" + b" " * 40 in before


def test_no_progress_is_written_without_a_terminal(project: Project) -> None:
    ended = run(project, "working", "--atlas-timeout=0.6")
    assert "\r" not in ended.out.replace("\r\n", "\n")
    assert "published, " not in ended.out
