"""The result of an attempt, from its reports."""

import pytest

from pytest_atlas.journal.events import PhaseReported, SubtestReported
from pytest_atlas.session.attempts import Result, attempt_result


def phase(when: str, outcome: str, xfail: str | None = None) -> PhaseReported:
    return PhaseReported(nodeid="t", when=when, outcome=outcome, xfail=xfail)  # type: ignore[arg-type]


def subtest(outcome: str, xfail: str | None = None) -> SubtestReported:
    return SubtestReported(nodeid="t", ordinal=1, outcome=outcome, xfail=xfail)  # type: ignore[arg-type]


ATTEMPTS: dict[str, tuple[list[PhaseReported], list[SubtestReported], tuple[str, ...], Result]] = {
    "all phases pass": ([], [], ("setup", "call", "teardown"), "passed"),
    "no report of the teardown": ([], [], ("setup", "call"), "passed"),
    "no report of the call": ([], [], ("setup", "teardown"), "unreported"),
    "set-up fails": ([phase("setup", "failed")], [], ("teardown",), "failed"),
    "teardown fails after a pass": ([phase("teardown", "failed")], [], ("setup", "call"), "failed"),
    "teardown fails after a skip": ([phase("call", "skipped"), phase("teardown", "failed")], [], ("setup",), "failed"),
    "teardown fails after an xfail": (
        [phase("call", "skipped", "why"), phase("teardown", "failed")],
        [],
        ("setup",),
        "failed",
    ),
    "skipped in set-up": ([phase("setup", "skipped")], [], ("teardown",), "skipped"),
    "xfail": ([phase("call", "skipped", "why")], [], ("setup", "teardown"), "xfailed"),
    "xfail with an empty reason": ([phase("call", "skipped", "")], [], ("setup", "teardown"), "xfailed"),
    "xpass": ([phase("call", "passed", "")], [], ("setup", "teardown"), "xpassed"),
    "a rerun": ([phase("call", "rerun")], [], ("setup", "teardown"), "failed"),
    "a failed subtest, the test reported as passed": ([], [subtest("failed")], ("setup", "call", "teardown"), "failed"),
    "passed and skipped subtests": ([], [subtest("passed"), subtest("skipped")], ("setup", "call", "teardown"), "passed"),
}


@pytest.mark.parametrize(("phases", "subtests", "passed", "result"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_the_result_follows_from_phases_and_subtests(
    phases: list[PhaseReported], subtests: list[SubtestReported], passed: tuple[str, ...], result: Result
) -> None:
    assert attempt_result(phases, subtests, passed, over=True) == result  # type: ignore[arg-type]


def test_the_only_known_result_of_a_running_attempt_is_failed() -> None:
    assert attempt_result([], [], (), over=False) == "unfinished"
    assert attempt_result([phase("setup", "failed")], [], (), over=False) == "failed"
