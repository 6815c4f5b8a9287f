"""The hooks by which projects change the record. Implement them in a conftest.py or a plugin; see docs/mapping.md.

All implementations are called, the closest conftest.py first (`tryfirst` and `trylast` are respected, wrappers are rejected).
Each field comes from the first result that has it; lists are concatenated. If an implementation raises or returns an invalid
value, only its result is lost, and the terminal summary has a line about it. No hook is called if the session is not recorded.
"""

from __future__ import annotations  # an older pytest without these names gets a message of the plugin

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .mapping import CardMapping, Notes, Outcome, RunMapping, StepMapping


@pytest.hookspec
def pytest_atlas_run(config: pytest.Config) -> RunMapping | str | None:
    """Title, description and links of the run; a text is a title.

    Called once, when the session starts, in the only process or in xdist's controller, never in a worker. Settings (command
    line, environment, ini file) take precedence over title and description; assets, issues and templates are added to them.
    """


@pytest.hookspec
def pytest_atlas_card(item: pytest.Item) -> CardMapping | str | None:
    """The card that a test belongs to; a text is its title.

    Called for each collected test before the first one runs; with xdist in each worker, where the results must be
    equal. Each given field takes precedence over the `atlas_card` marker and over the class or module of the test.
    """


@pytest.hookspec
def pytest_atlas_step(item: pytest.Item) -> StepMapping | str | None:
    """Title and type of a test's step; a text is its title, without formatting.

    Called together with `pytest_atlas_card`. Each given field takes precedence over the `atlas_step` marker.
    """


@pytest.hookspec
def pytest_atlas_artifacts(
    item: pytest.Item, report: pytest.TestReport
) -> Iterable[str | PathLike[str] | tuple[str, str | PathLike[str]]] | str | PathLike[str] | None:
    """Files that become data files of the test's step: paths, or pairs of the name that Atlas shows and a path.

    Called for each phase of a test (set-up, call, teardown), in the process that runs it, right after the phase. The files
    are copied during the call.
    """


@pytest.hookspec
def pytest_atlas_outcome(item: pytest.Item, outcome: Outcome) -> Notes | str | None:
    """Notes on a test's step; a text is one note.

    Called once for each test, in the process that runs it, after its last attempt and before its end is
    recorded; not for an interrupted test.
    """
