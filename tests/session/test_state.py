"""Tests with many executions or attempts: memory and text are bounded, and the step does not change by that."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import events as f

from pytest_atlas.descriptions import MAX_ATTEMPTS, parse_attempts
from pytest_atlas.journal import events as ev
from pytest_atlas.session import desired, measurements, model
from pytest_atlas.session.state import SessionState

KEY = f"test:{f.nodeid('test_a')}#0"
KINDS = st.sampled_from(["passed"] * 9 + ["failed"] * 5 + ["skipped", "measured", "rerun", "stopped"])
SOURCES = ("worker-gw0.jsonl", "worker-gw1.jsonl")


def execution(kind: str, number: int) -> Iterator[ev.Event]:
    at = 10.0 * number
    yield f.started("test_a", at)
    match kind:
        case "failed" | "skipped":
            outcome: ev.Outcome = "failed" if kind == "failed" else "skipped"
            yield f.phase("test_a", "call", outcome, message=f"no contact at {number}")
        case "measured":
            yield ev.Measured(nodeid=f.nodeid("test_a"), name="rail", values=("12.0",), verdict="pass", at=f.BEGIN + at)
        case "rerun":
            yield f.phase("test_a", "call", "rerun", message=f"bounced at {number}")
            yield ev.AttemptEnded(nodeid=f.nodeid("test_a"), at=f.BEGIN + at + 1, passed=("setup", "teardown"))
    ends = {"failed": ("setup", "teardown"), "skipped": ("setup", "teardown")}
    if kind != "stopped":
        yield f.ended("test_a", at + 2, attempt=2 if kind == "rerun" else 1, passed=ends.get(kind, model.PASSED))


def begun() -> SessionState:
    state = f.fold(f.opened("gw0"), f.session(), *f.plan("test_a"), source=SOURCES[0])
    state.apply(SOURCES[1], f.opened("gw1"))
    return state


def shown(state: SessionState) -> tuple[object, ...]:
    """Return the desired step without the line of the workers, which has a result for each execution that is kept."""
    step = desired.step(state, KEY)
    described = [line for line in step.description.splitlines() if not line.startswith("Workers: ")]
    (card,) = state.cards
    return {**step.fields, "description": described}, step.late_times, step.attempts, measurements.text(state, card)


@given(st.lists(st.tuples(KINDS, st.sampled_from(SOURCES)), min_size=50, max_size=120))
def test_counting_old_executions_does_not_change_the_step(kinds: list[tuple[str, str]]) -> None:
    counting, keeping = begun(), begun()
    kept = 0
    for number, (kind, source) in enumerate(kinds):
        for event in execution(kind, number):
            counting.apply(source, event)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(model._Executions, "_uninteresting", lambda _: iter(()))
                keeping.apply(source, event)
            before, kept = kept, len(next(counting.tests()).executions)
            if kept < before:
                assert shown(counting) == shown(keeping)
    for state in (counting, keeping):
        state.pytest_is_gone()
    assert shown(counting) == shown(keeping)


@pytest.mark.parametrize("count", [1_000, 4_000])
def test_a_soak_test_keeps_a_bounded_number_of_executions(count: int) -> None:
    state = begun()
    for number in range(count):
        for event in execution("failed" if number == 500 else "passed", number):
            state.apply(SOURCES[0], event)
    (test,) = state.tests()
    assert len(test.executions) <= 2 * model.MAX_EXECUTIONS
    attempts = parse_attempts(desired.step(state, KEY).description)
    assert attempts is not None
    assert attempts.total == count
    assert attempts.attempts[-1].message == "no contact at 500"
    assert len(attempts.attempts) == MAX_ATTEMPTS


def test_a_huge_attempt_number_in_one_line_is_one_attempt() -> None:
    number = 100_000
    failed = f.phase("test_a", "call", "failed", attempt=number, message="no contact")
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), failed, f.ended("test_a", attempt=number))
    attempts = desired.step(state, KEY).attempts
    assert attempts is not None
    assert (attempts.total, attempts.attempts[0].message) == (1, "no contact")


@pytest.mark.parametrize("count", [100, 2_000])
def test_a_test_with_many_reruns_has_a_description_of_bounded_length(count: int) -> None:
    reruns = [f.phase("test_a", "call", "rerun", attempt=n, message=f"bounced at {n}") for n in range(1, count)]
    state = f.fold(f.opened(), f.session(), *f.plan("test_a"), f.started("test_a"), *reruns, f.ended("test_a", attempt=count))
    step = desired.step(state, KEY)
    assert step.attempts is not None
    assert step.attempts.total == count
    assert step.status == "passed_with_exception"
    assert step.description.count("Failed in call") <= 40
    assert "(attempt 1):" in step.description
    assert f"(attempt {count - 1}):" in step.description


def test_a_soak_test_that_fails_again_and_again_keeps_a_bounded_number_of_executions() -> None:
    state = begun()
    for number in range(1_000):
        for event in execution("passed" if number % 3 else "failed", number):
            state.apply(SOURCES[0], event)
    (test,) = state.tests()
    assert len(test.executions) <= 2 * model.MAX_EXECUTIONS
    step = desired.step(state, KEY)
    assert step.status == "failed"
    assert step.attempts is not None
    assert step.attempts.attempts[-1].message == "no contact at 0"
    failed = sum(attempt.outcome == "failed" for attempt in step.attempts.attempts)
    counts = dict(step.attempts.more[0].counts)
    assert (step.attempts.total, failed + counts["failed"]) == (1_000, 334)
