"""Add up the numbers that the fault and chaos tests count, and print them at the end of the session.

A test passes its numbers to `record_property`, so that they also arrive from xdist workers.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

NAME = "totals"
ROWS = (
    "rounds",
    "sessions",
    "publishers",
    "killed: publisher",
    "killed: pytest",
    "killed: server",
    "torn: journal",
    "torn: receipts",
    "mutated: journal",
    "mutated: receipts",
    "mutated: links",
    "mutated: files",
    "commands",
    "disk full",
    "faults",
    "late effects",
    "events recorded",
    "records due in Atlas",
    "records in Atlas",
    "duplicates",
)
"""The rows of the table, in order."""


def give(record_property: Callable[[str, object], None], totals: Mapping[str, int]) -> None:
    """Record the numbers of one test."""
    unknown = totals.keys() - set(ROWS)
    assert not unknown, unknown
    record_property(NAME, dict(totals))


def add_up(reports: Iterable[Any]) -> Counter[str]:
    """Return the sum over all tests. Only the report of the teardown counts, so that each test counts once."""
    totals: Counter[str] = Counter()
    for report in reports:
        if getattr(report, "when", "") == "teardown":
            for name, value in report.user_properties:
                if name == NAME:
                    totals.update(value)
    return totals


def table(totals: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines of the table; none if nothing was counted."""
    if totals:
        yield from (f"{name:<24}{totals.get(name, 0):>12,}" for name in ROWS)
