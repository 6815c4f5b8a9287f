"""The statuses of the API: the only list of them, their order and their labels. Imports the standard library only."""

from typing import Final, Literal

ExecutionStatus = Literal["todo", "done", "passed", "passed_with_exception", "failed"]
"""Status of a step."""

ReportStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
"""Status of an analysis report."""

SEVERITY: Final[tuple[ExecutionStatus, ...]] = ("todo", "done", "passed", "passed_with_exception", "failed")
"""All statuses of a step, ordered by weight: if a step has several outcomes, the last of them in this order counts."""

COUNTED: Final[tuple[ExecutionStatus, ...]] = ("passed", "done", "passed_with_exception", "failed", "todo")
"""All statuses of a step, in the order in which counts are shown to people."""

LABELS: Final[dict[str, str]] = {
    "todo": "to do",
    "done": "done",
    "passed": "passed",
    "passed_with_exception": "passed with exception",
    "failed": "failed",
}
"""Status of a step -> its words for people."""

GOOD: Final[tuple[ExecutionStatus, ...]] = ("passed", "passed_with_exception", "done")
"""Statuses of a step that has run and has not failed."""


def label(status: str) -> str:
    """Return the words for a status of a step; a status that the API document does not list is returned unchanged."""
    return LABELS.get(status, status)
