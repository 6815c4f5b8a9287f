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


def kept(objects: LocalObjects) -> list[Path]:
    return [path for path in objects.folder.rglob("*") if path.is_file()]


def content(objects: LocalObjects, url: str) -> bytes:
    with objects.open(url) as opened:
        return opened.read()


def test_a_file_is_kept_under_a_url_of_the_stores_own(objects: LocalObjects, file: Path) -> None:
    url = objects.put(file, KEY)
    assert url == BUCKET + KEY
    file.unlink()
    assert content(objects, url) == b"t [s],rail [V]\n0,12.5\n"
    assert objects.exists(url)
    assert kept(objects) == [objects.path(url)]


def test_what_was_kept_is_found_by_who_opens_the_folder_later(objects: LocalObjects, file: Path) -> None:
    url = objects.put(file, KEY)
    assert content(LocalObjects(objects.folder, STORE_ID), url) == file.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_nobody_but_the_owner_can_read_it(objects: LocalObjects, file: Path) -> None:
    objects.put(file, KEY)
    assert {path.stat().st_mode & 0o777 for path in (objects.folder, *objects.folder.rglob("*")) if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in kept(objects)} == {0o600}


def test_the_same_content_under_the_same_key_is_not_copied_again(objects: LocalObjects, file: Path, tmp_path: Path) -> None:
    first = objects.path(objects.put(file, KEY))
    assert first is not None
    os.utime(first, (1, 1))
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    assert objects.path(objects.put(copy, KEY)) == first
    assert first.stat().st_mtime == 1


@pytest.mark.parametrize("other", [b"t [s],rail [V]\n0,99.9\n", b"longer than it was before", b""])
def test_other_content_under_the_same_key_replaces_it(objects: LocalObjects, file: Path, other: bytes) -> None:
    url = objects.put(file, KEY)
    file.write_bytes(other)
    assert objects.put(file, KEY) == url
    assert content(objects, url) == other
    assert len(kept(objects)) == 1


@pytest.mark.parametrize("size", [0, 1, module.CHUNK - 1, module.CHUNK, 3 * module.CHUNK + 7])
@pytest.mark.parametrize("kernel", [True, False])
def test_every_byte_arrives_whoever_copies(
    objects: LocalObjects, tmp_path: Path, size: int, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    data = os.urandom(size)
    (tmp_path / "data").write_bytes(data)
    assert content(objects, objects.put(tmp_path / "data", "k")) == data


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="no such call on this system")
def test_what_the_kernel_stops_copying_in_the_middle_is_copied_to_its_end(
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
def test_a_kernel_that_says_it_is_done_before_it_began_is_not_believed(
    objects: LocalObjects, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0)
    assert content(objects, objects.put(file, KEY)) == file.read_bytes()


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_any_name_is_kept_inside_of_the_folder_and_read_back(objects: LocalObjects, file: Path, name: str) -> None:
    url = objects.put(file, f"p/{STORE_ID}/0123456789abcdef-{name}")
    path = objects.path(url)
    assert path is not None
    assert path.resolve().is_relative_to(objects.folder.resolve())
    assert content(objects, url) == file.read_bytes()
    assert len(path.name) < 120
    assert not path.name.endswith((".", " "))
    RegisterDataFile(run_id=uuid4(), file_name="x", s3_url=url, file_size=1).body()  # a URL that can be sent


def test_names_that_a_file_system_may_take_for_one_are_kept_apart(objects: LocalObjects, tmp_path: Path) -> None:
    names = ("a.csv", "A.csv", "a?csv", "a*csv", "x" * 5000, "x" * 5001, "a/b", "a_b", "ä", "a\u0308", "%41.csv")
    urls = []
    for name in names:
        (tmp_path / "data").write_text(name)
        urls.append(objects.put(tmp_path / "data", f"p/{name}"))
    assert len({str(objects.path(url)).lower() for url in urls}) == len(names)
    assert [content(objects, url).decode() for url in urls] == list(names)


@given(st.text())
def test_no_url_leads_out_of_the_folder(rest: str) -> None:
    objects = LocalObjects(Path("/somewhere/objects"), STORE_ID)
    path = objects.path(BUCKET + rest)
    if rest:
        assert path is not None
        assert path.parent.parent == objects.folder
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
def test_what_is_not_ours_has_no_path_and_is_not_opened(objects: LocalObjects, url: str) -> None:
    assert objects.path(url) is None
    assert not objects.exists(url)
    with pytest.raises(FileNotFoundError, match="not kept here"):
        objects.open(url)
    objects.remove(url)


def test_what_is_ours_but_not_there_says_so(objects: LocalObjects) -> None:
    assert not objects.exists(BUCKET + "gone")
    with pytest.raises(FileNotFoundError):
        objects.open(BUCKET + "gone")


class TestRefused:
    def test_a_file_that_is_not_there(self, objects: LocalObjects, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            objects.put(tmp_path / "gone", KEY)

    def test_a_folder(self, objects: LocalObjects, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="not a regular file"):
            objects.put(tmp_path, KEY)

    @pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in the file system")
    def test_a_pipe_which_would_never_end(self, objects: LocalObjects, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="not a regular file"):
            objects.put(tmp_path / "pipe", KEY)

    def test_no_key(self, objects: LocalObjects, file: Path) -> None:
        with pytest.raises(ValueError, match="needs a key"):
            objects.put(file, "")

    def test_a_copy_that_fails_leaves_nothing_and_what_was_there_before(
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
        assert len(kept(objects)) == 1


def test_unfinished_copies_of_dead_processes_are_removed_and_those_under_way_left(objects: LocalObjects, file: Path) -> None:
    objects.put(file, "a")
    incoming = objects.folder / module.INCOMING
    dead, alive, foreign = uuid4().hex, uuid4().hex, "notes.txt"
    for name, age_s in ((dead, module.ABANDONED_S + 60), (alive, 60), (foreign, module.ABANDONED_S + 60)):
        (incoming / name).write_bytes(b"half")
        os.utime(incoming / name, (time.time() - age_s,) * 2)
    objects.put(file, "b")
    assert {path.name for path in incoming.iterdir()} == {alive, foreign}


def test_threads_that_keep_the_same_file_at_once_keep_it_once(objects: LocalObjects, file: Path) -> None:
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
    assert len(kept(objects)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="the module `resource` is POSIX's")
def test_a_big_file_is_kept_in_little_memory(tmp_path: Path) -> None:
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


class TestOfAnAtlas:
    @pytest.fixture
    def run_id(self, atlas: LocalAtlas) -> UUID:
        return self.new_run(atlas)

    def new_run(self, atlas: LocalAtlas) -> UUID:
        return UUID(atlas.send(CreateRun(title="x", system_id=uuid4())).uuid)

    def register(self, atlas: LocalAtlas, run_id: UUID, url: str) -> UUID:
        return UUID(atlas.send(RegisterDataFile(run_id=run_id, file_name="a.csv", s3_url=url, file_size=3)).uuid)

    def test_the_folder_is_beside_the_store_and_the_urls_bear_its_id(self, atlas: LocalAtlas, file: Path) -> None:
        assert not atlas.objects.folder.exists(), "nothing is made before it is needed"
        url = atlas.objects.put(file, KEY)
        assert url == f"s3://local-atlas-{atlas.store_id}/{KEY}"
        assert atlas.objects.folder == atlas.path.parent / "objects"

    def test_a_file_has_to_be_there_before_it_is_registered(self, atlas: LocalAtlas, run_id: UUID, file: Path) -> None:
        with pytest.raises(Invalid, match="must exist at the provided S3 URL before calling this endpoint") as refused:
            self.register(atlas, run_id, atlas.objects.bucket + KEY)
        assert refused.value.status == 422
        self.register(atlas, run_id, atlas.objects.put(file, KEY))

    def test_a_file_in_another_bucket_is_taken_as_it_is_told(self, atlas: LocalAtlas, run_id: UUID) -> None:
        self.register(atlas, run_id, "s3://bench-data/a.csv")
        self.register(atlas, run_id, f"s3://local-atlas-{uuid4()}/a.csv")

    def test_an_object_goes_with_its_last_record(self, atlas: LocalAtlas, file: Path) -> None:
        url = atlas.objects.put(file, KEY)
        runs = [self.new_run(atlas) for _ in range(2)]
        records = [self.register(atlas, run_id, url) for run_id in (*runs, runs[0])]
        atlas.send(DeleteDataFile(run_id=runs[0], file_id=records[0]))
        assert atlas.objects.exists(url)
        atlas.send(DeleteDataFile(run_id=runs[0], file_id=records[2]))
        assert atlas.objects.exists(url)
        atlas.send(DeleteDataFile(run_id=runs[1], file_id=records[1]))
        assert not atlas.objects.exists(url)

    def test_a_deleted_run_takes_along_what_no_other_run_refers_to(self, atlas: LocalAtlas, file: Path) -> None:
        runs = [self.new_run(atlas) for _ in range(2)]
        shared, own = (atlas.objects.put(file, key) for key in ("shared", "own"))
        for run_id in runs:
            self.register(atlas, run_id, shared)
        self.register(atlas, runs[0], own)
        self.register(atlas, runs[0], "s3://bench-data/a.csv")
        atlas.send(DeleteRun(run_id=runs[0]))
        assert (atlas.objects.exists(shared), atlas.objects.exists(own)) == (True, False)

    def test_nothing_is_deleted_before_the_transaction_is_written(self, atlas: LocalAtlas, run_id: UUID, file: Path) -> None:
        url = atlas.objects.put(file, KEY)
        record = self.register(atlas, run_id, url)
        with atlas.transaction():
            atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
            assert atlas.objects.exists(url)
        assert not atlas.objects.exists(url)

    def test_what_is_taken_back_deletes_nothing_then_or_later(self, atlas: LocalAtlas, run_id: UUID, file: Path) -> None:
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

    def test_an_object_that_is_registered_again_in_the_same_transaction_stays(
        self, atlas: LocalAtlas, run_id: UUID, file: Path
    ) -> None:
        url = atlas.objects.put(file, KEY)
        record = self.register(atlas, run_id, url)
        with atlas.transaction():
            atlas.send(DeleteDataFile(run_id=run_id, file_id=record))
            self.register(atlas, run_id, url)
        assert atlas.objects.exists(url)

    def test_an_object_that_can_not_be_deleted_is_said_and_its_record_is_gone(
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
