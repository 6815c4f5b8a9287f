"""Data files on a real S3 endpoint: uploads, copies, retries and messages of failures."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.s3 import CREDENTIALS, SECRET, Refusal, ServedS3, served_s3

from pytest_atlas.publisher.files.bucket import Bucket
from pytest_atlas.publisher.files.objects import Objects, UploadFailed, sha256_of
from pytest_atlas.publisher.files.s3 import FILES_AT_ONCE, S3Objects
from pytest_atlas.publisher.files.s3_transfer import IN_MEMORY, PART, _Recorded

RUN = "c9d0e1f2-a3b4-5678-cdef-789012345678"


@pytest.fixture(scope="module")
def server() -> Iterator[ServedS3]:
    with served_s3() as served:
        yield served


@pytest.fixture
def s3(server: ServedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServedS3:
    """The server, with an environment in which boto3 finds only it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return server


@pytest.fixture
def bucket(s3: ServedS3) -> Bucket:
    """An empty bucket."""
    bucket = Bucket(f"bench-{uuid4()}", "atlas")
    s3.make_bucket(bucket.name)
    s3.requests.clear()
    s3.checksums.clear()
    return bucket


def written(tmp_path: Path, size: int, name: str = "bus.mf4") -> Path:
    path = tmp_path / name
    with path.open("wb") as file:
        for start in range(0, size, PART):
            file.write(os.urandom(min(PART, size - start)))
    return path


async def put_in(objects: Objects, path: Path, name: str = "bus.mf4", sha256: str = "") -> str:
    digest = sha256 or sha256_of(path)[0]
    return await objects.put(path, run_id=RUN, name=name, sha256=digest, content_type="application/x-mdf")


def put(bucket: Bucket, path: Path, name: str = "bus.mf4", sha256: str = "", progress: list[int] | None = None) -> str:
    async def once() -> str:
        async with S3Objects(bucket, progress=([] if progress is None else progress).append) as objects:
            return await put_in(objects, path, name, sha256)

    return asyncio.run(once())


def failing(bucket: Bucket, path: Path, sha256: str = "") -> UploadFailed:
    with pytest.raises(UploadFailed) as failure:
        put(bucket, path, sha256=sha256)
    assert SECRET not in str(failure.value)
    return failure.value


# ── uploads ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, 3 * PART + 5], ids=lambda size: f"{size} bytes")
def test_a_file_arrives_byte_for_byte_with_type_and_hash(s3: ServedS3, bucket: Bucket, tmp_path: Path, size: int) -> None:
    path, sent = written(tmp_path, size), list[int]()
    url = put(bucket, path, progress=sent)
    digest, _ = sha256_of(path)
    assert url == f"s3://{bucket.name}/atlas/{RUN}/{digest[:16]}-bus.mf4"
    assert s3.content(url) == path.read_bytes()
    head = s3.head(url)
    assert (head["ContentType"], head["Metadata"]) == ("application/x-mdf", {"sha256": digest})
    assert sum(sent) == size


def test_a_small_file_is_checked_by_s3_against_its_hash_and_a_large_one_goes_in_parts(
    s3: ServedS3, bucket: Bucket, tmp_path: Path
) -> None:
    put(bucket, written(tmp_path, 100))
    assert [request.split()[0] for request in s3.requests] == ["HEAD", "PUT"]
    s3.requests.clear()
    put(bucket, written(tmp_path, 3 * PART))
    assert [request.split()[0] for request in s3.requests] == ["HEAD", "POST", "PUT", "PUT", "PUT", "POST", "HEAD"]


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_an_existing_object_is_not_uploaded_again(s3: ServedS3, bucket: Bucket, tmp_path: Path, size: int) -> None:
    path = written(tmp_path, size)
    first = put(bucket, path)
    s3.requests.clear()
    assert put(bucket, path) == first
    assert [request.split()[0] for request in s3.requests] == ["HEAD"]


def test_another_object_under_the_same_key_is_replaced(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    path = written(tmp_path, 10)
    key = bucket.key(run_id=RUN, sha256=sha256_of(path)[0], name="bus.mf4")
    s3.client.put_object(Bucket=bucket.name, Key=key, Body=b"0123456789")
    assert s3.content(put(bucket, path)) == path.read_bytes()


def test_many_files_at_once_all_arrive(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    paths = [written(tmp_path, 100 + number, f"{number}.csv") for number in range(5 * FILES_AT_ONCE)]

    async def all_of_them() -> list[str]:
        async with S3Objects(bucket) as objects:
            return await asyncio.gather(*(put_in(objects, path, path.name) for path in paths))

    assert [s3.content(url) for url in asyncio.run(all_of_them())] == [path.read_bytes() for path in paths]


def test_write_permission_is_sufficient(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    s3.refuse("HEAD", (403, "", ""), times=2)
    path = written(tmp_path, 2 * PART)
    assert s3.content(put(bucket, path)) == path.read_bytes()


def test_the_hash_is_sent_unless_a_setting_disables_it(
    s3: ServedS3, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, 10)
    put(bucket, path)
    assert [b64decode(checksum).hex() for checksum in s3.checksums] == [sha256_of(path)[0]]
    s3.checksums.clear()
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    put(bucket, path, "other.mf4")
    assert s3.checksums == []


@pytest.mark.parametrize("size", [10, 2 * PART + 1])
def test_a_copy_inside_s3_has_a_separate_url_and_is_made_once(s3: ServedS3, bucket: Bucket, tmp_path: Path, size: int) -> None:
    path = written(tmp_path, size)
    first = put(bucket, path)

    async def copied() -> str:
        async with S3Objects(bucket) as objects:
            return await objects.copy(first, place="step-1")

    url = asyncio.run(copied())
    assert url.startswith(f"s3://{bucket.name}/atlas/{RUN}/step-1/")
    assert s3.content(url) == path.read_bytes()
    assert s3.head(url)["Metadata"] == s3.head(first)["Metadata"]
    assert s3.head(url)["ContentType"] == "application/x-mdf"
    s3.requests.clear()
    assert asyncio.run(copied()) == url
    assert {request.split()[0] for request in s3.requests} == {"HEAD"}


@pytest.mark.parametrize(
    "url", ["s3://theirs/atlas/secret.mf4", "s3://{bucket.name}/secret.mf4", "s3://{bucket.name}/atlas2/x"]
)
def test_nothing_outside_the_prefix_is_copied(s3: ServedS3, bucket: Bucket, url: str) -> None:
    async def copied() -> None:
        async with S3Objects(bucket) as objects:
            await objects.copy(url.format(bucket=bucket), place="step-1")

    s3.requests.clear()
    with pytest.raises(ValueError, match="is not below"):
        asyncio.run(copied())
    assert s3.requests == []


def test_a_copy_of_a_missing_object_is_one_failure(s3: ServedS3, bucket: Bucket) -> None:
    async def copied() -> None:
        async with S3Objects(bucket) as objects:
            await objects.copy(f"{bucket}/gone.mf4", place="step-1")

    with pytest.raises(UploadFailed, match=r"'gone.mf4' or s3://.* does not exist in S3 .404: Not Found.") as failure:
        asyncio.run(copied())
    assert not failure.value.transient


# ── local files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_file_is_named(bucket: Bucket, tmp_path: Path) -> None:
    failure = failing(bucket, tmp_path / "gone.mf4", sha256="0" * 64)
    assert failure.what == f"'bus.mf4' does not exist any more: {tmp_path / 'gone.mf4'}"
    assert (failure.transient, failure.every_file) == (False, False)


def test_a_directory_cannot_be_uploaded(bucket: Bucket, tmp_path: Path) -> None:
    assert failing(bucket, tmp_path, sha256="0" * 64).what.startswith("'bus.mf4' can't be read: ")


@pytest.mark.parametrize("size", [100, 2 * PART], ids=["small", "in parts"])
@pytest.mark.parametrize(
    "change",
    [lambda content: content[:-1], lambda content: content[:-1] + bytes([content[-1] ^ 1]), lambda content: content + b"x"],
    ids=["shorter", "altered", "longer"],
)
def test_a_file_that_changed_since_it_was_recorded_is_not_uploaded(
    s3: ServedS3, bucket: Bucket, tmp_path: Path, size: int, change: Callable[[bytes], bytes]
) -> None:
    path = written(tmp_path, size)
    digest, _ = sha256_of(path)
    path.write_bytes(change(path.read_bytes()))
    failure = failing(bucket, path, sha256=digest)
    assert "'bus.mf4' changed after it was recorded" in failure.what
    assert (failure.transient, failure.every_file) == (False, False)
    assert s3.keys(bucket.name) == []
    assert s3.uploads_under_way(bucket.name) == []


def test_a_file_that_changes_during_the_upload_is_a_failure(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    path = written(tmp_path, (IN_MEMORY + 2) * PART)
    stat = path.stat()

    def change() -> None:  # the last part can't have been read when the first one comes
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)[0]
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last ^ 1]))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    s3.before("PUT", change)
    assert "'bus.mf4' changed after it was recorded" in failing(bucket, path).what
    assert s3.keys(bucket.name) == []
    assert s3.uploads_under_way(bucket.name) == []


# ── errors of S3 ────────────────────────────────────────────────────────────────────────────────────────────────────────

REFUSALS: list[tuple[Refusal, str, bool, bool]] = [
    ((403, "AccessDenied", "Access Denied"), "S3 rejected 'bus.mf4' for s3://", False, True),
    ((400, "EntityTooLarge", "Your proposed upload exceeds the maximum"), "S3 rejected 'bus.mf4' for s3://", False, False),
    ((403, "InvalidAccessKeyId", "unknown"), "access denied (403 InvalidAccessKeyId: unknown)", False, True),
    ((400, "ExpiredToken", "expired"), "have expired or are invalid", False, True),
    ((403, "RequestTimeTooSkewed", "clock"), "access denied (403 RequestTimeTooSkewed: clock)", False, True),
    ((503, "SlowDown", "Reduce your request rate"), "did not accept 'bus.mf4'", True, True),
    ((502, "", ""), "did not accept 'bus.mf4'", True, True),
    ((400, "BadDigest", "no match"), "did not accept 'bus.mf4'", True, True),
    ((200, "", ""), "is not an S3 service", False, True),
]


@pytest.mark.parametrize("start", ["PUT", "POST"], ids=["small", "in parts"])
@pytest.mark.parametrize(
    ("refusal", "what", "transient", "every_file"), REFUSALS, ids=[f"{r[0][0]} {r[0][1]}" for r in REFUSALS]
)
def test_an_error_of_s3_is_one_clear_failure(
    s3: ServedS3, bucket: Bucket, tmp_path: Path, start: str, refusal: Refusal, what: str, transient: bool, every_file: bool
) -> None:
    s3.refuse(start, refusal)
    failure = failing(bucket, written(tmp_path, 10 if start == "PUT" else 2 * PART))
    assert what in failure.what
    assert (failure.transient, failure.every_file) == (transient, every_file)


def test_an_upload_with_a_failed_part_is_aborted_and_the_rest_is_not_read(
    s3: ServedS3, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read, reads = written(tmp_path, 6 * IN_MEMORY * PART), _Recorded.read, list[int]()

    def counted(self: _Recorded, amount: int = -1) -> bytes:
        reads.append(amount)
        return read(self, amount)

    monkeypatch.setattr(_Recorded, "read", counted)
    s3.refuse("PUT", (503, "SlowDown", "Reduce your request rate"))
    assert failing(bucket, path).transient
    assert s3.uploads_under_way(bucket.name) == []
    assert len(reads) < 6 * IN_MEMORY


def test_boto3_retries(s3: ServedS3, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    s3.refuse("PUT", (503, "SlowDown", "Reduce your request rate"))
    path, sent = written(tmp_path, 10), list[int]()
    assert s3.content(put(bucket, path, progress=sent)) == path.read_bytes()
    assert sum(sent) == 10


def test_a_corrupted_object_is_detected(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    path = written(tmp_path, 2 * PART)
    s3.refuse("HEAD", (404, "", ""), times=2)
    failure = failing(bucket, path)
    assert "differs from the uploaded file" in failure.what
    assert failure.transient


def test_a_missing_bucket_is_named(s3: ServedS3, tmp_path: Path) -> None:
    for size in (10, PART):
        failure = failing(Bucket("missing-bucket"), written(tmp_path, size))
        assert failure.what.startswith("the bucket s3://missing-bucket/ does not exist")
        assert (failure.transient, failure.every_file) == (False, True)


# ── connection ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_credentials(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    failure = failing(bucket, written(tmp_path, 10))
    assert failure.what.startswith("no usable AWS credentials for s3://")
    assert (failure.transient, failure.every_file) == (False, True)


def test_half_of_the_credentials(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "(PartialCredentialsError)" in failing(bucket, written(tmp_path, 10)).what


def test_a_missing_profile(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "bench-7")
    assert "invalid AWS settings" in failing(bucket, written(tmp_path, 10)).what


def test_an_endpoint_without_a_listener(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:  # bound, so that no other process gets it, but not listening
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        failure = failing(bucket, written(tmp_path, 10))
    assert f"no connection to 127.0.0.1:{port}" in failure.what
    assert (failure.transient, failure.every_file) == (True, True)


def test_an_invalid_endpoint_is_not_shown(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "user:hidden-words@bench")
    failure = failing(bucket, written(tmp_path, 10))
    assert "invalid AWS settings" in failure.what
    assert "hidden-words" not in str(failure)


def test_close_cancels_waiting_uploads_and_leaves_no_thread(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    paths = [written(tmp_path, 10, f"{number}.csv") for number in range(FILES_AT_ONCE + 1)]
    came, hold = threading.Event(), threading.Event()

    def held() -> None:
        came.set()
        assert hold.wait(30)

    for _ in range(FILES_AT_ONCE):
        s3.before("HEAD", held)

    async def closed_early() -> list[str | BaseException]:
        objects = S3Objects(bucket)
        puts = [asyncio.create_task(put_in(objects, path, path.name)) for path in paths]
        assert await asyncio.to_thread(came.wait, 30)
        closing = asyncio.create_task(objects.close())
        await asyncio.sleep(0)  # it has started
        hold.set()
        await closing
        return await asyncio.gather(*puts, return_exceptions=True)

    results = asyncio.run(closed_early())
    assert str(results[-1]) == "the upload of '8.csv' was stopped. pytest-atlas push sends it later"
    for result in results:
        assert isinstance(result, str | UploadFailed)
    arrived = {result for result in results if isinstance(result, str)}
    there = {f"s3://{bucket.name}/{key}" for key in s3.keys(bucket.name)}
    assert arrived <= there, "each reported upload exists; a stopped request can have arrived, too"
    assert s3.uploads_under_way(bucket.name) == []


def test_close_before_the_connection_sends_nothing(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    path = written(tmp_path, 10)

    async def closed_early() -> list[str | BaseException]:
        objects = S3Objects(bucket)
        with objects._connecting:
            puts = [asyncio.create_task(put_in(objects, path)) for _ in range(3)]
            await asyncio.sleep(0)  # they wait for the connection
            closing = asyncio.create_task(objects.close())
            await asyncio.sleep(0)  # it has started
        await closing
        return await asyncio.gather(*puts, return_exceptions=True)

    assert {str(result).split(".")[0] for result in asyncio.run(closed_early())} == {"the upload of 'bus"}
    assert s3.requests == []


# ── costs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_boto3_is_imported_with_the_first_file() -> None:
    code = (
        "import sys; from pytest_atlas.publisher.files.s3 import S3Objects\n"
        "from pytest_atlas.publisher.files.bucket import Bucket\n"
        "S3Objects(Bucket('bench')); print([m for m in sys.modules if m.startswith(('boto', 's3transfer', 'urllib3'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


LARGE = """
import asyncio, sys
from pathlib import Path
import pytest_atlas.atlas.client, pytest_atlas.publisher.publish  # modules that a publisher imports anyway
from pytest_atlas.publisher.files.bucket import Bucket
from pytest_atlas.publisher.files.objects import sha256_of
from pytest_atlas.publisher.files.s3 import S3Objects

async def put(bucket, path):
    async with S3Objects(Bucket(bucket)) as objects:
        return await objects.put(path, run_id="run", name="bus.mf4", sha256=sha256_of(path)[0], content_type="a/b")

print(asyncio.run(put(sys.argv[1], Path(sys.argv[2]))))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_file_is_uploaded_in_constant_memory(s3: ServedS3, bucket: Bucket, tmp_path: Path) -> None:
    path = written(tmp_path, 200 << 20)
    command = [sys.executable, "-c", LARGE, bucket.name, str(path)]
    url, peak_kib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert s3.head(url)["ContentLength"] == path.stat().st_size
    assert int(peak_kib) < 150 << 10
