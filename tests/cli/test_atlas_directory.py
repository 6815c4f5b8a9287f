"""The --atlas-dir directory as commands find and create it, and the warning if others can change it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.support.events import SYSTEM
from tests.support.inner import Project, environment

posix = pytest.mark.skipif(os.name == "nt", reason="modes and links as POSIX has them")


@posix
def test_serve_creates_the_directory_with_its_gitignore(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest_atlas.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("serving the local Atlas")
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=60)
    assert (tmp_path / ".atlas" / ".gitignore").read_text() == "*\n"
    assert (tmp_path / ".atlas").stat().st_mode & 0o777 == 0o700


@posix
def test_a_push_into_a_new_directory_creates_it_with_its_gitignore(cli: Command, session: Path, tmp_path: Path) -> None:
    assert cli("--atlas-dir", tmp_path / "new", "push", session).code == 0
    assert (tmp_path / "new" / ".gitignore").read_text() == "*\n"


@posix
@pytest.mark.parametrize(
    "words", [["sessions"], ["push"], ["summary"], ["show"], ["runs"], ["report"], ["search", "Run"], ["doctor"]]
)
def test_a_directory_that_others_can_change_is_a_warning(
    cli: Command, session: Path, atlas_dir: Path, words: list[str]
) -> None:
    cli("push")
    expected = cli(*words).code
    atlas_dir.chmod(0o777)
    result = cli(*words)
    assert result.code == expected
    assert f"{atlas_dir} can be changed by other users (mode 777). Run chmod go-w {atlas_dir}" in result.out + result.err
    assert "warning" in result.out + result.err
    atlas_dir.chmod(0o700)
    assert "other users" not in "".join(cli(*words)[1:])


@posix
def test_the_header_of_a_session_has_the_warning(tmp_path: Path) -> None:
    project = Project(tmp_path / "suite").write("test_a.py", "def test_a(): ...\n")
    (project.root / ".atlas").mkdir()
    (project.root / ".atlas").chmod(0o777)
    ended = project.pytest(f"--atlas-system={SYSTEM}", "--atlas-strict")
    assert ended.code == 0
    assert f"atlas: {project.root / '.atlas'} can be changed by other users (mode 777). Run chmod go-w" in ended.out


@posix
def test_a_directory_that_is_a_link_is_used_only_if_the_user_names_it(cli: Command, session: Path, atlas_dir: Path) -> None:
    moved = atlas_dir.rename(atlas_dir.with_name("disk"))
    atlas_dir.symlink_to(moved)
    for words in (["sessions"], ["push"], ["summary"]):
        result = cli(*words)
        assert result.code == 2
        assert result.err == f"pytest-atlas: {atlas_dir} is a link. Name the directory with --atlas-dir or ATLAS_DIR\n"
    assert cli("--atlas-dir", atlas_dir, "push").code == 0
    assert (moved / "atlas.db").is_file()


@posix
def test_a_session_named_by_a_link_is_rejected(cli: Command, session: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(session)
    result = cli("push", "link")
    assert (result.code, result.err) == (2, "pytest-atlas: 'link' is a link. Name the directory that it points to\n")
