"""pytest ends in time if Atlas, S3 or the journals do not respond, and prints why the session is not published."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import environment
from tests.support.proxy import slow_server
from tests.support.s3 import CREDENTIALS
from tests.support.served_atlas import served_atlas

FAR = 180
"""Seconds after which pytest counts as hanging; much more than --atlas-timeout, because the machine can be busy."""
TOKEN = "token-of-the-bench-0001"
PASSES = "def test_a():\n    pass\n"


def run(directory: Path, test: str, *options: str, **variables: str) -> str:
    """Run pytest with a short --atlas-timeout and return its output. Fails if it hangs."""
    (directory / "test_it.py").write_text(test, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--atlas-system",
        SYSTEM,
        "--atlas-timeout",
        "3",
        *options,
    ]
    done = subprocess.run(
        command, cwd=directory, env=environment(**variables), capture_output=True, text=True, timeout=FAR, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    return done.stdout


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
def test_an_atlas_that_does_not_respond(drips: bool, tmp_path: Path) -> None:
    with slow_server(drips=drips) as url:
        out = run(tmp_path, PASSES, ATLAS_URL=url, ATLAS_TOKEN=TOKEN)
    assert "pytest-atlas push" in out


def test_an_s3_that_does_not_respond(tmp_path: Path) -> None:
    attaches = "def test_a(atlas):\n    atlas.attach(b'data', name='a.bin')\n"
    with served_atlas(tmp_path / "served") as served, slow_server(drips=False) as s3:
        assert served.token
        out = run(
            tmp_path, attaches, "--atlas-bucket", "s3://bench",
            ATLAS_URL=served.url, ATLAS_TOKEN=served.token, AWS_ENDPOINT_URL_S3=s3, **CREDENTIALS,
        )  # fmt: skip
    assert "pytest-atlas push" in out
    assert "pending" in out


def test_an_endless_journal(tmp_path: Path) -> None:
    grows = (
        "from pathlib import Path\n\ndef test_a():\n"
        "    (session,) = Path('.atlas/sessions').iterdir()\n"
        "    with (session / 'journal-gw9-00000000.jsonl').open('wb') as journal:\n"
        "        journal.truncate(1 << 40)\n"
    )
    out = run(tmp_path, grows)
    assert "pytest-atlas push" in out
