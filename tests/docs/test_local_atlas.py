"""docs/local-atlas.md: its session is run, and each of its commands prints the shown output."""

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.support import mirror, pages
from tests.support.inner import Ended, environment
from tests.support.served_atlas import TOKEN, served_atlas

from pytest_atlas.cli.commands import COMMANDS
from pytest_atlas.local import LocalAtlas
from pytest_atlas.publisher.targets import STORE

TEXT = (pages.DOCS / "local-atlas.md").read_text("utf-8")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """The session of the page, in the local Atlas only."""
    (words,) = pages.commands(TEXT, "pytest")
    return pages.project(TEXT, tmp_path_factory.mktemp("page")).pytest(*words)


@pytest.fixture
def copied(ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of its `.atlas` in another directory, with no setting in the environment."""
    for name in ("ATLAS_URL", "ATLAS_TOKEN", "ATLAS_DIR", "ATLAS_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(ended.atlas_dir, tmp_path / ".atlas"))


def run_script(name: str, directory: Path) -> str:
    (directory / name).write_text(pages.files(TEXT)[name], "utf-8")
    done = subprocess.run([sys.executable, name], cwd=directory, env=environment(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_each_command_prints_the_shown_output(ended: Ended, copied: Path) -> None:
    (console,) = pages.blocks(TEXT, "console")
    calls = re.findall(r"^\$ pytest-atlas (.*)\n((?:[^$].*\n)*)", console, re.MULTILINE)
    assert len(calls) == console.count("$ ") == 7
    for words, block in calls:
        printed = pages.printed(shlex.split(words))
        assert not pages.not_shown(block, printed), printed


def test_the_table_has_each_command() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == {command.name for command in COMMANDS}


def test_a_copied_directory_is_complete_and_push_fills_a_new_store(copied: Path) -> None:
    assert "are published to" in pages.printed(["push"])
    (copied / STORE).unlink()
    shutil.rmtree(copied / "objects")
    assert "published to local Atlas" in pages.printed(["push"])
    (run,) = mirror.runs(copied)
    assert run.title == "Nightly"
    assert "objects" in pages.printed(["show", "--files"])


def test_the_session_can_be_pushed_to_another_atlas_later(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_atlas(tmp_path / "real") as served:
        monkeypatch.setenv("ATLAS_URL", served.url)
        monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
        assert "stay in the session directory: no bucket is set" in pages.printed(["push"])
        assert "are published to" in pages.printed(["push"])
    (here,), (there,) = mirror.runs(copied), mirror.runs(tmp_path / "real")
    assert mirror.statuses(here) == mirror.statuses(there)


def test_the_template_example_creates_a_template(copied: Path) -> None:
    template = run_script("write_template.py", copied.parent)
    (words, *_) = pages.commands(TEXT, "pytest")
    project = pages.project(TEXT, copied.parent)
    project.pytest(*words, f"--atlas-template={template}")
    newest = max(mirror.runs(copied), key=lambda run: run.test_run_id)
    (card,) = [card for card in newest.test_cards if card.title == "Overvoltage protection"]
    assert card.test_steps[0].title == "Check the wiring"
    assert len(card.test_steps) == 4


def test_the_backup_has_changes_that_are_only_in_the_write_ahead_log(copied: Path) -> None:
    with LocalAtlas(copied / STORE, create=True) as atlas:
        atlas.add_template("written while the backup is made")
        run_script("back_up.py", copied.parent)
    with closing(sqlite3.connect(copied.parent / "atlas-backup.db")) as backup:
        assert backup.execute("SELECT count(*) FROM templates").fetchone() == (1,)
