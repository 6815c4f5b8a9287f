"""What a report says: for now the counts and the failures, in words. Pure: no store, no clock.

Statistics over the data files come here later; `analyse` is all that the reports know of it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

STATUSES = ("failed", "passed_with_exception", "passed", "done", "todo")
"""What needs a reader first comes first."""

MOST_LINES = 12
"""Most lines of a failed step's description that a report repeats."""


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What an analysis knows of a step; `card` is its card's title."""

    card: str
    title: str
    status: str
    description: str
    exception: str | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """A report's text: one line, and Markdown."""

    summary: str
    content: str


def analyse(title: str, steps: Sequence[StepFacts], file_names: Sequence[str], context: str) -> Analysis:
    """Put what was recorded into words: how many steps ended how, then the failures and the exceptions, then the data."""
    counts = Counter(step.status for step in steps)
    listed = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in STATUSES if counts[status])
    summary = f"{len(steps)} {_plural('step', len(steps))}: {listed}." if steps else "No steps."
    sections = [
        f"# {title}",
        summary,
        f"Guidance given: {context}" if context else "",
        *_section("Failed", [_failure(step) for step in steps if step.status == "failed"]),
        *_section("Passed with exception", [_note(step) for step in steps if step.status == "passed_with_exception"]),
        *_section("Data files", [f"- {name}" for name in file_names]),
    ]
    return Analysis(summary, "\n\n".join(section for section in sections if section) + "\n")


def _plural(word: str, n: int) -> str:
    return word if n == 1 else word + "s"


def _section(title: str, entries: list[str]) -> list[str]:
    return [f"## {title} ({len(entries)})", "\n".join(entries)] if entries else []


def _note(step: StepFacts) -> str:
    return f"- **{step.card} > {step.title}**" + (f": {step.exception}" if step.exception else "")


def _failure(step: StepFacts) -> str:
    """The step and the start of its description, where whoever recorded it says why it failed."""
    lines = [line for line in step.description.splitlines() if line.strip()]
    shown = [*lines[:MOST_LINES], *(["…"] if len(lines) > MOST_LINES else [])]
    return "\n".join([_note(step), *(f"      {line}" for line in shown)])
