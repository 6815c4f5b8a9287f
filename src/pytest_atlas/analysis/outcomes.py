"""What the steps say: failures by message, what fails or passes anew, what takes longer than it used to. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_atlas.atlas.statuses import GOOD
from pytest_atlas.descriptions import by_hand_line, parse_attempts, without_attempts

from .material import Material, PastStep, Step
from .stats import slower

_FAILED = re.compile(
    r"^Failed(?: in \w+)?(?: \(attempt \d+\))?(?: at .*)?:\n(.*\S.*)(?:(?=\n(.*)))?|^(pytest died .*)", re.MULTILINE
)
"""How a step's description says why it failed; of several attempts the last one counts."""
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|(?<![A-Za-z_])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Named(NamedTuple):
    """A step as it is found again in other runs: the nth of its title in the cards of one title."""

    card: str
    title: str
    nth: int


@dataclass(frozen=True, slots=True)
class Group:
    """Failed steps with one message, but for its numbers; `example` is the first one's."""

    example: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A step whose outcome differs from the one it had when it last ran, in the run named."""

    step: Step
    before: str
    run: str


@dataclass(frozen=True, slots=True)
class Slower:
    """A step that took longer than the median of its earlier runs."""

    step: Step
    usual_s: float
    now_s: float
    n: int


def message(step: Step) -> str:
    """Why a step failed, on one line: what its description says of it, else the description's first line."""
    if by_hand := by_hand_line(step.description):
        return by_hand
    found = _FAILED.findall(step.description)
    if found:
        first, second, died = (part.strip() for part in found[-1])
        return f"{first} {second}".strip() if first.endswith(":") else first or died
    attempts = parse_attempts(step.description)
    newest = next((a for a in attempts.attempts if a.outcome in ("failed", "died") and a.message), None) if attempts else None
    if newest:
        return newest.message
    lines = (line.strip() for line in without_attempts(step.description).splitlines())
    return next((line for line in lines if line and not line.startswith("pytest: ")), "")


def failures(steps: Iterable[Step]) -> list[Group]:
    """The failed steps by message, the most frequent one first."""
    groups: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        if step.status == "failed":
            groups[_NUMBER.sub("#", message(step))].append(step)
    return sorted((Group(message(group[0]), tuple(group)) for group in groups.values()), key=lambda g: -len(g.steps))


def _named(steps: Iterable[Step | PastStep]) -> Iterable[tuple[Named, Step | PastStep]]:
    seen: dict[tuple[object, ...], int] = defaultdict(int)
    for step in steps:
        place = (getattr(step, "run", ""), step.card, step.title)
        yield Named(step.card, step.title, seen[place]), step
        seen[place] += 1


@dataclass(frozen=True, slots=True)
class Since:
    """What is different from earlier runs."""

    failing: tuple[Change, ...]
    passing: tuple[Change, ...]
    slower: tuple[Slower, ...]


def since(material: Material) -> Since:
    """Compare each test's step with the same one of earlier runs: with the last run in which it ran, and with all of them."""
    past: dict[Named, list[PastStep]] = defaultdict(list)
    for name, step in _named(material.past_steps):
        if isinstance(step, PastStep) and step.status != "todo":
            past[name].append(step)
    tests = {id(step) for step in material.tests()}
    now = [(step, past[name]) for name, step in _named(material.steps) if isinstance(step, Step) and id(step) in tests]
    changes = [Change(step, earlier[-1].status, earlier[-1].run) for step, earlier in now if earlier]
    return Since(
        tuple(c for c in changes if c.step.status == "failed" and c.before in GOOD),
        tuple(c for c in changes if c.step.status in GOOD and c.before == "failed"),
        tuple(sorted(_slower(now), key=lambda s: s.usual_s / s.now_s)),
    )


def _slower(now: Sequence[tuple[Step, list[PastStep]]]) -> Iterable[Slower]:
    for step, earlier in now:
        # What failed may have ended early: it tells nothing of the time that the test takes.
        usual = [e.duration_s for e in earlier if e.duration_s is not None and e.status in GOOD]
        if step.duration_s is not None and (middle := slower(step.duration_s, usual)) is not None:
            yield Slower(step, middle, step.duration_s, len(usual))
