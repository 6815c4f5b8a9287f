"""Failures and measurements in a step description."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas import descriptions as d
from pytest_atlas.descriptions import Failure, Measurement, Verdict

words = st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
lines = st.lists(words, min_size=1, max_size=3).map(" ".join)
messages = st.lists(lines, min_size=1, max_size=4).map("\n".join).filter(lambda text: not text.startswith("Failed"))
failures = st.builds(
    Failure,
    message=messages,
    place=st.just("") | st.from_regex(r"[a-z_/]{1,10}\.py:[1-9]\d{0,3}", fullmatch=True),
    phase=st.sampled_from(["", "setup", "call", "teardown"]),
    attempt=st.integers(0, 100_000),
)
measurements = st.builds(
    d.measurement, lines, lines, lines, st.sampled_from([verdict for verdict in get_args(Verdict) if verdict != "none"])
)
IDENTITY = "pytest: tests/test_a.py::test_a"


def described(*result: str) -> str:
    return d.join_description("Hold 13 V.\n\nFailed attempts are repeated.", result, IDENTITY)


@given(failures)
def test_a_rendered_failure_is_parsed_with_the_same_values(failure: Failure) -> None:
    assert d.parse_failures(described(d.render_failure(failure))) == [failure]


@given(st.lists(failures, max_size=3))
def test_all_failures_of_a_description_are_parsed_in_their_order(several: list[Failure]) -> None:
    assert d.parse_failures("\n".join(map(d.render_failure, several))) == several


@given(measurements)
def test_a_rendered_measurement_is_parsed_with_the_same_values(measured: Measurement) -> None:
    assert d.parse_measurement(d.render_measurement(measured)) == measured
    assert d.parse_measurements(described("Note: cold", d.render_measurement(measured))) == [measured]


def test_a_measurement_without_limits_is_only_text() -> None:
    line = d.render_measurement(d.measurement("temperature", "21 °C", "", "none"))
    assert line == "temperature: 21 °C"
    assert d.parse_measurement(line) is None


def test_the_line_of_a_measurement_has_value_limits_and_verdict() -> None:
    line = d.render_measurement(d.measurement("trip time", "111.6 ms", "≤ 100 ms", "fail"))
    assert line == "trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS"


REASONS = {
    "first line": ("Failed in call at a.py:7:\nassert 112 <= 100\nE more", "assert 112 <= 100"),
    "colon": ("Failed in call at a.py:7:\n2 limits violated:\n  trip time: 112 ms", "2 limits violated: trip time: 112 ms"),
    "last attempt": ("Failed in call (attempt 1) at a.py:7:\nfirst\nFailed in call (attempt 2):\nsecond", "second"),
    "died": ("Failed in setup:\nfirst\npytest died while this test ran on gw1.", "pytest died while this test ran on gw1."),
    "no message": ("Failed in call at a.py:7:", "Hold 13 V."),
    "expected failure": ("Failed as expected at a.py:7:\nassert 0", "Hold 13 V."),
}


@pytest.mark.parametrize(("result", "reason"), REASONS.values(), ids=REASONS)
def test_the_reason_of_a_failed_step_is_one_line(result: str, reason: str) -> None:
    assert d.failure_reason(described(result)) == reason


def test_the_reason_is_the_newest_failed_attempt_if_the_result_has_none() -> None:
    attempts = d.limit_attempts(
        "failed", [d.Attempt(100, "bench", "s2", "passed"), d.Attempt(50, "bench", "s1", "failed", "no trip")]
    )
    assert d.failure_reason(d.join_description("Doc.", [], IDENTITY, d.render_attempts(attempts))) == "no trip"


def test_the_reason_is_the_line_of_a_status_that_was_set_by_hand() -> None:
    description = d.with_attempts(described("Failed in call:\nno trip"), None, by_hand=True)
    assert d.failure_reason(description) == "automated result: none; the status was set by hand"


def test_docstring_and_result_are_split_at_the_first_line_of_the_result() -> None:
    skip = d.render_skip("no bench", "a.py:3")
    assert d.split_result(d.join_description("Hold 13 V.\n\nTwice.", [skip], IDENTITY)) == ("Hold 13 V.\n\nTwice.", skip)
    assert d.split_result("Hold 13 V.") == ("", "Hold 13 V.")


def test_limit_violations_are_the_lines_without_a_heading() -> None:
    name = "pytest_atlas.LimitViolatedError: "
    assert d.limit_violations(f"{name}2 limits violated:\n  a: 3\n  b: 4") == ["a: 3", "b: 4"]
    assert d.limit_violations(f"{name}a: 3 is above 2") == ["a: 3 is above 2"]
    assert d.limit_violations("ValueError: a: 3") == []


DOCTESTS = {
    "result": ("008 \n009     >>> g()\nExpected:\n    1\n    2\nGot:\n    1\n    3\n", "Expected: 1 2 Got: 1 3"),
    "no result": ("001 >>> f()\nExpected nothing\nGot:\n    7\n", "Expected nothing Got: 7"),
    "exception": ("002 \n003     >>> f()\nUNEXPECTED EXCEPTION: ValueError('no trip')\nTraceback: …", "ValueError('no trip')"),
    "several": (
        "001 >>> 1 + 1\nExpected:\n    3\nGot:\n    2\n\n/t.txt:1: DocTestFailure\n001 >>> 2\nUNEXPECTED EXCEPTION: E()",
        "Expected: 3 Got: 2",
    ),
    "only source code": ("001 >>> 1 + 1", "001 >>> 1 + 1"),
    "not a doctest": ("12 V expected\nExpected:\n  3", "12 V expected"),
}


@pytest.mark.parametrize(("message", "line"), DOCTESTS.values(), ids=DOCTESTS)
def test_the_decisive_line_of_a_doctest_is_its_exception_or_its_result(message: str, line: str) -> None:
    assert d.decisive_line(message) == line
