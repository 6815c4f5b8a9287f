"""Small files per second that are uploaded to S3, and the speed of a large file: `python -m benchmarks.uploads [files] [GiB]`.

S3 is moto's server in another process (on a separate processor if the system supports it), so the figures are mainly those
of moto's server. The third row has the speed of bare requests of the same kind and number, and
the last one the processor time of this process per file.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measuring import apart

from pytest_atlas.publisher.files.bucket import Bucket
from pytest_atlas.publisher.files.objects import sha256_of
from pytest_atlas.publisher.files.s3 import FILES_AT_ONCE, S3Objects

SMALL = 1024
BUCKET = "bench"
SERVE = (
    "import sys; from tests.support.s3 import served_s3\n"
    "with served_s3() as s3:\n"
    f"    s3.make_bucket({BUCKET!r}); print(s3.url, flush=True); sys.stdin.read()"
)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "for-moto-only", "AWS_REGION": "us-east-1"}


@contextmanager
def server() -> Iterator[str]:
    """Start moto's server in a separate process; yield its URL."""
    with subprocess.Popen([sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            apart(process.pid)
            yield url
        finally:
            process.stdin.close()


async def put_all(directory: Path, count: int) -> tuple[float, float]:
    """Return the seconds and the seconds of processor time for `count` new files."""
    contents = [number.to_bytes(8) * (SMALL // 8) for number in range(count)]
    for number, content in enumerate(contents):
        (directory / f"{number}.csv").write_bytes(content)
    digests = [sha256(content).hexdigest() for content in contents]
    async with S3Objects(Bucket(BUCKET)) as objects:

        async def put(number: int) -> None:
            path = directory / f"{number}.csv"
            await objects.put(path, run_id="run", name=path.name, sha256=digests[number], content_type="text/csv")

        await put(0)  # imports boto3 and creates the client
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(put(number) for number in range(1, count)))
        return time.perf_counter() - begun, time.process_time() - cpu


def bare_requests(url: str, count: int) -> float:
    """Return the seconds for a HEAD and a PUT of each of `count` files without boto3: the maximum of the server."""
    parts = urlsplit(url)

    def both(number: int) -> None:
        for method, body in (("HEAD", None), ("PUT", b"x" * SMALL)):
            connection = HTTPConnection(
                parts.hostname or "", parts.port or 0
            )  # the server closes the connection after each response
            connection.request(method, f"/{BUCKET}/bare/{number}.csv", body, {"Authorization": "AWS AKIATEST:x"})
            connection.getresponse().read()
            connection.close()

    begun = time.perf_counter()
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        list(pool.map(both, range(count)))
    return time.perf_counter() - begun


def large(directory: Path, gib: float) -> tuple[float, float]:
    """Return the seconds and the peak memory of this process in MiB for one large file."""
    path = directory / "large.mf4"
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(int(gib * 1024)):
            file.write(number.to_bytes(8) + block[8:])
    digest, _ = sha256_of(path)

    async def put() -> float:
        async with S3Objects(Bucket(BUCKET)) as objects:
            begun = time.perf_counter()
            await objects.put(path, run_id="run", name=path.name, sha256=digest, content_type="application/x-mdf")
            return time.perf_counter() - begun

    seconds = asyncio.run(put())
    path.unlink()
    return seconds, peak_mib()


def peak_mib() -> float:
    """Return the peak memory of this process in MiB (Linux and macOS)."""
    import resource

    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(files: int, gib: float) -> None:
    os.environ.update(CREDENTIALS)
    with tempfile.TemporaryDirectory() as directory, server() as url:
        os.environ["AWS_ENDPOINT_URL_S3"] = url
        seconds, peak = large(Path(directory), gib)
        print(f"one file of {gib:g} GiB   {gib * 1024 / seconds:8.0f} MiB/s   peak memory {peak:.0f} MiB")
        seconds, cpu = asyncio.run(put_all(Path(directory), files))
        print(f"{files} files of 1 KiB {files / seconds:8.0f} files/s (HEAD and PUT each, {FILES_AT_ONCE} at once)")
        print(f"… as bare requests   {files / bare_requests(url, files):8.0f} files/s: the maximum of moto's server")
        print(f"… processor time here {cpu / files * 1e3:7.2f} ms a file: at most {files / cpu:.0f} files/s on one processor")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, float(sys.argv[2]) if len(sys.argv) > 2 else 2)
