"""The hooks by which other projects adapt what is recorded. Implement them in a conftest.py or a plugin; see docs/mapping.md.

All implementations are called, the closest conftest.py first (`tryfirst` and `trylast` hold, wrappers are refused). Of what
several return, the first word counts for each field, and lists are added up. One that raises, or returns what can't be
used, costs its own contribution and gives one closing line. None of them is called where no session is recorded.
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

    Called once, when the session starts, in the only process or in xdist's controller, never in a worker. What the user
    set (command line, environment, ini file) counts over the title and the description; assets, issues and templates are added.
    """


@pytest.hookspec
def pytest_atlas_card(item: pytest.Item) -> CardMapping | str | None:
    """The card that a test belongs to; a text is its title.

    Called for each collected test before the first one runs; with xdist in each worker, and the answers must be the same
    there. Each field that is given counts over the `atlas_card` marker and over the test's class or module.
    """


@pytest.hookspec
def pytest_atlas_step(item: pytest.Item) -> StepMapping | str | None:
    """Title and type of a test's step; a text is its title, as it stands.

    Called when `pytest_atlas_card` is. Each field that is given counts over the `atlas_step` marker and the test's name.
    """


@pytest.hookspec
def pytest_atlas_artifacts(
    item: pytest.Item, report: pytest.TestReport
) -> Iterable[str | PathLike[str] | tuple[str, str | PathLike[str]]] | str | PathLike[str] | None:
    """Files that become data files of the test's step: paths, or pairs of the name that Atlas shows and a path.

    Called for each phase of a test (set-up, call, teardown), in the process that runs it, right after the phase. The files
    are copied at once, one after the other.
    """


@pytest.hookspec
def pytest_atlas_outcome(item: pytest.Item, outcome: Outcome) -> Notes | str | None:
    """Notes on a test's step; a text is one note.

    Called once for each test, in the process that runs it, when its last attempt is over and right before its end is
    recorded; not for a test that was interrupted.
    """
