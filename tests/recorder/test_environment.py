"""The environment of a session in the run description: Git and the CI."""

import subprocess
from pathlib import Path

import pytest

from pytest_atlas.recorder.ci import CI
from pytest_atlas.recorder.environment import Git, git, revision


def call(directory: Path, *arguments: str) -> str:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, *arguments], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    call(tmp_path, "init", "-q", "-b", "trip")
    (tmp_path / "limits.txt").write_text("100 ms")
    return tmp_path


def commit(directory: Path) -> str:
    call(directory, "add", "limits.txt")
    call(directory, "commit", "-q", "-m", "limits")
    return call(directory, "rev-parse", "HEAD")[:10]


def test_a_repository_has_branch_and_commit(repository: Path) -> None:
    head = commit(repository)
    assert git(repository) == Git("trip", head, modified=False)
    assert str(git(repository)) == f"trip@{head}"


def test_changed_files_are_named_and_untracked_ones_are_not(repository: Path) -> None:
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


def test_without_a_repository_or_git_there_is_no_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git(tmp_path) == Git()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git(tmp_path) == Git()
    assert str(Git()) == ""


def test_git_has_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 2)

    monkeypatch.setattr(subprocess, "run", slow)
    assert git(tmp_path) == Git()


HERE = Git("", "0123456789")
"""The checkout of a CI: a commit without a branch."""


def job(**known: str) -> CI:
    return CI(name="GitLab CI", job="GitLab CI / acme/psu / hil", **known)


def test_the_branch_of_a_detached_commit_comes_from_the_ci() -> None:
    assert revision(HERE, job(branch="trip", commit="0123456789")) == (Git("trip", "0123456789"), "")
    assert revision(HERE, job(branch="trip")) == (Git("trip", "0123456789"), "")
    assert revision(Git("mine", "0123456789", modified=True), job(branch="trip", commit="0123456789")) == (
        Git("mine", "0123456789", modified=True),
        "",
    )


def test_without_git_the_revision_comes_from_the_ci() -> None:
    assert revision(Git(), job(branch="trip", commit="0123456789")) == (Git("trip", "0123456789"), "")
    assert revision(Git(), None) == (Git(), "")
    assert revision(HERE, job()) == (HERE, "")


def test_the_repository_of_the_tests_is_distinguished_from_that_of_the_job() -> None:
    found = revision(HERE, job(branch="trip", commit="abcdefabcd", repository="acme/firmware"))
    assert found == (HERE, "acme/firmware trip@abcdefabcd")
