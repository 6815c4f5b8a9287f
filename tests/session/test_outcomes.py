"""The C2 table: each rule, and the combination of rules."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.atlas.statuses import SEVERITY
from pytest_atlas.atlas.statuses import ExecutionStatus as Status
from pytest_atlas.session.attempts import Result
from pytest_atlas.session.outcomes import RULES, StepAttempts, outcome, worst

TABLE: dict[str, tuple[StepAttempts, Status, str]] = {
    "failed": (StepAttempts(results=("failed",)), "failed", ""),
    "failed after a rerun": (StepAttempts(results=("failed", "failed"), first_failure="boom"), "failed", ""),
    "flaky": (
        StepAttempts(results=("failed", "passed"), first_failure="assert 1 == 2"),
        "passed_with_exception",
        "passed at attempt 2; first failure: assert 1 == 2",
    ),
    "noted": (StepAttempts(results=("passed",), notes=("slow", "ECR-118")), "passed_with_exception", "slow; ECR-118"),
    "xfailed": (StepAttempts(results=("xfailed",), reason="ECR-104"), "passed_with_exception", "xfail: ECR-104"),
    "xfailed without a reason": (StepAttempts(results=("xfailed",)), "passed_with_exception", "xfail"),
    "xpassed": (StepAttempts(results=("xpassed",), reason="ECR-97"), "passed_with_exception", "xpass: ECR-97"),
    "passed": (StepAttempts(results=("passed",)), "passed", ""),
    "done": (StepAttempts(results=("passed",), is_check=False), "done", ""),
    "skipped": (
        StepAttempts(results=("skipped",), reason="no chamber", skip_is_exception=True),
        "passed_with_exception",
        "skip: no chamber",
    ),
    "skipped, without --atlas-skipped=exception": (StepAttempts(results=("skipped",), reason="no chamber"), "todo", ""),
    "not run": (StepAttempts(), "todo", ""),
    "stopped": (StepAttempts(results=("unfinished",)), "todo", ""),
    "stopped during a rerun": (StepAttempts(results=("failed", "unfinished")), "todo", ""),
}


@pytest.mark.parametrize(("attempts", "status", "note"), TABLE.values(), ids=TABLE)
def test_the_attempts_have_this_status_and_note(attempts: StepAttempts, status: Status, note: str) -> None:
    assert outcome(attempts) == (status, note)


def test_each_rule_decides_at_least_one_case() -> None:
    deciding = {next(rule.name for rule in RULES if rule.matches(attempts)) for attempts, _, _ in TABLE.values()}
    assert deciding == {rule.name for rule in RULES}


def test_the_notes_of_all_matching_rules_are_joined() -> None:
    attempts = StepAttempts(results=("failed", "xpassed"), first_failure="boom", notes=("waived",), reason="ECR-97")
    assert outcome(attempts) == (
        "passed_with_exception",
        "passed at attempt 2; first failure: boom; waived; xpass: ECR-97",
    )


several_attempts = st.builds(
    StepAttempts,
    results=st.lists(st.sampled_from(get_args(Result)), max_size=4).map(tuple),
    reason=st.text(max_size=5),
    first_failure=st.text(max_size=5),
    notes=st.lists(st.text(min_size=1, max_size=5), max_size=2).map(tuple),
    is_check=st.booleans(),
    skip_is_exception=st.booleans(),
)


@given(several_attempts)
def test_all_attempts_have_an_outcome_and_only_exceptions_have_a_note(attempts: StepAttempts) -> None:
    status, note = outcome(attempts)
    assert status in get_args(Status)
    assert bool(note) == (status == "passed_with_exception")
    assert (status == "failed") == (attempts.last == "failed")


def test_the_worst_outcome_of_several_workers_counts() -> None:
    assert worst([("passed", ""), ("failed", ""), ("todo", "")]) == ("failed", "")
    assert worst([("passed_with_exception", "why"), ("passed", "")]) == ("passed_with_exception", "why")
    assert worst([]) == ("todo", "")
    assert set(SEVERITY) == set(get_args(Status))
