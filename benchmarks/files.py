"""Data files published by a complete publisher: `python -m benchmarks.files [files] [GiB]`.

The Atlas is a stand-in and S3 is moto's server, each in a separate process. If moto's server is the slowest of the three, the
figures are its figures (`benchmarks.uploads` measures it). One run of each, which takes minutes.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import suites, uploads
from benchmarks.measuring import Ended, Row, run, show
from benchmarks.stand_in import stand_in

from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st

MANY = """
def test_many(atlas):
    for number in range({count}):
        atlas.attach(number.to_bytes(4, "big") * 256, name=f"dump-{{number}}.bin")
"""
LARGE = """
def test_large(atlas, tmp_path):
    path = tmp_path / "log.mf4"
    with path.open("wb") as file:
        for number in range({mib}):
            file.write(number.to_bytes(4, "big") * (1 << 18))
    atlas.attach(path, move=True)
"""


def rows(files: int, gib: float) -> Iterator[Row]:
    """Yield the rows."""
    with tempfile.TemporaryDirectory() as directory, stand_in() as atlas, uploads.server() as s3:
        root = Path(directory)
        recorded, published = publish(root / "many", MANY.format(count=files), atlas.url, s3)
        yield Row(f"recording {files:,} files of 1 KiB, the whole session", (recorded.wall_s,), "s")
        yield Row(f"publishing {files:,} files of 1 KiB, registered", (files / published.wall_s,), "/s", goal="≥ 200")
        yield Row("… peak memory of the publisher", (published.peak_mib,), "MiB", goal="≤ 150")
        recorded, published = publish(root / "large", LARGE.format(mib=int(gib * 1024)), atlas.url, s3)
        yield Row(f"recording a file of {gib} GiB: peak memory of pytest", (recorded.peak_mib,), "MiB")
        yield Row(f"publishing a file of {gib} GiB", (gib * 1024 / published.wall_s,), "MiB/s")
        yield Row("… peak memory of the publisher", (published.peak_mib,), "MiB", goal="≤ 150")


def publish(directory: Path, text: str, url: str, s3: str) -> tuple[Ended, Ended]:
    """Record a session with one test, then publish it. Raises RuntimeError unless all of it is published."""
    directory.mkdir()
    (directory / "test_it.py").write_text(text, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *suites.RECORD,
        "--atlas-offline",
        f"--basetemp={directory}/tmp",
    ]
    recorded = run(command, cwd=directory, env=suites.environment())
    (session,) = session_dir.sessions(directory / ".atlas")
    aws = {**uploads.CREDENTIALS, "AWS_ENDPOINT_URL_S3": s3}
    arguments = ["--atlas-dir", str(directory / ".atlas"), "--url", url, "--bucket", f"s3://{uploads.BUCKET}"]
    published = run(
        [*suites.PUBLISHER, session, *arguments], cwd=session, env={**suites.environment(url), **aws}, stdin=b"end\n"
    )
    status = next(st.read_all(session), None)
    if recorded.code or published.code or not status or status.state != "done":
        raise RuntimeError(f"{status}\n{recorded.output[-2000:]}\n{published.output[-4000:]}")
    return recorded, published


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, float(sys.argv[2]) if len(sys.argv) > 2 else 2.0))
