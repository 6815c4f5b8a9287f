"""Common to all tests: servers, the profiles of hypothesis, and the totals of the fault and chaos tests."""

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from tests.support import totals

if TYPE_CHECKING:
    from tests.support.s3 import ServedS3
    from tests.support.served_atlas import ServedAtlas

PROFILE = "ATLAS_TESTS_PROFILE"
"""The environment variable with the profile: `ci` (default) repeats the same examples, `chaos` draws new ones."""


MORE = "ATLAS_TESTS_ROUNDS"
"""The environment variable with the number of rounds; without it, the number is small enough for CI."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ServedAtlas]":
    """Serve a local Atlas over HTTP, for all tests of a module."""
    from tests.support.served_atlas import served_atlas  # needs the extra `ui`

    with served_atlas(tmp_path_factory.mktemp("served")) as atlas:
        yield atlas


@pytest.fixture(scope="module")
def s3() -> "Iterator[ServedS3]":
    """Serve S3 with the bucket `bench`, for all tests of a module."""
    from tests.support.s3 import served_s3  # takes 0.5 s to import

    with served_s3() as endpoint:
        endpoint.make_bucket("bench")
        yield endpoint


def rounds(count: int, *, steps: int) -> settings:
    """Return the settings of hypothesis for `count` rounds, or for the number in the environment, of `steps` steps each."""
    return settings(max_examples=int(os.environ.get(MORE, count)), stateful_step_count=steps)


def pytest_configure(config: pytest.Config) -> None:
    # hypothesis writes no files into the repository: a failure prints the code that repeats it.
    set_hypothesis_home_dir(tempfile.gettempdir())
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    common = settings(database=None, deadline=None, print_blob=True, suppress_health_check=slow)
    settings.register_profile("ci", common, derandomize=True)
    settings.register_profile("chaos", common, derandomize=False)
    settings.load_profile(os.environ.get(PROFILE, "ci"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    lines = list(totals.table(totals.add_up(reports)))
    if lines:
        terminalreporter.section("faults and chaos")
        terminalreporter.write_line("\n".join(lines))
