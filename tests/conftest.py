"""What all tests share: servers, how thoroughly hypothesis looks, and what the tests of faults and chaos have counted."""

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
"""The environment variable that chooses: `ci`, the default, always tries the same; `chaos` something else each time."""


MORE = "ATLAS_TESTS_ROUNDS"
"""And how many rounds of chaos there are, where that is not as many as fit into CI."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ServedAtlas]":
    """A local Atlas over HTTP, for all tests of a module."""
    from tests.support.served_atlas import served_atlas  # not there without the extra `ui`

    with served_atlas(tmp_path_factory.mktemp("served")) as atlas:
        yield atlas


@pytest.fixture(scope="module")
def s3() -> "Iterator[ServedS3]":
    """A real S3 endpoint with the bucket `bench`, for all tests of a module."""
    from tests.support.s3 import served_s3  # half a second, for those who need it

    with served_s3() as endpoint:
        endpoint.make_bucket("bench")
        yield endpoint


def rounds(count: int, *, steps: int) -> settings:
    """Hypothesis's settings for so many rounds of so many steps, or for as many as are asked for."""
    return settings(max_examples=int(os.environ.get(MORE, count)), stateful_step_count=steps)


def pytest_configure(config: pytest.Config) -> None:
    # Nothing of hypothesis's own is written into the repository: a failure prints what repeats it.
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
