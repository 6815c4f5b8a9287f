"""A session that a CI job runs: its title, its description, its job, and the key of its run."""

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


def test_its_description_tells_what_the_ci_knows(project: Project) -> None:
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


def test_a_ci_that_does_not_tell_the_repository_has_the_projects_name_in_the_title(project: Project) -> None:
    assert session(project.record(env={**ALONE, **JENKINS})).title == "bench trip #57"


def test_a_title_that_the_user_gives_counts(project: Project) -> None:
    assert session(project.record(env={**ON_GITHUB, "ATLAS_TITLE": "Bench A"})).title == "Bench A"


def test_a_job_that_asks_for_its_run_has_the_key_of_its_ci(project: Project) -> None:
    ended = project.record("--atlas-run=auto", env=ON_GITLAB)
    told = session(ended)
    assert (told.run, told.key) == ("auto", "gitlab:gitlab.example:4711:hil:-[bench-a]:1")
    assert header(ended)[1:] == ["atlas: run key gitlab:gitlab.example:4711:hil:-[bench-a]:1"]


def test_without_asking_each_session_has_a_run_of_its_own(project: Project) -> None:
    told = session(project.record(env=ON_GITLAB))
    assert (told.run, told.key) == ("", told.session)


def test_the_users_key_counts_over_the_cis(project: Project) -> None:
    told = session(project.record("--atlas-run=auto", env={**ON_GITLAB, "ATLAS_RUN_KEY": " 4711  bench a "}))
    assert (told.run, told.key) == ("auto", "4711 bench a")
    assert told.job == "GitLab CI / acme/psu / hil: [bench-a] / bench a"


@pytest.mark.parametrize(
    ("variables", "why"),
    [(ON_GITHUB, "GitHub Actions has no variables for the run key of this job"), (ALONE, "this is not a CI job")],
    ids=["github", "no CI"],
)
def test_without_a_key_a_new_run_is_made_and_the_header_says_why(project: Project, variables: dict[str, str], why: str) -> None:
    ended = project.record("--atlas-run=auto", env=variables)
    told = session(ended)
    assert (told.run, told.key) == ("", told.session)
    assert header(ended)[1:] == [f"atlas: --atlas-run=auto creates a new run: {why}, and ATLAS_RUN_KEY is not set"]


@pytest.mark.parametrize("key", ["a\nb", "x" * 201], ids=["two lines", "too long"])
def test_a_key_that_is_none_is_a_usage_error(project: Project, key: str) -> None:
    ended = project.record(env={**ALONE, "ATLAS_RUN_KEY": key})
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "ATLAS_RUN_KEY" in ended.err
    assert "is not a run key. Give one line of at most 200 printable characters" in ended.err
    assert len(ended.err) < 500


def test_a_session_within_a_test_has_neither_the_jobs_run_nor_its_name(project: Project) -> None:
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


def test_the_run_that_the_environment_names_is_not_for_a_session_within_a_test(project: Project) -> None:
    env = {**ALONE, "ATLAS_RUN_ID": "TR-0042", "ATLAS_RUN_KEY": "job-7"}
    told = session(project.record(env={**env, "PYTEST_CURRENT_TEST": "test_a.py::test_a (call)"}))
    assert (told.run, told.key) == ("", told.session)
