"""Session directories: names, permissions and order."""

import os
import re
import stat
from pathlib import Path

import pytest

from pytest_atlas.journal import session_dir

AT = 1_764_030_000.0  # 2025-11-25T00:20:00Z


def record_in(session: Path) -> Path:
    (session / session_dir.CONTROLLER).touch()
    return session


def test_a_session_is_named_by_its_utc_time_and_a_random_part(tmp_path: Path) -> None:
    first, second = (session_dir.create(tmp_path / ".atlas", AT) for _ in range(2))
    assert re.fullmatch(r"20251125T002000Z-[0-9a-f]{8}", first.name)
    assert first.parent == tmp_path / ".atlas" / "sessions"
    assert first != second


def test_a_new_atlas_dir_is_ignored_by_git(tmp_path: Path) -> None:
    session_dir.create(tmp_path / "a" / ".atlas", AT)
    assert (tmp_path / "a" / ".atlas" / ".gitignore").read_text() == "*\n"


def test_an_existing_directory_gets_no_gitignore(tmp_path: Path) -> None:
    session_dir.create(tmp_path, AT)
    assert not (tmp_path / ".gitignore").exists()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_only_the_owner_can_read_a_new_directory(tmp_path: Path) -> None:
    session = session_dir.create(tmp_path / ".atlas", AT)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (session, session.parent.parent)] == [0o700, 0o700]


def test_a_file_with_the_name_of_the_directory_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / ".atlas").write_text("")
    with pytest.raises(OSError, match="atlas"):
        session_dir.create(tmp_path / ".atlas", AT)


def test_sessions_are_sorted_by_age_without_other_directories(tmp_path: Path) -> None:
    late, early = (record_in(session_dir.create(tmp_path, at)) for at in (AT + 60, AT))
    session_dir.create(tmp_path, AT + 30)  # nothing was recorded
    (tmp_path / "sessions" / "notes.txt").touch()
    assert session_dir.sessions(tmp_path) == [early, late]


def test_a_directory_without_sessions_has_none(tmp_path: Path) -> None:
    assert session_dir.sessions(tmp_path) == []


def test_a_restarted_worker_has_a_new_journal() -> None:
    assert session_dir.worker_journal("gw0") != session_dir.worker_journal("gw0")
    assert re.fullmatch(r"journal-gw0-[0-9a-f]{8}\.jsonl", session_dir.worker_journal("gw0"))
