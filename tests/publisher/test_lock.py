"""One publisher at a time, also on a drive without locks."""

import errno
import os
from pathlib import Path

import pytest

from pytest_atlas.base import locks
from pytest_atlas.publisher.lock import lock


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_file_is_locked_once(tmp_path: Path) -> None:
    first, second = opened(tmp_path / "receipts"), opened(tmp_path / "receipts")
    assert [lock(first), lock(second)] == [True, False]
    os.close(first)
    assert lock(second)
    os.close(second)


@pytest.mark.skipif(os.name == "nt", reason="POSIX's locks")
@pytest.mark.parametrize("refusal", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_drive_without_locks_is_replaced_by_a_lock_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    from fcntl import flock

    def refuses(descriptor: int, how: int) -> None:
        if any(os.path.samestat(os.fstat(descriptor), path.stat()) for path in drive.iterdir()):
            raise OSError(refusal, os.strerror(refusal))
        flock(descriptor, how)

    monkeypatch.setattr(locks, "flock", refuses)  # bound in that module at import
    assert lock(opened(drive / "one"))
    assert not lock(opened(drive / "one"))
    assert lock(opened(drive / "other"))


@pytest.mark.skipif(os.name == "nt", reason="POSIX's locks")
def test_another_error_does_not_count_as_missing_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        lock(9999)
