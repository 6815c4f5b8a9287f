"""What a session ran on, as told in the run's description."""

import subprocess
from pathlib import Path

import pytest

from pytest_atlas.recorder.environment import Git, ci_job, git


def call(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    call(tmp_path, "init", "-q", "-b", "trip")
    (tmp_path / "limits.txt").write_text("100 ms")
    return tmp_path


def commit(folder: Path) -> str:
    call(folder, "add", "limits.txt")
    call(folder, "commit", "-q", "-m", "limits")
    return call(folder, "rev-parse", "HEAD")[:10]


def test_a_repository_tells_branch_and_commit(repository: Path) -> None:
    head = commit(repository)
    assert git(repository) == Git("trip", head, modified=False)
    assert str(git(repository)) == f"trip@{head}"


def test_changed_files_are_told_and_untracked_ones_are_not(repository: Path) -> None:
    commit(repository)
    (repository / "notes.txt").write_text("mine")
    assert not git(repository).modified
    (repository / "limits.txt").write_text("200 ms")
    assert str(git(repository)).endswith(" (modified)")


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    head = commit(repository)
    call(repository, "checkout", "-q", "--detach")
    assert git(repository) == Git("", head)


def test_a_repository_without_a_commit_has_a_branch(repository: Path) -> None:
    assert git(repository) == Git("trip")


def test_a_folder_that_is_no_repository_and_a_machine_without_git_tell_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git(tmp_path) == Git()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git(tmp_path) == Git()
    assert str(Git()) == ""


def test_git_that_takes_too_long_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 2)

    monkeypatch.setattr(subprocess, "run", slow)
    assert git(tmp_path) == Git()


JOBS = {
    "GitHub": (
        {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/psu", "GITHUB_RUN_ID": "7"},
        "https://github.com/acme/psu/actions/runs/7",
    ),
    "GitLab": ({"CI_JOB_URL": "https://gitlab.example/acme/psu/-/jobs/7"}, "https://gitlab.example/acme/psu/-/jobs/7"),
    "Azure": (
        {"SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/", "SYSTEM_TEAMPROJECT": "psu", "BUILD_BUILDID": "7"},
        "https://dev.azure.com/acme/psu/_build/results?buildId=7",
    ),
    "Jenkins": ({"JENKINS_URL": "https://ci.example/", "BUILD_URL": "https://ci.example/job/psu/7/"}, "https://ci.example/job/psu/7/"),
    "a variable is missing": ({"GITHUB_RUN_ID": "7"}, ""),
    "none": ({}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "link"), JOBS.values(), ids=JOBS)
def test_the_link_to_the_job(variables: dict[str, str], link: str) -> None:
    assert ci_job(variables) == link
