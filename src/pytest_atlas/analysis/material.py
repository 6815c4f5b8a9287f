"""What an analysis is made of: plain values that the store hands over. Pure; no SQL, no file is open."""

from collections.abc import Iterator
from dataclasses import dataclass

MEASUREMENTS = "measurements.csv"
"""The name of a card's file of measurements."""

MOST_RUNS = 20
"""Most earlier runs that a run is compared with."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the scope."""

    card: str
    title: str
    status: str
    description: str = ""
    exception: str | None = None
    duration_s: float | None = None

    @property
    def mark(self) -> str:
        """The test that the step stands for, as the last line of its description says (`pytest: <nodeid>`); else empty."""
        last = self.description.rstrip().rpartition("\n")[2].strip()
        return last.removeprefix("pytest: ") if last.startswith("pytest: ") else ""


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step of an earlier run of the same system, in a card of the same title."""

    run: str  # TR-0042
    card: str
    title: str
    status: str
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class File:
    """A registered data file of the scope; `size` in bytes is what was said at its registration."""

    name: str
    url: str
    size: int
    card: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class PastFile:
    """A file of measurements of an earlier run, on a card of the same title; `order` grows with the runs' time."""

    order: int
    card: str
    url: str


@dataclass(frozen=True, slots=True)
class Material:
    """All that a report can say something about. Everything of the past is oldest first."""

    title: str
    scope: str  # run, card, step
    context: str
    steps: tuple[Step, ...]
    files: tuple[File, ...]
    past_steps: tuple[PastStep, ...] = ()
    past_files: tuple[PastFile, ...] = ()

    def tests(self) -> Iterator[Step]:
        """The steps without those inside of another one."""
        marks = {(step.card, step.mark) for step in self.steps if step.mark}
        for step in self.steps:
            pieces = step.mark.split(" > ")
            outer = (" > ".join(pieces[:n]) for n in range(1, len(pieces)))
            if not any((step.card, mark) in marks for mark in outer):
                yield step


@dataclass(frozen=True, slots=True)
class Analysis:
    """A report's text: one line, and Markdown."""

    summary: str
    content: str
