"""The example session as in a lab: over HTTP with a token, with data files in S3. All servers run on this machine.

    python examples/over_http.py

Starts an empty local Atlas (`pytest-atlas serve`, instead of your Atlas) and moto's server (instead of S3), runs the
suite and shows the run. Needs `pip install 'pytest-atlas[ui]' 'moto[server]'`.
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
TOKEN = "a-token-of-the-example"  # noqa: S105 - only the server below accepts it
COMMAND = (sys.executable, "-m", "pytest_atlas.cli")


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Start an S3 server with the bucket `bench`; yield the variables with which boto3 finds it."""
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
def atlas(directory: Path) -> Iterator[dict[str, str]]:
    """Serve an Atlas on a free port; yield the variables with which pytest finds it."""
    serve = [*COMMAND, "--atlas-dir", str(directory), "serve", "--port", "0", "--token-from-env"]
    environment = {**os.environ, "ATLAS_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(serve, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        try:
            yield {"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN}
        finally:
            server.terminate()


def main() -> int:
    """Run the suite and show the run. Return the exit code of pytest."""
    with tempfile.TemporaryDirectory() as directory, s3() as bucket, atlas(Path(directory) / "served") as where:
        environment = {**os.environ, **bucket, **where, "ATLAS_BUCKET": "s3://bench/hil"}
        session = [f"--atlas-system={SYSTEM}", f"--atlas-dir={directory}/recorded", "--atlas-report"]
        ended = subprocess.run([sys.executable, "-m", "pytest", "-q", str(EXAMPLES), *session], env=environment, check=False)
        subprocess.run([*COMMAND, "show", "--failed", "--files"], env=environment, check=True)
    return ended.returncode


if __name__ == "__main__":
    raise SystemExit(main())
