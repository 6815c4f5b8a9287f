"""The hooks by which other projects adapt what is recorded. Implement them in a conftest.py or a plugin."""

from collections.abc import Iterable
from pathlib import Path

import pytest


@pytest.hookspec
def pytest_atlas_artifacts(item: pytest.Item, report: pytest.TestReport) -> "Iterable[Path | tuple[str, Path]] | None":
    """Files that become data files of the test's step: paths, or pairs of the name that Atlas shows and a path.

    Called for each phase of a recorded test (set-up, call, teardown), in the process that runs it, right after the phase.
    The files are copied at once. Never called where no session is recorded. What several plugins return is added up.
    """
