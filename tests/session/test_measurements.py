"""The file with the measurements of a card: the analysis reads the values that the test recorded."""

import io
import json
import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.events import fold, opened, session

from pytest_atlas.analysis.measurements import Details, Row, read_rows
from pytest_atlas.analysis.reading import _table
from pytest_atlas.base.quantities import Scalar, from_cell, to_exact
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.fixture import measurement_events
from pytest_atlas.fixture.measurement import measurement
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.session import measurement_texts, measurements

CLEAN = Cleaner({})
texts = st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(
    [
        "",
        "a\\b",
        '"quoted"',
        "it's",
        "two\nlines",
        "a\r\nb",
        "a,b;c\td",
        "0012",
        "nan",
        "True",
        "one of 'a'",
        "µΩ",
        "\ud800",
        "\0",
    ]
)
names = texts.filter(lambda text: bool(text.strip()))
scalars = st.booleans() | st.integers(-(2**80), 2**80) | st.floats() | texts


def through_the_journal(event: ev.Measured) -> ev.Measured:
    found = decode.event(json.dumps(ev.to_json_dict(event, CLEAN)).encode())
    assert isinstance(found, ev.Measured)
    return found


def through_the_file(*events: ev.Measured | ev.StepOpened) -> list[Row]:
    nodeid = events[0].nodeid
    card = ev.PlannedCard("module", "test_it.py")
    plan = ev.Planned(cards=(card,), tests=(ev.PlannedTest(nodeid, "test", 0),))
    started, ended = ev.TestStarted(nodeid=nodeid, at=1.0), ev.TestEnded(nodeid=nodeid, at=2.0)
    state = fold(opened(), session(), plan, ev.PlanCompleted(at=1.0, count=1), started, *events, ended, gone=True)
    content = measurements.text(state, "card:module:test_it.py")
    content.encode()  # it is written as UTF-8
    return list(read_rows(_table(io.StringIO(content, newline=""))))


def same(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


def measured(name: str, unit: str, values: list[Scalar]) -> ev.Measured:
    recorded = tuple(map(to_exact, values))
    return ev.Measured(nodeid="test_it.py::test", name=name, unit=unit, values=recorded, verdict="none", at=1.0)


@given(names, texts, st.lists(scalars, min_size=1, max_size=5))
def test_names_units_and_values_are_read_without_loss(name: str, unit: str, values: list[Scalar]) -> None:
    rows = through_the_file(through_the_journal(measured(name, unit, values)))
    assert [(row.name, row.unit) for row in rows] == [(CLEAN(name), CLEAN(unit))] * len(values), "as recorded in the journal"
    assert all(same(from_cell(row.value), value) for row, value in zip(rows, values, strict=True))
    assert [row.number is None for row in rows] == [isinstance(value, str | bool) for value in values]


@given(st.lists(texts | st.integers(), min_size=1, max_size=4))
def test_several_allowed_values_are_one_cell(one_of: list[Scalar]) -> None:
    event = replace(measured("mode", "", ["CC"]), one_of=tuple(map(to_exact, one_of)), verdict="fail")
    (row,) = through_the_file(through_the_journal(event))
    assert (row.low, row.high) == (None, None), "no distance to a limit is computed"
    assert row.equal == f"one of {', '.join(map(to_exact, one_of))}"
    assert row.equal in measurement_texts.measurement_line(event)


def test_numbers_that_differ_only_in_late_digits_are_shown_with_all_digits() -> None:
    event = replace(measured("sum", "V", [0.1 + 0.2]), equal="0.3", verdict="fail")
    assert measurement_texts.measurement_line(event) == "sum: 0.30000000000000004 V (= 0.3 V) OUT OF LIMITS"


def kept(name: str, *value: Any, **arguments: Any) -> list[Row]:
    """Return the rows of a measurement that a test records."""
    made = measurement(name, *value, **arguments)
    event = measurement_events.measured(made, ev.AttemptIdentity("test_it.py::test"), 0, "gain over f.csv" if made.axes else "")
    return through_the_file(through_the_journal(event))


def test_each_value_has_its_own_limits() -> None:
    rows = kept("cells", [3.3, 3.9], low=[3.2, 3.4], high=3.6)
    assert [(row.low, row.high, row.verdict) for row in rows] == [(3.2, 3.6, "fail"), (3.4, 3.6, "fail")]


def test_specification_and_acceptance_limits_are_both_in_the_file() -> None:
    (row,) = kept("rail", 12.46, low=12, high=13, uncertainty=0.5, k=3, rule="guard")
    assert (row.low, row.high, row.verdict) == (12, 13, "fail")
    assert row.decisive == (12.5, 12.5)
    assert row.details == Details(accepted=(12.5, 12.5), uncertainty=0.5, k=3, rule="guard")
    (simple,) = kept("rail", 12.46, low=12, high=13, uncertainty=0.5)
    assert (simple.decisive, simple.details) == ((12, 13), Details(uncertainty=0.5, k=2, rule="simple"))


def test_marginal_values_have_their_own_verdict() -> None:
    assert [row.verdict for row in kept("trip", [90, 98], high=100, marginal=(None, 95))] == ["pass", "marginal"]
    assert [row.verdict for row in kept("trip", [90, 98, 101], high=100, marginal=(None, 95))] == ["fail"] * 3


def test_thousands_of_points_are_one_row() -> None:
    f, gain = list(range(1, 5001)), [0.0] * 5000
    gain[1999] = -4.0
    (row,) = kept("gain", gain, low=-3, axes={"f": (f, "Hz")})
    assert (row.number, row.low, row.verdict) == (-4, -3, "fail")
    assert row.details == Details(point="f = 2 kHz", points=5000, points_out=1, data_file="gain over f.csv")


def test_exclusive_limits_regular_expressions_and_reasons_are_read_back() -> None:
    (exclusive,) = kept("rail", 5, low=4, exclusive=True)
    (matching,) = kept("sn", "SN-7", matches=r"SN-\d")
    (absent,) = kept("dc/dc current", na="no DC/DC fitted", unit="A")
    assert exclusive.details.exclusive == "low"
    assert (matching.equal, matching.low) == (r"matches SN-\d", None)
    assert (absent.value, absent.number, absent.verdict, absent.details.na) == ("", None, "none", "no DC/DC fitted")


def test_a_file_has_only_the_further_columns_that_it_needs() -> None:
    event = measured("a", "", [1])
    plan = ev.Planned(cards=(ev.PlannedCard("module", "a.py"),), tests=(ev.PlannedTest(event.nodeid, "test", 0),))
    started, ended = ev.TestStarted(nodeid=event.nodeid, at=1.0), ev.TestEnded(nodeid=event.nodeid, at=2.0)
    state = fold(opened(), session(), plan, ev.PlanCompleted(at=1.0, count=1), started, event, ended, gone=True)
    assert measurements.text(state, "card:module:a.py").splitlines()[0] == ",".join(measurements.HEADER)


def test_the_column_step_has_the_titles_of_the_steps_around_a_measurement() -> None:
    def step(ordinal: int, inside: int, title: str) -> ev.StepOpened:
        return ev.StepOpened(nodeid="test_it.py::test", ordinal=ordinal, inside=inside, title=title, at=1.0)

    outside, inside = measured("a", "", [1]), replace(measured("b", "", [2]), step=2)
    rows = through_the_file(step(1, 0, "Ramp"), step(2, 1, "Hold"), inside, outside)
    assert [(row.name, row.step, row.attempt) for row in rows] == [("b", "Ramp > Hold", 1), ("a", "", 1)]
    assert {(row.dut, row.bench, row.firmware) for row in rows} == {("", "", "")}, "no event has them yet"


def test_steps_that_enclose_each_other_end_the_titles() -> None:
    """A journal can come from elsewhere."""
    opened_inside_itself = ev.StepOpened(nodeid="test_it.py::test", ordinal=1, inside=1, title="Ramp", at=1.0)
    (row,) = through_the_file(opened_inside_itself, replace(measured("a", "", [1]), step=1))
    assert row.step == "Ramp"
