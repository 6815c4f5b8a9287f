"""examples/over_http.py runs and publishes its session completely."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.inner import environment

SCRIPT = Path(__file__).parents[2] / "examples" / "over_http.py"


def test_the_run_is_complete_over_http_and_s3(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr  # some of its tests fail on purpose
    published = re.search(r"run TR-0001 .*: (\d+) of (\d+) published to http://127\.0\.0\.1:", done.stdout)
    assert published is not None, done.stdout + done.stderr
    assert published[1] == published[2]
    assert "s3://bench/hil/" in done.stdout
    assert "TR-0001  examples" in done.stdout
    assert "report 'examples" in done.stdout
