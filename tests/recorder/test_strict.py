"""--atlas-strict means complete: whatever is missing fails the session and is named. Without it, no exit code changes."""

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.stand_in import ALONE, in_place

ON = f"--atlas-system={SYSTEM}"
XDIST = ("-p", "xdist", "-n1")
TESTS = "def test_a(): pass\n"
IN_WORKER = "import os\nif 'PYTEST_XDIST_WORKER' in os.environ:\n    "


class Gap(NamedTuple):
    """A session with passed tests and an incomplete record."""

    reason: str
    conftest: str = ""
    arguments: tuple[str, ...] = ()
    tests: str = TESTS
    publisher: str = "done"  # behaviour of the stand-in; "": the real publisher
    strict_code: int = 1


EXIT = "pytest.exit('bench is off', returncode=0)"
GAPS = {
    "rejected entity": Gap("1 rejected, 1 pending", publisher="refused"),
    "publisher exits at once": Gap("the publisher has exited", publisher="dies"),
    "publisher stops": Gap("the token was refused", publisher="fatal"),
    "publisher is too slow": Gap("timed out (--atlas-timeout)", arguments=("--atlas-timeout=0.2",), publisher="working"),
    "publisher is killed": Gap(
        "the publisher has exited", publisher="working",
        tests="""
        import os, pathlib, signal, time
        def test_a():
            (session,) = pathlib.Path(".atlas/sessions").iterdir()
            status = session / "status-t.json"
            while not status.exists(): time.sleep(0.01)
            import json
            os.kill(json.loads(status.read_text())["pid"], signal.SIGTERM)
        """,
    ),
    "publisher can't be started": Gap(
        "the publisher could not be started",
        "def breaks(*_): raise OSError('no memory')\n"
        "from pytest_atlas.recorder import launch\nlaunch.PublisherProcess.begin = breaks\n",
    ),
    "unreadable line": Gap(
        "1 line of the journal could not be read", publisher="",
        tests="""
        import pathlib
        def test_a():
            (journal,) = pathlib.Path(".atlas/sessions").glob("*/journal.jsonl")
            with journal.open("a") as file: file.write("not JSON\\n")
        """,
    ),
    "lost event": Gap(
        "1 events could not be recorded: disk full",
        """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish(session):
            journal = session.config.pluginmanager.get_plugin("atlas-session").journal
            journal.lost, journal.problem = 1, "disk full"
        """,
    ),
    "lost event of a worker": Gap(
        "1 events of a worker could not be written: disk full",
        """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish(session):
            if hasattr(session.config, "workerinput"):
                journal = session.config.pluginmanager.get_plugin("atlas-tests")._journal
                journal.lost, journal.problem = 1, "disk full"
        """,
        XDIST,
    ),
    "test without a report": Gap(
        "ran, but pytest reported no result", "def pytest_runtest_protocol(item): return True\n",
    ),
    "test without a report in a worker": Gap(
        "ran, but pytest reported no result", "def pytest_runtest_protocol(item): return True\n", XDIST,
    ),
    "unknown outcome": Gap(
        "an outcome that is unknown to Atlas",
        """
        import pytest
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if report.when == "call": report.outcome = "quarantined"
            return report
        def pytest_report_teststatus(report):
            if report.outcome == "quarantined": return "quarantined", "Q", "QUARANTINED"
        """,
    ),
    "lost file": Gap(
        "No space left on device",
        """
        from pytest_atlas.journal import spool
        def full(*_, **__): raise OSError(28, "No space left on device")
        spool.Spool.content = full
        """,
        ("--atlas-attach=all",), tests="def test_a(): print('booted')\n",
    ),
    "error in a hook": Gap(
        "internal error in pytest_collection_finish (LookupError: broken",
        """
        from pytest_atlas.recorder import plan
        def plan_tests(*_): raise LookupError("broken")
        plan.Planner.plan = plan_tests
        """,
    ),
    "error at the start": Gap(
        "internal error, this session is not recorded (TypeError", "from pytest_atlas import recorder\nrecorder.record = None",
        strict_code=4,
    ),
    "error at the start of a worker": Gap(
        "internal error, this session is not recorded (TypeError",
        f"{IN_WORKER}from pytest_atlas import recorder\n    recorder.record_as_worker = None", XDIST,
    ),
    "error in the terminal summary": Gap(
        "internal error in pytest_terminal_summary (LookupError: broken",
        """
        from pytest_atlas.recorder import terminal_summary
        def lines(*_): raise LookupError("broken")
        terminal_summary.TerminalSummary.lines = lines
        """,
    ),
    "error in the check itself": Gap(
        "internal error in fails_session (LookupError: broken",
        """
        from pytest_atlas.recorder import session_end
        def fails(*_): raise LookupError("broken")
        session_end.SessionEnd.fails_session = property(fails)
        """,
    ),
    "worker without the plugin": Gap(
        "gw0 did not record its tests: pytest-atlas is not installed or not loaded there",
        f"{IN_WORKER}from pytest_atlas import plugin\n    plugin._record_as_worker = lambda config: None", XDIST,
    ),
    "no test recorded": Gap("1 test collected, none recorded", publisher="no run"),
    "pytest.exit in a test": Gap(
        "the token was refused", publisher="fatal", tests=f"import pytest\ndef test_a(): {EXIT}\n"
    ),
    "pytest.exit at the start": Gap(
        "the token was refused", f"import pytest\ndef pytest_sessionstart(): {EXIT}", publisher="fatal"
    ),
    "pytest.exit at the end": Gap(
        "the token was refused", f"import pytest\ndef pytest_sessionfinish(): {EXIT}", publisher="fatal"
    ),
    "pytest.exit before the start": Gap(
        "pytest ended before the session started, so nothing is recorded",
        f"import pytest\n@pytest.hookimpl(trylast=True)\ndef pytest_configure(): {EXIT}",
    ),
    "exit code of another plugin": Gap(
        "the token was refused", "def pytest_sessionfinish(session): session.exitstatus = 0", publisher="fatal",
        tests="def test_a(): assert 0",
    ),
    "no terminal": Gap("the token was refused", arguments=("-p", "no:terminal"), publisher="fatal"),
    "two workers": Gap("the token was refused", arguments=(*XDIST, "-n2"), publisher="fatal"),
}  # fmt: skip


def run(tmp_path: Path, gap: Gap, *arguments: str) -> Ended:
    project = Project(tmp_path / "bench").write("test_a.py", gap.tests).write("conftest.py", gap.conftest)
    env = {**ALONE, "STAND_IN": gap.publisher, "PYTHONPATH": str(project.root)}
    if gap.publisher:
        project.write("stand_in_first.py", in_place())
        arguments = ("-p", "stand_in_first", *arguments)
    return project.pytest(ON, *gap.arguments, *arguments, env=env)


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_an_incomplete_record_fails_only_a_strict_session_with_the_reason(tmp_path: Path, gap: Gap) -> None:
    lenient = run(tmp_path / "lenient", gap)
    assert lenient.code == 0, lenient.out + lenient.err
    strict = run(tmp_path / "strict", gap, "--atlas-strict")
    assert strict.code == gap.strict_code, strict.out + strict.err
    assert gap.reason in strict.out + strict.err
    assert "INTERNALERROR" not in strict.out + strict.err


COMPLETE = {
    "serial": (),
    "distributed": XDIST,
    "no terminal": ("-p", "no:terminal"),
    "silent": ("-qq",),
}


@pytest.mark.parametrize("arguments", COMPLETE.values(), ids=COMPLETE)
def test_a_complete_record_passes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run(tmp_path, Gap("", arguments=arguments, publisher=""), "--atlas-strict")
    assert (ended.code, "--atlas-strict" in ended.out + ended.err) == (0, False)


def test_a_failed_session_keeps_its_exit_code_and_has_the_reason(tmp_path: Path) -> None:
    ended = run(
        tmp_path, Gap("", publisher="fatal", tests="import pytest\ndef test_a(): pytest.exit('x', 7)"), "--atlas-strict"
    )
    assert ended.code == 7
    assert "atlas: --atlas-strict fails the session: 1 test recorded, none in the stand-in: the token was refused" in ended.err
