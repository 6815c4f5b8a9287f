"""The data files of the local Atlas."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.atlas import CreateRun, DeleteDataFile, DeleteRun, Invalid, NotFound, RegisterDataFile
from pytest_atlas.base import private_files
from pytest_atlas.local import LocalAtlas, LocalObjects
from pytest_atlas.local import objects as module

STORE_ID = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
BUCKET = f"s3://local-atlas-{STORE_ID}/"
KEY = "runs/3f2a/0123456789abcdef-trace.csv"
AWKWARD_NAMES = (
    "../../../etc/passwd",
    "..",
    ".",
    "a/b\\c",
    "C:\\Windows\\x",
    "/etc/passwd",
    "x" * 5000,
    "ä" * 5000,
    "NUL",
    "con.txt",
    "name.",
    "name ",
    "a:stream",
    "new\nline",
    "nul\0byte",
    "\udc80 lone surrogate",
    "100%",
    "a?b#c",
    "日本.csv",
)


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "atlas" / "objects", STORE_ID)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "trace.csv"
    made.write_bytes(b"t [s],rail [V]\n0,12.5\n")
    return made


def stored(objects: LocalObjects) -> list[Path]:
    return [path for path in objects.directory.rglob("*") if path.is_file()]


def content(objects: LocalObjects, url: str) -> bytes:
    with objects.open(url) as opened:
        return opened.read()


def test_the_url_of_a_file_contains_the_id_of_the_store(objects: LocalObjects, file: Path) -> None:
    url = objects.put(file, KEY)
    assert url == BUCKET + KEY
    file.unlink()
    assert content(objects, url) == b"t [s],rail [V]\n0,12.5\n"
    assert objects.exists(url)
    assert stored(objects) == [objects.path(url)]


def test_a_file_is_found_after_opening_the_store_again(objects: LocalObjects, file: Path) -> None:
    url = objects.put(file, KEY)
    assert content(LocalObjects(objects.directory, STORE_ID), url) == file.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_only_the_owner_can_read_a_file(objects: LocalObjects, file: Path) -> None:
    objects.put(file, KEY)
    assert {path.stat().st_mode & 0o777 for path in (objects.directory, *objects.directory.rglob("*")) if path.is_dir()} == {
        0o700
    }
    assert {path.stat().st_mode & 0o777 for path in stored(objects)} == {0o600}


def test_the_same_content_with_the_same_key_is_not_copied_again(objects: LocalObjects, file: Path, tmp_path: Path) -> None:
    first = objects.path(objects.put(file, KEY))
    assert first is not None
    os.utime(first, (1, 1))
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    assert objects.path(objects.put(copy, KEY)) == first
    assert first.stat().st_mtime == 1


@pytest.mark.parametrize("other", [b"t [s],rail [V]\n0,99.9\n", b"longer than it was before", b""])
def test_other_content_with_the_same_key_replaces_the_file(objects: LocalObjects, file: Path, other: bytes) -> None:
    url = objects.put(file, KEY)
    file.write_bytes(other)
    assert objects.put(file, KEY) == url
    assert content(objects, url) == other
    assert len(stored(objects)) == 1


@pytest.mark.parametrize("size", [0, 1, module.CHUNK - 1, module.CHUNK, 3 * module.CHUNK + 7])
@pytest.mark.parametrize("kernel", [True, False])
def test_the_copy_is_complete_with_and_without_the_kernel(
    objects: LocalObjects, tmp_path: Path, size: int, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    data = os.urandom(size)
    (tmp_path / "data").write_bytes(data)
    assert content(objects, objects.put(tmp_path / "data", "k")) == data


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="no such call on this system")
def test_a_copy_that_the_kernel_interrupts_is_completed(
    objects: LocalObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.copy_file_range, []

    def once(source: int, target: int, count: int) -> int:
        calls.append(count)
        if len(calls) > 1:
            raise OSError("another disk")
        return real(source, target, 1000)

    monkeypatch.setattr(os, "copy_file_range", once)
    data = os.urandom(2 * module.CHUNK)
    (tmp_path / "data").write_bytes(data)
    assert content(objects, objects.put(tmp_path / "data", "k")) == data
    assert len(calls) == 2


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="no such call on this system")
def test_a_kernel_that_copies_nothing_is_not_trusted(
    objects: LocalObjects, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0)
    assert content(objects, objects.put(file, KEY)) == file.read_bytes()


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_a_file_with_any_name_is_stored_in_the_directory(objects: LocalObjects, file: Path, name: str) -> None:
    url = objects.put(file, f"p/{STORE_ID}/0123456789abcdef-{name}")
    path = objects.path(url)
    assert path is not None
    assert path.resolve().is_relative_to(objects.directory.resolve())
    assert content(objects, url) == file.read_bytes()
    assert len(path.name) < 120
    assert not path.name.endswith((".", " "))
    RegisterDataFile(run_id=uuid4(), file_name="x", s3_url=url, file_size=1).body()  # a URL that can be sent


def test_similar_names_are_different_files(objects: LocalObjects, tmp_path: Path) -> None:
    names = ("a.csv", "A.csv", "a?csv", "a*csv", "x" * 5000, "x" * 5001, "a/b", "a_b", "ä", "a\u0308", "%41.csv")
    urls = []
    for name in names:
        (tmp_path / "data").write_text(name)
        urls.append(objects.put(tmp_path / "data", f"p/{name}"))
    assert len({str(objects.path(url)).lower() for url in urls}) == len(names)
    assert [content(objects, url).decode() for url in urls] == list(names)


@given(st.text())
def test_no_url_leads_out_of_the_directory(rest: str) -> None:
    objects = LocalObjects(Path("/somewhere/objects"), STORE_ID)
    path = objects.path(BUCKET + rest)
    if rest:
        assert path is not None
        assert path.parent.parent == objects.directory
        assert path.name.isascii()
        assert not set(path.name) & set('<>:"/\\|?*\0 ')
        assert path.name not in (".", "..")
    else:
        assert path is None


@pytest.mark.parametrize(
    "url",
    [
        "s3://bench-data/a.csv",
        "s3://local-atlas-7d3c1c0e-5d0b-4f5e-9f3a-0c1d2e3f4a5b/a.csv",
        "s3://local-atlas-",
        BUCKET,
        "",
        "/etc/passwd",
        "a.csv",
    ],
)
def test_a_url_of_another_store_has_no_path_and_is_not_opened(objects: LocalObjects, url: str) -> None:
    assert objects.path(url) is None
    assert not objects.exists(url)
    with pytest.raises(FileNotFoundError, match="not stored in this local Atlas"):
        objects.open(url)
    objects.remove(url)


def test_a_missing_file_is_not_opened(objects: LocalObjects) -> None:
    assert not objects.exists(BUCKET + "gone")
    with pytest.raises(FileNotFoundError):
        objects.open(BUCKET + "gone")


class TestErrors:
    def test_the_file_does_not_exist(self, objects: LocalObjects, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            objects.put(tmp_path / "gone", KEY)

    def test_the_file_is_a_directory(self, objects: LocalObjects, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="not a regular file"):
            objects.put(tmp_path, KEY)

    @pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in the file system")
    def test_the_file_is_a_pipe(self, objects: LocalObjects, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="not a regular file"):
            objects.put(tmp_path / "pipe", KEY)

    def test_the_key_is_empty(self, objects: LocalObjects, file: Path) -> None:
        with pytest.raises(ValueError, match="the key is empty"):
            objects.put(file, "")

    def test_a_failed_copy_does_not_change_the_existing_file(
        self, objects: LocalObjects, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = objects.put(file, KEY)
        before = file.read_bytes()
        file.write_bytes(b"something else")

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            objects.put(file, KEY)
        assert content(objects, url) == before
        assert len(stored(objects)) == 1


def test_only_old_unfinished_copies_are_deleted(objects: LocalObjects, file: Path) -> None:
    objects.put(file, "a")
    incoming = objects.directory / module.INCOMING
    dead, alive, foreign = uuid4().hex, uuid4().hex, "notes.txt"
    for name, age_s in ((dead, module.ABANDONED_S + 60), (alive, 60), (foreign, module.ABANDONED_S + 60)):
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (time.time() - age_s,) * 2)
    objects.put(file, "b")
    assert {path.name for path in incoming.iterdir()} == {alive, foreign}


def test_concurrent_threads_store_the_same_file_once(objects: LocalObjects, file: Path) -> None:
    file.write_bytes(os.urandom(200_000))
    begin, urls = threading.Barrier(6), []

    def put() -> None:
        begin.wait(30)
        urls.append(objects.put(file, KEY))

    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert urls == [BUCKET + KEY] * 6
    assert hashlib.sha256(content(objects, urls[0])).digest() == hashlib.sha256(file.read_bytes()).digest()
    assert len(stored(objects)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the module `resource` is POSIX's")
def test_a_large_file_is_copied_in_constant_memory(tmp_path: Path) -> None:
    code = f"""
import os, resource
from pathlib import Path
from pytest_atlas.local import LocalObjects
if hasattr(os, "copy_file_range"):
    del os.copy_file_range
big = Path({str(tmp_path / "big")!r})
with big.open("wb") as file:
    file.truncate(300 << 20)
objects = LocalObjects(Path({str(tmp_path / "objects")!r}), "x")
def put():
    objects.put(big, "k")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(put() - before, put() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert max(int(n) for n in done.stdout.split()) * unit < 50 << 20


class TestLocalAtlas:
    @pytest.fixture
    def run_id(self, atlas: LocalAtlas) -> UUID:
        return self.new_run(atlas)

    def new_run(self, atlas: LocalAtlas) -> UUID:
        return UUID(atlas.send(CreateRun(title="x", system_id=uuid4())).uuid)

    def register(self, atlas: LocalAtlas, run_id: UUID, url: str) -> UUID:
        return UUID(atlas.send(RegisterDataFile(run_id=run_id, file_name="a.csv", s3_url=url, file_size=3)).uuid)

    def test_the_directory_is_next_to_the_store(self, atlas: LocalAtlas, file: Path) -> None:
        assert not atlas.objects.directory.exists(), "the directory is created with the first file"
        url = atlas.objects.put(file, KEY)
        assert url == f"s3://local-atlas-{atlas.store_id}/{KEY}"
        assert atlas.objects.directory == atlas.path.parent / "objects"

    def test_a_file_must_exist_before_it_is_registered(self, atlas: LocalAtlas, run_id: UUID, file: Path) -> None:
        with pytest.raises(Invalid, match="must exist at the provided S3 URL before calling this endpoint") as refused:
            self.register(atlas, run_id, atlas.objects.bucket + KEY)
        assert refused.value.status == 422
        self.register(atlas, run_id, atlas.objects.put(file, KEY))

    def test_a_file_in_another_bucket_is_not_checked(self, atlas: LocalAtlas, run_id: UUID) -> None:
        self.register(atlas, run_id, "s3://bench-data/a.csv")
        self.register(atlas, run_id, f"s3://local-atlas-{uuid4()}/a.csv")

    def test_a_file_is_deleted_with_its_last_record(self, atlas: LocalAtlas, file: Path) -> None:
        url = atlas.objects.put(file, KEY)
        runs = [self.new_run(atlas) for _ in range(2)]
        records = [self.register(atlas, run_id, url) for run_id in (*runs, runs[0])]
        atlas.send(DeleteDataFile(run_id=runs[0], file_id=records[0]))
        assert atlas.objects.exists(url)
        atlas.send(DeleteDataFile(run_id=runs[0], file_id=records[2]))
        assert atlas.objects.exists(url)
        atlas.send(DeleteDataFile(run_id=runs[1], file_id=records[1]))
        assert not atlas.objects.exists(url)

    def test_the_files_of_a_deleted_run_are_deleted_unless_another_run_has_them(self, atlas: LocalAtlas, file: Path) -> None:
        runs = [self.new_run(atlas) for _ in range(2)]
        shared, own = (atlas.objects.put(file, key) for key in ("shared", "own"))
        for run_id in runs:
            self.register(atlas, run_id, shared)
        self.register(atlas, runs[0], own)
        self.register(atlas, runs[0], "s3://bench-data/a.csv")
        atlas.send(DeleteRun(run_id=runs[0]))
        assert (atlas.objects.exists(shared), atlas.objects.exists(own)) == (True, False)

    def test_files_are_deleted_after_the_commit(self, atlas: LocalAtlas, run_id: UUID, file: Path) -> None:
        url = atlas.objects.put(file, KEY)
        record = self.register(atlas, run_id, url)
        with atlas.transaction():
            atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
            assert atlas.objects.exists(url)
        assert not atlas.objects.exists(url)

    def test_a_rolled_back_deletion_deletes_no_file(self, atlas: LocalAtlas, run_id: UUID, file: Path) -> None:
        url = atlas.objects.put(file, KEY)
        record = self.register(atlas, run_id, url)

        def lose() -> None:
            with atlas.transaction():
                atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            lose()
        with pytest.raises(NotFound):
            atlas.send(DeleteDataFile(run_id=run_id, file_id=uuid4()))
        assert atlas.objects.exists(url)

    def test_a_file_that_is_registered_again_in_the_transaction_is_not_deleted(
        self, atlas: LocalAtlas, run_id: UUID, file: Path
    ) -> None:
        url = atlas.objects.put(file, KEY)
        record = self.register(atlas, run_id, url)
        with atlas.transaction():
            atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
            self.register(atlas, run_id, url)
        assert atlas.objects.exists(url)

    def test_a_file_that_can_not_be_deleted_is_logged_without_its_record(
        self, atlas: LocalAtlas, run_id: UUID, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        url = atlas.objects.put(file, KEY)
        record = self.register(atlas, run_id, url)

        def held(*_: object, **__: object) -> None:
            raise PermissionError(13, "used by another process")

        monkeypatch.setattr(private_files, "unlink", held)
        atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
        assert "used by another process" in caplog.text
        with pytest.raises(NotFound):
            atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
