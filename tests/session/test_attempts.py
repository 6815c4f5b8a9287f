"""What makes an attempt what it is."""

import pytest

from pytest_atlas.journal.events import PhaseReported, SubtestReported
from pytest_atlas.session.attempts import Result, attempt_result


def phase(when: str, outcome: str, xfail: str | None = None) -> PhaseReported:
    return PhaseReported(nodeid="t", when=when, outcome=outcome, xfail=xfail)  # type: ignore[arg-type]


def subtest(outcome: str, xfail: str | None = None) -> SubtestReported:
    return SubtestReported(nodeid="t", ordinal=1, outcome=outcome, xfail=xfail)  # type: ignore[arg-type]


ATTEMPTS: dict[str, tuple[list[PhaseReported], list[SubtestReported], tuple[str, ...], Result]] = {
    "all phases pass": ([], [], ("setup", "call", "teardown"), "passed"),
    "teardown never came": ([], [], ("setup", "call"), "passed"),
    "call never came": ([], [], ("setup", "teardown"), "unreported"),
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
    "a failed subtest under a pass": ([], [subtest("failed")], ("setup", "call", "teardown"), "failed"),
    "passed and skipped subtests": ([], [subtest("passed"), subtest("skipped")], ("setup", "call", "teardown"), "passed"),
}


@pytest.mark.parametrize(("phases", "subtests", "passed", "result"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_an_attempt_is_what_its_phases_say(
    phases: list[PhaseReported], subtests: list[SubtestReported], passed: tuple[str, ...], result: Result
) -> None:
    assert attempt_result(phases, subtests, passed, over=True) == result  # type: ignore[arg-type]


def test_an_attempt_that_still_runs_can_only_have_failed() -> None:
    assert attempt_result([], [], (), over=False) == "unfinished"
    assert attempt_result([phase("setup", "failed")], [], (), over=False) == "failed"
