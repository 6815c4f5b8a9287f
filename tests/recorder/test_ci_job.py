"""A session in a CI job: its title, its description, its job, and the run key."""

import subprocess
from pathlib import Path

import pytest
from tests.support.ci_variables import GITHUB, GITLAB, JENKINS
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.stand_in import ALONE

from pytest_atlas.journal import events as ev
from pytest_atlas.session import desired

ON_GITHUB = {**ALONE, **GITHUB}
ON_GITLAB = {**ALONE, **GITLAB}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass")


def session(ended: Ended) -> ev.SessionStarted:
    (started,) = ended.recorded(ev.SessionStarted)
    return started


def header(ended: Ended) -> list[str]:
    return [line for line in ended.out.splitlines() if line.startswith("atlas: ")]


def test_the_run_description_has_the_data_of_the_ci(project: Project) -> None:
    git = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "begin"), ("checkout", "-q", "--detach")):
        subprocess.run([*git, *command], cwd=project.root, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project.root, check=True, capture_output=True, text=True).stdout
    ended = project.record(env={**ON_GITHUB, "GITHUB_SHA": head.strip(), "GITHUB_RUN_ATTEMPT": "2"})
    assert session(ended).title == "acme/psu trip #57"
    shown = desired.run(ended.state).description.splitlines()
    wanted = [
        "Job: GitHub Actions / acme/psu / HIL / hil",
        f"Git: trip@{head[:10]}",
        "CI job: https://github.com/acme/psu/actions/runs/1658821493",
        "Pull request: #12",
        "Attempt: 2",
        "Runner: bench-a",
    ]
    assert [line for line in shown if line in wanted] == wanted
    assert session(ended).job == "GitHub Actions / acme/psu / HIL / hil"


def test_the_title_has_the_project_if_the_ci_has_no_repository(project: Project) -> None:
    assert session(project.record(env={**ALONE, **JENKINS})).title == "bench trip #57"


def test_the_title_of_the_user_overrides_that_of_the_ci(project: Project) -> None:
    assert session(project.record(env={**ON_GITHUB, "ATLAS_TITLE": "Bench A"})).title == "Bench A"


def test_with_auto_the_run_key_is_that_of_the_ci(project: Project) -> None:
    ended = project.record("--atlas-run=auto", env=ON_GITLAB)
    event = session(ended)
    assert (event.run, event.key) == ("auto", "gitlab:gitlab.example:4711:hil:-[bench-a]:1")
    assert header(ended)[1:] == ["atlas: run key gitlab:gitlab.example:4711:hil:-[bench-a]:1"]


def test_without_auto_each_session_has_a_new_run(project: Project) -> None:
    event = session(project.record(env=ON_GITLAB))
    assert (event.run, event.key) == ("", event.session)


def test_the_users_key_overrides_that_of_the_ci(project: Project) -> None:
    event = session(project.record("--atlas-run=auto", env={**ON_GITLAB, "ATLAS_RUN_KEY": " 4711  bench a "}))
    assert (event.run, event.key) == ("auto", "4711 bench a")
    assert event.job == "GitLab CI / acme/psu / hil: [bench-a] / bench a"


@pytest.mark.parametrize(
    ("variables", "why"),
    [(ON_GITHUB, "GitHub Actions has no variables for the run key of this job"), (ALONE, "this is not a CI job")],
    ids=["github", "no CI"],
)
def test_without_a_key_a_run_is_created_and_the_header_has_the_reason(
    project: Project, variables: dict[str, str], why: str
) -> None:
    ended = project.record("--atlas-run=auto", env=variables)
    event = session(ended)
    assert (event.run, event.key) == ("", event.session)
    assert header(ended)[1:] == [f"atlas: --atlas-run=auto creates a new run: {why}, and ATLAS_RUN_KEY is not set"]


@pytest.mark.parametrize("key", ["a\nb", "x" * 201], ids=["two lines", "too long"])
def test_an_invalid_key_is_a_usage_error(project: Project, key: str) -> None:
    ended = project.record(env={**ALONE, "ATLAS_RUN_KEY": key})
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "ATLAS_RUN_KEY" in ended.err
    assert "is not a run key. Give one line of at most 200 printable characters" in ended.err
    assert len(ended.err) < 500


def test_a_session_inside_a_test_uses_neither_run_nor_name_of_the_job(project: Project) -> None:
    project.write("inner/test_b.py", "def test_b(): pass").write("inner/pytest.ini", "[pytest]")
    project.write(
        "test_a.py",
        f"""
        import subprocess, sys
        def test_a():
            command = [sys.executable, "-m", "pytest", "--atlas-system={SYSTEM}", "--atlas-offline", "--atlas-run=auto"]
            assert subprocess.run(command, cwd="inner").returncode == 0
        """,
    )
    outer = project.record("--atlas-run=auto", "test_a.py", env=ON_GITLAB)
    assert session(outer).key.startswith("gitlab:")
    inner = session(Ended(0, "", "", project.root / "inner" / ".atlas"))
    assert (inner.run, inner.key) == ("", inner.session)
    assert inner.job.startswith("inner on ")
    assert "CI job" not in inner.environment


def test_a_session_inside_a_test_ignores_the_run_of_the_environment(project: Project) -> None:
    env = {**ALONE, "ATLAS_RUN_ID": "TR-0042", "ATLAS_RUN_KEY": "job-7"}
    event = session(project.record(env={**env, "PYTEST_CURRENT_TEST": "test_a.py::test_a (call)"}))
    assert (event.run, event.key) == ("", event.session)
