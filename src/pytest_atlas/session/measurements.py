"""The measurements of a card as one CSV file, so that the analysis in Atlas can read them. Pure.

A row is one value; of a measurement with axes, it is the worst point, and a data file has all points. The file has the values
of all attempts; those of superseded attempts are not `valid`, and statistics use only valid rows. The file is made after the
session, because tests can run again during the session.
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from pytest_atlas.base.quantities import limit_cells, to_cell
from pytest_atlas.journal import events as ev

from .history import history_of, measured_in
from .measured import limits_of_value, verdict_of, verdict_of_value
from .measurement_texts import point_of
from .model import Test
from .state import SessionState

HEADER = (
    "test", "name", "value", "unit", "low", "high", "verdict", "time", "attempt", "session", "valid",
    "step", "dut", "bench", "firmware",
)  # fmt: skip
"""The columns of every file. `step` has the titles of the inner step and of the steps around it; the journal has no device or
bench yet."""
OPTIONAL = (
    "exclusive", "marginal_low", "marginal_high", "uncertainty", "k", "rule", "accepted_low", "accepted_high",
    "point", "points", "points_out", "data_file", "na",
)  # fmt: skip
"""Further columns, which a file has only if one of its measurements needs them."""

Cells = dict[str, str]


def text(state: SessionState, card: str) -> str:
    """Return the content of the file of the card with this key."""
    rows = [row for test in state.measured_tests(card) for row in _rows(state, test)]
    used = {name for row in rows for name, cell in row.items() if cell}
    out = io.StringIO()
    writer = csv.DictWriter(
        out, [*HEADER, *(name for name in OPTIONAL if name in used)], extrasaction="ignore", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _rows(state: SessionState, test: Test) -> Iterator[Cells]:
    session = state.session.session if state.session else ""
    for number, attempt in enumerate(history_of(state, test).attempts, start=1):
        counted = test.counted(before=attempt.execution.started)
        origin = {
            "attempt": str(counted + number), "session": session, "valid": "false" if attempt.is_superseded else "true"
        }  # fmt: skip
        for m in measured_in(attempt.execution.reported.inside, attempt.number):
            step = " > ".join(attempt.execution.titles_around(m.attempt, m.step))
            yield from (row | origin | {"step": step} for row in _values(test, m))


def _values(test: Test, m: ev.Measured) -> Iterator[Cells]:
    time = datetime.fromtimestamp(m.at, UTC).isoformat(timespec="microseconds")
    common = {"test": test.nodeid, "name": m.name, "unit": m.unit, "time": time, "exclusive": m.exclusive, "na": m.na}
    if m.points:
        common |= _points(m.points)
    if not m.values:
        yield {**common, "value": "", "verdict": m.verdict}
    for index, value in enumerate(m.values):
        limits = limits_of_value(m, index)
        low, high = limit_cells(limits.low, limits.high, m.equal, m.one_of, m.matches)
        cells = {"value": to_cell(value), "low": low, "high": high}
        verdict = verdict_of(m) if m.points else verdict_of_value(m, index)
        yield {**common, **cells, "verdict": verdict, **_acceptance(m, index)}


def _acceptance(m: ev.Measured, index: int) -> Cells:
    """Return the cells of the marginal limits, the uncertainty and the acceptance limits."""
    limits = limits_of_value(m, index)
    cells = {"marginal_low": limits.marginal_low, "marginal_high": limits.marginal_high}
    if m.acceptance:
        cells |= {"uncertainty": limits.uncertainty, "k": m.acceptance.k, "rule": m.acceptance.rule}
        cells |= {"accepted_low": limits.accepted_low, "accepted_high": limits.accepted_high}
    return cells


def _points(points: ev.Points) -> Cells:
    return {
        "point": point_of(points), "points": str(points.count), "points_out": str(points.out), "data_file": points.file
    }  # fmt: skip
