"""What failed in a session and what was said about it: the reports of the last attempts and the measurements. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pytest_atlas.journal import events as ev
from pytest_atlas.session import desired, measurement_texts
from pytest_atlas.session.history import Attempt, history_of, measured_in
from pytest_atlas.session.model import Collection, InnerStep, Test
from pytest_atlas.session.outcomes import DIED
from pytest_atlas.session.state import SessionState
from pytest_atlas.session.texts import first_line


class Said(NamedTuple):
    """What one report said of a failure."""

    where: str  # "setup", "subtest 0.3 N·m", "collection"
    place: str  # "tests/test_trip.py:42"
    message: str

    @property
    def line(self) -> str:
        """The failure's line, with the phase where it was not the test's own call."""
        line = first_line(self.message) or "failed"
        return line if self.where == "call" else f"{self.where}: {line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A failed step with all that it is judged by. The steps inside a test are told with it."""

    key: str
    title: str
    card: str
    nodeid: str
    said: tuple[Said, ...]
    measured: tuple[tuple[str, ev.Measured], ...] = ()  # with the title of the step inside the test that it was made in
    inner: tuple[str, ...] = ()  # titles of the steps inside that failed

    @property
    def violations(self) -> list[ev.Measured]:
        """The measurements that are out of limits."""
        return [m for _, m in self.measured if m.verdict == "fail"]

    @property
    def others(self) -> list[Said]:
        """What was said besides of violated limits, which speak for themselves."""
        return [said for said in self.said if not (self.violations and said.message.startswith(measurement_texts.VIOLATED))]


def failures(facts: SessionState) -> Iterator[Failed]:
    """Every failed test and collection, in the order of the plan."""
    inside: defaultdict[str, list[InnerStep]] = defaultdict(list)
    for step in facts.steps.values():
        if isinstance(step, InnerStep):
            inside[step.test.key].append(step)
    for key, step in facts.steps.items():
        if isinstance(step, InnerStep) or desired.step(facts, key).status != "failed":
            continue
        card = desired.card(facts, step.card).title
        yield _collection(step, card) if isinstance(step, Collection) else _test(facts, step, card, inside[key])


def _collection(step: Collection, card: str) -> Failed:
    said = Said("collection", step.event.place, step.event.message)
    return Failed(key=step.key, title="collection", card=card, nodeid=step.event.nodeid, said=(said,))


def _test(facts: SessionState, test: Test, card: str, inner: list[InnerStep]) -> Failed:
    attempts = history_of(facts, test).valid
    titles = {step.ordinal: step.title for step in reversed(inner)}
    return Failed(
        key=test.key,
        title=desired.step(facts, test.key).title,
        card=card,
        nodeid=test.nodeid,
        said=tuple(dict.fromkeys(said for attempt in attempts for said in _said(attempt))),
        measured=tuple((titles.get(m.step, ""), m) for attempt in attempts for m in _measured(attempt)),
        inner=tuple(s.title for s in inner if desired.step(facts, s.key).status == "failed"),
    )


def _said(attempt: Attempt) -> Iterator[Said]:
    execution = attempt.execution
    if attempt.died:
        yield Said("call", "", f"{DIED}{f' on {execution.worker}' if execution.worker else ''}")
    for phase in execution.reported.phases:
        if phase.attempt == attempt.number and phase.outcome == "failed":
            yield Said(phase.when, phase.place, phase.message)
    for subtest in execution.reported.subtests:
        if subtest.attempt == attempt.number and subtest.outcome == "failed":
            yield Said(f"subtest {subtest.title or subtest.ordinal}", subtest.place, subtest.message)


def _measured(attempt: Attempt) -> list[ev.Measured]:
    return list(measured_in(attempt.execution.reported.inside, attempt.number))
