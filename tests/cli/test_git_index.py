"""Tracked files are read from git's index in each of its versions, without git."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_atlas.cli import git_index

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="the index is written by git")
SESSION = ".atlas/sessions/20261125T014157Z-e05ba469"


def git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True).stdout


@pytest.fixture(params=["sha1", "sha256"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    git(tmp_path, "init", f"--object-format={request.param}")
    names = ["a", "ab", "é/ü", f"{SESSION}/journal.jsonl", *(f"d/{n:0{n % 40 + 1}}" for n in range(300))]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize("version", [2, 3, 4])
def test_every_path_is_read_in_each_version(repository: Path, version: int) -> None:
    git(repository, "add", "-A", "-f")
    git(repository, "rm", "--cached", "ab")
    git(repository, "add", "-N", "ab")  # needs version 3 at least
    git(repository, "update-index", f"--index-version={version}")
    index = (repository / ".git" / "index").read_bytes()
    assert index[7] == max(version, 3)
    id_size = 32 if b"sha256" in (repository / ".git" / "config").read_bytes() else 20
    assert list(git_index.paths(index, id_size)) == git(repository, "ls-files", "-z").split(b"\0")[:-1]
    assert git_index.is_tracked(repository / SESSION)


def test_a_session_that_is_not_in_the_index_is_not_tracked(repository: Path) -> None:
    assert not git_index.is_tracked(repository / SESSION), "the index does not exist yet"
    git(repository, "add", "-f", "a", f"{SESSION}/journal.jsonl")
    assert git_index.is_tracked(repository / SESSION)
    assert not git_index.is_tracked(repository / SESSION[:-1]), "a name that only begins like it"


def test_the_index_of_a_worktree_and_a_split_index_are_read(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    git(repository, "add", "-f", "a", f"{SESSION}/journal.jsonl")
    git(repository, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-m", "x")
    tree = tmp_path_factory.mktemp("trees") / "tree"
    git(repository, "worktree", "add", str(tree))
    assert git_index.is_tracked(tree / SESSION)
    git(repository, "update-index", "--split-index")
    assert git_index.is_tracked(repository / SESSION)


@pytest.mark.parametrize("content", [b"", b"DIRC", b"DIRC\0\0\0\x02\0\0\0\x09", b"x" * 100, b"DIRC\0\0\0\x09" + bytes(200)])
def test_an_index_that_cannot_be_read_counts_as_tracking(repository: Path, content: bytes) -> None:
    (repository / ".git" / "index").write_bytes(content)
    assert git_index.is_tracked(repository / SESSION)
