"""Hashes of files, and the message of a failed upload."""

import hashlib
from pathlib import Path

import pytest

from pytest_atlas.publisher.files.objects import UploadFailed, sha256_of, stopped


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_hash_and_size_of_a_file(tmp_path: Path, size: int) -> None:
    content = b"ab\n" * size
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == (hashlib.sha256(content).hexdigest(), len(content))


def test_the_hash_of_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_of(tmp_path / "gone")


def test_a_failure_has_the_problem_and_the_remedy() -> None:
    failure = UploadFailed("'bus.mf4' is gone", "Put it back", transient=False)
    assert str(failure) == "'bus.mf4' is gone. Put it back"
    assert not failure.every_file
    assert str(stopped("bus.mf4")) == "the upload of 'bus.mf4' was stopped. pytest-atlas push sends it later"
