"""The status file is replaced atomically, also if a reader has it open on Windows."""

import os
from pathlib import Path

import pytest

from pytest_atlas.base import private_files
from pytest_atlas.journal import status as st


def word(pid: int) -> st.Status:
    return st.Status(state="working", pid=pid, target="local", atlas="local Atlas")


def test_the_writer_waits_for_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "status-local.json"
    st.write(path, word(1))
    replace, tries = os.replace, []

    def in_use(new: str, old: str, **where: int | None) -> None:
        tries.append(new)
        if len(tries) < 3:
            raise PermissionError(13, "in use")
        replace(new, old, **where)

    monkeypatch.setattr(private_files, "replace", in_use)
    st.write(path, word(2))
    assert st.read(path) == word(2)
    assert len(tries) == 3


def test_a_file_that_stays_in_use_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def in_use(new: str, old: str, **where: int | None) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(private_files, "replace", in_use)
    monkeypatch.setattr(private_files, "REPLACE_TIMEOUT_S", 0.0)
    with pytest.raises(PermissionError):
        st.write(tmp_path / "status-local.json", word(1))
