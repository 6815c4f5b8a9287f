"""The example session as a bench in the lab has it: over HTTP with a token, data files in S3. All of it on this machine.

    python examples/over_http.py

Serves an empty local Atlas (`pytest-atlas serve`, in the part of your Atlas) and moto's server (in the part of S3), runs the
suite against the two, and shows the run. Needs `pip install 'pytest-atlas[ui]' 'moto[server]'`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

EXAMPLES = Path(__file__).resolve().parent
SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
TOKEN = "a-token-of-the-example"  # noqa: S105 - it opens nothing but the server below
COMMAND = (sys.executable, "-m", "pytest_atlas.cli")


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """An S3 with the bucket `bench`; what boto3 needs to find it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "example",
        "AWS_SECRET_ACCESS_KEY": "example-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    os.environ |= environment
    boto3.client("s3").create_bucket(Bucket="bench")
    try:
        yield environment
    finally:
        server.stop()


@contextmanager
def atlas(folder: Path) -> Iterator[dict[str, str]]:
    """An Atlas on a free port; what pytest needs to find it."""
    serve = [*COMMAND, "--atlas-dir", str(folder), "serve", "--port", "0", "--token-from-env"]
    environment = {**os.environ, "ATLAS_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        try:
            yield {"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN}
        finally:
            server.terminate()


def main() -> int:
    """Run the suite, show the run; the exit code is pytest's."""
    with tempfile.TemporaryDirectory() as folder, s3() as bucket, atlas(Path(folder) / "served") as where:
        environment = {**os.environ, **bucket, **where, "ATLAS_BUCKET": "s3://bench/hil"}
        session = [f"--atlas-system={SYSTEM}", f"--atlas-dir={folder}/recorded", "--atlas-report"]
        ended = subprocess.run([sys.executable, "-m", "pytest", "-q", str(EXAMPLES), *session], env=environment, check=False)
        subprocess.run([*COMMAND, "show", "--failed", "--files"], env=environment, check=True)
    return ended.returncode


if __name__ == "__main__":
    raise SystemExit(main())
