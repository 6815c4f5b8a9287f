"""The events about a whole session: settings, environment, workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.stand_in import ALONE

from pytest_atlas.journal import events as ev

XDIST = {**ALONE, "PYTEST_PLUGINS": "pytest_atlas.plugin,xdist.plugin"}
OTHER = "00000000-0000-4000-8000-000000000007"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass\ndef test_b(): pass")


def session(ended: Ended) -> ev.SessionStarted:
    (started,) = ended.recorded(ev.SessionStarted)
    return started


def test_the_first_event_has_the_settings(project: Project) -> None:
    asked = ("--atlas-title=Acceptance", "--atlas-description=Rev 2", f"--atlas-asset={OTHER}", f"--atlas-issue={OTHER}")
    ended = project.record(
        *asked, f"--atlas-template={OTHER}", "--atlas-skipped=exception", env={**ALONE, "ATLAS_RUN_KEY": "job-7"}
    )
    event = session(ended)
    assert ended.events[1][1] == event
    assert (event.session, event.key, event.system_id) == (ended.session.name, "job-7", SYSTEM)
    assert (event.title, event.description, event.skipped, event.dist) == ("Acceptance", "Rev 2", "exception", "no")
    assert (event.asset_ids, event.issue_ids, event.template_ids) == ((OTHER,), (OTHER,), (OTHER,))


def test_the_default_title_is_project_branch_and_commit(project: Project) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q", "-b", "trip"), ("commit", "-q", "--allow-empty", "-m", "begin")):
        subprocess.run(["git", *who, *command], cwd=project.root, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project.root, check=True, capture_output=True, text=True)
    event = session(project.record(env=ALONE))
    assert event.title == f"bench trip@{head.stdout[:10]}"
    assert event.environment["Git"] == f"trip@{head.stdout[:10]}"


def test_outside_of_a_repository_the_title_is_project_and_date(project: Project) -> None:
    event = session(project.record(env={**ALONE, "GIT_CEILING_DIRECTORIES": str(project.root.parent)}))
    name, day = event.title.split(" ")
    assert name == "bench"
    assert [len(part) for part in day.split("-")] == [4, 2, 2]
    assert event.key == event.session


def test_the_environment_has_command_machine_and_versions(project: Project) -> None:
    started = session(project.record("-k", "a or b", env=ALONE))
    event = started.environment
    assert event["Command"].endswith("-k 'a or b'")
    assert started.job == f"bench on {event['Host']}"
    assert event["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert event["pytest"].startswith(pytest.__version__)
    assert event["Host"]
    assert event["System"]


def test_dist_without_workers_is_one_process_that_records_itself(project: Project) -> None:
    ended = project.record("--dist=load", env=XDIST)
    assert session(ended).dist == "no"
    assert set(ended.statuses().values()) == {"passed"}


def test_a_worker_that_is_interrupted_fails_no_test(project: Project) -> None:
    project.write("test_a.py", "def test_a(): raise KeyboardInterrupt\ndef test_b(): pass")
    ended = project.record("-n1", env=XDIST)
    assert ended.code == pytest.ExitCode.INTERRUPTED
    assert ended.recorded(ev.TestCrashed) == []
    assert "keyboard-interrupt" in [down.error for down in ended.recorded(ev.WorkerDown)]
    assert ended.statuses() == {"test_a": "todo", "test_b": "todo"}


def test_the_end_of_each_worker_is_recorded(project: Project) -> None:
    ended = project.record("-n2", env=XDIST)
    assert sorted((down.worker, down.error) for down in ended.recorded(ev.WorkerDown)) == [("gw0", ""), ("gw1", "")]
    assert session(ended).dist == "load"


def test_a_worker_that_cannot_write_is_in_the_terminal_summary_and_runs_its_tests(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(config):
            if hasattr(config, "workerinput"): config.workerinput["atlas"]["session"] = "/nowhere/at/all"
        """,
    )
    ended = project.record("-n1", env=XDIST)
    assert ended.code == 0
    assert "2 passed" in ended.out
    (line,) = (line for line in ended.terminal_summary if line.startswith("gw0 "))
    assert line.startswith("gw0 can't write its journal, so its tests are not recorded: ")


@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
def test_the_controller_prints_the_losses_of_a_worker(project: Project) -> None:
    project.write(
        "test_a.py",
        """
        import resource, signal
        def test_a():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        def test_b(): pass
        """,
    )
    ended = project.record("-n1", env=XDIST)
    assert ended.code == 0
    (line,) = (line for line in ended.terminal_summary if "events of a worker" in line)
    assert line == "3 events of a worker could not be written: [Errno 27] File too large"


def test_a_test_inside_another_one_is_recorded_separately(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        def pytest_runtestloop(session):
            outer, inner = session.items
            protocol = session.config.hook.pytest_runtest_protocol
            def run_inner(): protocol(item=inner, nextitem=outer)
            protocol.call_extra([run_inner], dict(item=outer, nextitem=None))
            return True
        """,
    )
    project.write("test_a.py", "def test_a(): pass\ndef test_b(): assert False")
    ended = project.record(env=ALONE)
    assert [event.nodeid for event in ended.recorded(ev.TestStarted)] == ["test_a.py::test_a", "test_a.py::test_b"]
    assert [event.nodeid for event in ended.recorded(ev.TestEnded)] == ["test_a.py::test_b", "test_a.py::test_a"]
    assert ended.statuses() == {"test_a": "passed", "test_b": "failed"}


@pytest.mark.parametrize(
    ("url", "has_warning"), [("http://atlas.invalid", True), ("http://127.0.0.1:1", False), ("https://a.invalid", False)]
)
def test_the_header_warns_about_an_unencrypted_token(project: Project, url: str, has_warning: bool) -> None:
    env = {"ATLAS_URL": url, "ATLAS_TOKEN": "t0ken-nobody-may-see"}
    ended = project.pytest("--atlas-system", SYSTEM, "--atlas-timeout=0", "-W", "error", "--collect-only", env=env)
    assert "sent unencrypted" not in ended.out  # it records nothing, and sends nothing
    ended = project.pytest("--atlas-system", SYSTEM, "--atlas-timeout=0", "-W", "error", env=env)
    lines = [line for line in ended.out.splitlines() if line.startswith("atlas: ") and "sent unencrypted" in line]
    assert len(lines) == has_warning
    assert ended.code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
