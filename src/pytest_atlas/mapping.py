"""What the hooks of other projects are given and what they may return. Public: `from pytest_atlas import CardMapping`.

None says that the hook has no opinion: what the settings, the markers and the place in the tests say, stands.
"""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import pytest


@dataclass(frozen=True, slots=True)
class RunMapping:
    """The run of a session. The ids are UUIDs as Atlas shows them; they are added to those of the settings."""

    title: str | None = None
    _: KW_ONLY
    description: str | None = None
    assets: Iterable[str] = ()  # physical assets under test
    issues: Iterable[str] = ()
    templates: Iterable[str] = ()  # card templates to instantiate in the run


@dataclass(frozen=True, slots=True)
class CardMapping:
    """The card that a test belongs to. Tests with the same title are on one card, whatever file they are in."""

    title: str | None = None
    _: KW_ONLY
    description: str | None = None
    template: str | None = None  # uuid of the card template in Atlas that the card is made from


@dataclass(frozen=True, slots=True)
class StepMapping:
    """The step of a test. `step_type` is "passfail" or a type that is configured in your Atlas."""

    title: str | None = None
    _: KW_ONLY
    step_type: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended, after its last attempt."""

    result: Literal["passed", "failed", "skipped", "xfailed", "xpassed"]
    attempts: int  # how often it was run: more than 1 where a plugin ran it again
    reports: tuple[pytest.TestReport, ...]  # of the last attempt: set-up, call, teardown, and those of subtests


@dataclass(frozen=True, slots=True)
class Notes:
    """What a hook adds to a test's step: lines of its description, and what it passes in spite of (an exception)."""

    notes: Iterable[str] = ()
    exceptions: Iterable[str] = ()  # they count where the test passes: no hook makes a failed test pass
