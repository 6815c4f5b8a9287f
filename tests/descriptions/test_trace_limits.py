"""The JSON file with the limits and marks of a trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.descriptions import (
    ColumnLimits,
    Mark,
    TraceLimits,
    is_trace_limits,
    parse_trace_limits,
    render_trace_limits,
    trace_limits_name,
    trace_of_limits,
)

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
sides = st.tuples(numbers | st.none(), numbers | st.none()).filter(lambda pair: pair != (None, None))
limits = st.builds(lambda column, unit, pair: ColumnLimits(column, unit, *pair), texts, texts, sides)
traces = st.builds(
    TraceLimits,
    texts,
    st.lists(limits, max_size=4).map(tuple),
    st.lists(st.builds(Mark, texts, numbers), max_size=4).map(tuple),
)


@given(traces)
def test_a_file_is_parsed_as_it_was_rendered(found: TraceLimits) -> None:
    assert parse_trace_limits(render_trace_limits(found)) == found


def test_the_content_is_as_documented() -> None:
    found = TraceLimits(
        "rail.csv", (ColumnLimits("rail", "V", 7.5, 12.6), ColumnLimits("gate", high=1)), (Mark("trip", 0.1024),)
    )
    assert render_trace_limits(found) == (
        '{"trace": "rail.csv", "limits": [{"column": "rail", "unit": "V", "low": 7.5, "high": 12.6}, '
        '{"column": "gate", "high": 1}], "marks": [{"name": "trip", "at": 0.1024}]}\n'
    )
    assert found.of("rail").high == 12.6
    assert found.of("other") == ColumnLimits("other")


@pytest.mark.parametrize("trace", ["rail.csv", "RAIL.CSV", "rail 3.3V.csv"])
def test_the_name_of_the_file_names_its_trace(trace: str) -> None:
    assert trace_of_limits(trace_limits_name(trace)) == trace
    assert is_trace_limits(trace_limits_name(trace))
    assert not is_trace_limits(trace)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"limits": []}', '{"trace": 3}', "[" * 100_000, b"\xff\xfe\x00", "nan"], ids=range(9)
)
def test_other_content_has_no_limits(content: str | bytes) -> None:
    assert parse_trace_limits(content) is None


@pytest.mark.parametrize(
    "limits",
    ["3", "{}", '["x"]', '[{"column": 1, "low": 1}]', '[{"column": "a"}]', '[{"column": "a", "low": true}]',
     '[{"column": "a", "low": NaN}]', '[{"column": "a", "low": 1e999}]', '[{"column": "a", "low": 1, "unit": 3}]'],
)  # fmt: skip
def test_invalid_limits_are_left_out(limits: str) -> None:
    assert parse_trace_limits(f'{{"trace": "a.csv", "limits": {limits}, "marks": [{{"name": "x", "at": 1}}]}}') == TraceLimits(
        "a.csv", (), (Mark("x", 1),)
    )


def test_an_integer_that_no_float_has_is_left_out() -> None:
    assert parse_trace_limits(f'{{"trace": "a", "marks": [{{"name": "x", "at": 1{"0" * 400}}}]}}') == TraceLimits("a")
