"""Failures of a run, grouped by message, and tests that passed with an exception. Pure.

A failure is read from the description of a step in Atlas (`failures`), or built from the session model with all its reports
and measurements (`sources`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_atlas.descriptions import decisive_line, enclosing, failure_reason

from .inputs import Step
from .margins import Measurement
from .markdown import MAX_ROWS, Section, bold, bullets, capped, count, names, prose

_NUMBER = re.compile(r"0x[0-9a-fA-F]+|(?<![A-Za-z_])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class FailureReport:
    """One report about a failure, from the session model."""

    where: str  # "setup", "subtest 0.3 N·m", "collection"
    place: str  # "tests/test_trip.py:42"
    message: str
    is_violation: bool = False  # whether the message only repeats violated limits

    @property
    def line(self) -> str:
        """The decisive line of the message, with the phase unless it is the call."""
        line = decisive_line(self.message) or "failed"
        return line if self.where == "call" else f"{self.where}: {line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failed test or collection. The failures of its inner steps are part of it."""

    step: Step
    nodeid: str  # of the test, or of the module that could not be collected
    message: str  # one line
    reports: tuple[FailureReport, ...] = ()
    measurements: tuple[Measurement, ...] = ()  # the most urgent one first
    inner: tuple[str, ...] = ()  # titles of the failed inner steps

    @property
    def violations(self) -> list[Measurement]:
        """The measurements that are out of limits."""
        return [m for m in self.measurements if m.verdict == "fail"]

    @property
    def other_reports(self) -> list[FailureReport]:
        """The reports without those that only repeat the violations."""
        return [report for report in self.reports if not (self.violations and report.is_violation)]


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures whose messages differ in numbers only."""

    message: str  # of the first failure
    failures: tuple[Failure, ...]


def failures(steps: Iterable[Step]) -> list[Failure]:
    """Return the failed steps with the messages of their descriptions."""
    return [
        Failure(step=step, nodeid=step.nodeid, message=failure_reason(step.description))
        for step in steps
        if step.status == "failed"
    ]


def group(found: Iterable[Failure]) -> list[FailureGroup]:
    """Group failures by message, the largest group first."""
    groups: dict[str, list[Failure]] = defaultdict(list)
    for failure in found:
        groups[_NUMBER.sub("#", failure.message)].append(failure)
    return sorted((FailureGroup(some[0].message, tuple(some)) for some in groups.values()), key=lambda g: -len(g.failures))


def exceptions(steps: Iterable[Step]) -> list[Step]:
    """Return the steps that passed with an exception, without inner steps whose note is part of their test's note."""
    notes: dict[tuple[str, str], str] = defaultdict(str)  # (card, nodeid) -> notes
    found = []
    for step in steps:
        if step.status != "passed_with_exception":
            continue
        outer = [notes[step.card, nodeid] for nodeid in enclosing(step.nodeid)]
        notes[step.card, step.nodeid] += f"{step.exception or ''}\n"
        if not any((step.exception or "") in note for note in outer if note):
            found.append(step)
    return found


def step_name(step: Step) -> str:
    """Return the card and the title of a step, in bold."""
    return bold(f"{prose(step.card, 100)} > {prose(step.title, 100)}")


def failures_section(groups: Sequence[FailureGroup]) -> Section | None:
    """Return the report section about failures; None without any."""
    if not groups:
        return None
    failed = sum(len(group.failures) for group in groups)
    title = f"Failed ({failed})" if len(groups) == failed else f"Failed ({failed}, for {count(len(groups), 'reason')})"
    return Section(title, capped(groups, MAX_ROWS, lambda some: "\n".join(map(_group, some)), "reasons"))


def exceptions_section(steps: Sequence[Step]) -> Section | None:
    """Return the report section about tests that passed with an exception; None without any."""
    if not steps:
        return None
    entries = [step_name(step) + (f": {prose(step.exception)}" if step.exception else "") for step in steps]
    return Section(f"Passed with exception ({len(steps)})", capped(entries, MAX_ROWS, bullets, ""))


def _group(group: FailureGroup) -> str:
    """A message with its steps, or a single step with its message."""
    steps = [failure.step for failure in group.failures]
    reason = prose(group.message, 300) or "no reason given"
    if len(steps) == 1:
        return f"- {step_name(steps[0])}: {reason}"
    cards = list(dict.fromkeys(step.card for step in steps))
    lines = (f"  - {prose(card, 100)} > {names([s.title for s in steps if s.card == card])}" for card in cards[:5])
    more = [f"  - … in {count(len(cards) - 5, 'more card')}"] if len(cards) > 5 else []
    return "\n".join([f"- {len(steps)} × {reason}", *lines, *more])
