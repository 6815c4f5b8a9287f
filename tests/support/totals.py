"""What the tests of faults and of chaos have counted, added up over all of them and shown at the end of a run.

A test gives its figures to `record_property`, so that they come from xdist's workers, too.
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
    "facts recorded",
    "records due in Atlas",
    "records in Atlas",
    "duplicates",
)
"""In the order of the table."""


def give(record_property: Callable[[str, object], None], totals: Mapping[str, int]) -> None:
    """Hand over what one test has counted."""
    unknown = totals.keys() - set(ROWS)
    assert not unknown, unknown
    record_property(NAME, dict(totals))


def add_up(reports: Iterable[Any]) -> Counter[str]:
    """The figures of all reports of tests' calls and teardowns; each test counts once."""
    totals: Counter[str] = Counter()
    for report in reports:
        if getattr(report, "when", "") == "teardown":
            for name, value in report.user_properties:
                if name == NAME:
                    totals.update(value)
    return totals


def table(totals: Mapping[str, int]) -> Iterator[str]:
    """Lines to be shown; none where nothing was counted."""
    if totals:
        yield from (f"{name:<24}{totals.get(name, 0):>12,}" for name in ROWS)
