"""Failures grouped by message, and exceptions."""

import pytest

from pytest_atlas.analysis import Step
from pytest_atlas.analysis.failures import exceptions, failures, group
from pytest_atlas.analysis.inputs import outer_steps
from pytest_atlas.descriptions import failure_reason


def step(title: str, status: str = "failed", description: str = "") -> Step:
    return Step("Card", title, status, description)


def failed(title: str, message: str, nodeid: str = "") -> Step:
    description = f"Its docstring.\n\nFailed in call at tests/test_trip.py:17:\n{message}\n\npytest: {nodeid or title}"
    return step(title, "failed", description)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("Doc.\n\nFailed in call at t.py:3:\nassert 1 == 2\n  more\n\npytest: t.py::x", "assert 1 == 2"),
        ("Failed in setup:\nfixture 'psu' not found", "fixture 'psu' not found"),
        ("Failed in call (attempt 1) at t.py:3:\nfirst\nFailed in call (attempt 2) at t.py:3:\nsecond", "second"),
        ("Failed at t.py:3:\nof a subtest", "of a subtest"),
        ("Failed in call:\n1 measurement out of limits:\n  trip: 112 ms", "1 measurement out of limits: trip: 112 ms"),
        ("pytest died while this test ran on gw1.\n\npytest: t.py::x", "pytest died while this test ran on gw1."),
        ("written by a person\nin two lines", "written by a person"),
        ("\npytest: t.py::x", ""),
        ("", ""),
    ],
)
def test_the_message_is_read_from_the_description_of_the_step(description: str, expected: str) -> None:
    assert failure_reason(description) == expected


def test_failures_whose_messages_differ_in_numbers_are_one_group() -> None:
    groups = group(
        failures(
            [
                failed("a", "assert 112.5 < 100"),
                failed("b", "no answer from node 0x10 within 0.5 s"),
                step("c", "passed"),
                failed("d", "no answer from node 0x1f within 5e-1 s"),
                failed("e", "no answer from node_7 within 0.5 s"),
            ]
        )
    )
    assert [(found.message, [f.step.title for f in found.failures]) for found in groups] == [
        ("no answer from node 0x10 within 0.5 s", ["b", "d"]),
        ("assert 112.5 < 100", ["a"]),
        ("no answer from node_7 within 0.5 s", ["e"]),
    ]


def test_inner_steps_are_part_of_their_test() -> None:
    test, inner = failed("test_x", "boom", "t.py::x[a > b]"), failed("Arm", "boom", "t.py::x[a > b] > Arm > the scope")
    alone = failed("Other", "boom", "t.py::y > Arm")
    assert list(outer_steps([test, inner, alone])) == [test, alone]


def test_an_exception_of_an_inner_step_is_left_out_if_its_test_has_the_same_note() -> None:
    def noted(nodeid: str, note: str) -> Step:
        return Step("Card", nodeid, "passed_with_exception", f"pytest: {nodeid}", note)

    test, same, other = noted("t.py::x", "waived; ECR-118"), noted("t.py::x > Arm", "ECR-118"), noted("t.py::x > Trip", "ECR-7")
    alone = noted("t.py::y > Arm", "")
    assert exceptions([test, same, step("z", "passed"), other, alone]) == [test, other, alone]
