"""All measurements of a card as one CSV file, so that Atlas's analysis finds them as data. Pure.

A row is one value; the last attempt of a test counts. The file is made when the session is over: before, a test may run again.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from pytest_atlas.base.quantities import limit_cells, to_cell
from pytest_atlas.journal import events as ev

from .parts import Card, Test

FILE_NAME = "measurements.csv"
HEADER = ("test", "name", "value", "unit", "low", "high", "verdict", "time")


def files(cards: Mapping[str, Card], tests: Iterable[Test]) -> Iterator[tuple[str, ev.FileKept]]:
    """The key of each card that has measurements, and its file, which `text` is to be written into."""
    measured = dict.fromkeys(test.card for test in tests if any(_of(test)))
    for key in measured:
        path = f"files/measurements-{hashlib.sha256(cards[key].key.encode()).hexdigest()[:16]}.csv"
        yield key, ev.FileKept(name=FILE_NAME, path=path, size=0, at=0.0)


def text(card: str, tests: Iterable[Test]) -> str:
    """The file of the card with this key."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for test in tests:
        if test.card == card:
            writer.writerows(row for m in _of(test) for row in _rows(test, m))
    return out.getvalue()


def _of(test: Test) -> Iterator[ev.Measured]:
    for execution in test.executions.values():
        if execution.inside is not None:
            yield from (m for m in execution.inside.measured if m.attempt == execution.attempts)


def _rows(test: Test, m: ev.Measured) -> Iterator[tuple[str, ...]]:
    time = datetime.fromtimestamp(m.at, UTC).isoformat(timespec="microseconds")
    low, high = limit_cells(m.low, m.high, m.equal, m.one_of)
    for value in m.values:
        yield (test.planned.nodeid, m.name, to_cell(value), m.unit, low, high, m.verdict, time)
