"""Serve a local Atlas with the command `pytest-atlas serve`, as a user does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.seeds import PATIENCE_S


@contextmanager
def serving(atlas_dir: Path, *options: str) -> Iterator[str]:
    """Serve on a free port until the block ends. Yields the URL of the pages."""
    command = [sys.executable, "-m", "pytest_atlas", "--atlas-dir", str(atlas_dir), "serve", "--port", "0", *options]
    own = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=own, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        try:
            yield next(word for word in first.split() if word.startswith("http://"))
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
