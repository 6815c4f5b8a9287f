"""The arguments and results of the hooks. Public: `from pytest_atlas import CardMapping`.

With None, the field comes from the settings, the markers, or the class and module of the test.
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
    """The card that a test belongs to. Tests with the same title are on one card, across files."""

    title: str | None = None
    _: KW_ONLY
    description: str | None = None
    template: str | None = None  # UUID of the card template in Atlas


@dataclass(frozen=True, slots=True)
class StepMapping:
    """The step of a test. `step_type` is "passfail" or a type that is configured in your Atlas."""

    title: str | None = None
    _: KW_ONLY
    step_type: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a test, after its last attempt."""

    result: Literal["passed", "failed", "skipped", "xfailed", "xpassed"]
    attempts: int  # number of executions: more than 1 if a plugin ran the test again
    reports: tuple[pytest.TestReport, ...]  # of the last attempt: set-up, call, teardown, and those of subtests


@dataclass(frozen=True, slots=True)
class Notes:
    """Lines for the description of a step, and notes of exceptions."""

    notes: Iterable[str] = ()
    exceptions: Iterable[str] = ()  # used if the test passes; the status is then passed_with_exception
