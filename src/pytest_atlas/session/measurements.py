"""The measurements of a card as one CSV file, so that the analysis in Atlas can read them. Pure.

A row is one value. The file has the values of all attempts; those of superseded attempts are not `valid`, and statistics
use only valid rows. The file is made after the session, because tests can run again during the session.
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from pytest_atlas.base.quantities import limit_cells, to_cell
from pytest_atlas.journal import events as ev

from .history import history_of, measured_in
from .model import Test
from .state import SessionState

HEADER = (
    "test", "name", "value", "unit", "low", "high", "verdict", "time", "attempt", "session", "valid",
    "step", "dut", "bench", "firmware",
)  # fmt: skip
"""The columns. `step` has the titles of the inner step and of the steps around it; the journal has no device or bench yet."""


def text(state: SessionState, card: str) -> str:
    """Return the content of the file of the card with this key."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for test in state.measured_tests(card):
        writer.writerows(_rows(state, test))
    return out.getvalue()


def _rows(state: SessionState, test: Test) -> Iterator[tuple[str, ...]]:
    session = state.session.session if state.session else ""
    for number, attempt in enumerate(history_of(state, test).attempts, start=1):
        counted = test.counted(before=attempt.execution.started)
        origin = (str(counted + number), session, "false" if attempt.is_superseded else "true")
        for m in measured_in(attempt.execution.reported.inside, attempt.number):
            step = " > ".join(attempt.execution.titles_around(m.attempt, m.step))
            yield from ((*row, *origin, step, "", "", "") for row in _values(test, m))


def _values(test: Test, m: ev.Measured) -> Iterator[tuple[str, ...]]:
    time = datetime.fromtimestamp(m.at, UTC).isoformat(timespec="microseconds")
    low, high = limit_cells(m.low, m.high, m.equal, m.one_of)
    for value in m.values:
        yield (test.nodeid, m.name, to_cell(value), m.unit, low, high, m.verdict, time)
