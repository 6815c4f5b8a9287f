"""The contents of data files: progress and stopping while a file is read."""

import os
import sys
from pathlib import Path

import pytest

from pytest_atlas.publisher.files.contents import Contents, is_dense
from pytest_atlas.publisher.files.objects import UploadFailed
from pytest_atlas.session.state import SessionState


def stat(size: int, blocks: int) -> os.stat_result:
    """Return a result of `os.stat` for a file of `size` bytes with `blocks` blocks of 512 bytes on the disk."""
    values = list(os.stat(__file__))
    values[6] = size
    return os.stat_result(values, {"st_blocks": blocks})


@pytest.mark.parametrize(
    ("size", "blocks", "expected"),
    [
        (0, 0, True),
        (1, 0, True),
        (1024, 1, True),
        (1025, 1, True),
        (1026, 1, False),
        (10**9, 8, False),
        (10**9, 2 * 10**6, True),
    ],
)
def test_a_file_is_dense_if_half_of_it_is_on_the_disk(size: int, blocks: int, expected: bool) -> None:
    assert is_dense(stat(size, blocks)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="files are not sparse by default")
def test_reading_a_sparse_file_is_no_progress(tmp_path: Path) -> None:
    dense, sparse = tmp_path / "dense", tmp_path / "sparse"
    dense.write_bytes(b"x" * 10_000)
    with sparse.open("wb") as file:
        file.truncate(10_000_000)
    contents = Contents(tmp_path, SessionState(), lambda: 42.0)
    contents._check(sparse)()
    assert contents.progress_at < 42
    contents._check(dense)()
    assert contents.progress_at == 42


def test_a_stop_ends_the_reading_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "bus.blf"
    path.write_bytes(b"x")
    contents = Contents(tmp_path, SessionState(), lambda: 0.0)
    check = contents._check(path)
    check()
    contents.stop()
    with pytest.raises(UploadFailed, match=r"the upload of 'bus\.blf' was stopped"):
        check()
