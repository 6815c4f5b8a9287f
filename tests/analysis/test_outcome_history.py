"""Outcomes and durations of tests in earlier runs."""

from collections.abc import Sequence

from pytest_atlas.analysis import PastStep, Step
from pytest_atlas.analysis.outcome_history import OutcomeChanges, outcome_changes, step_histories, usual_if_slower


def step(title: str, status: str, seconds: float | None = None) -> Step:
    return Step("Card", title, status, duration_s=seconds)


def since(steps: Sequence[Step], past: Sequence[PastStep]) -> OutcomeChanges:
    return outcome_changes(step_histories(steps, past))


def past(run: str, title: str, status: str, seconds: float | None = 3.0, card: str = "Card") -> PastStep:
    return PastStep(run, card, title, status, seconds)


def test_a_step_is_compared_with_the_last_run_in_which_it_ran() -> None:
    found = since(
        (
            step("breaks", "failed"),
            step("still broken", "failed"),
            step("mended", "passed"),
            step("not run", "todo"),
            step("new", "failed"),
        ),
        (
            past("TR-0001", "breaks", "failed"),
            past("TR-0001", "not run", "passed"),
            past("TR-0002", "breaks", "passed"),
            past("TR-0002", "still broken", "failed"),
            past("TR-0002", "mended", "failed"),
            past("TR-0003", "breaks", "todo"),
            past("TR-0003", "breaks", "failed", card="Another card"),
        ),
    )
    assert [(c.step.title, c.before, c.run) for c in found.newly_failing] == [("breaks", "passed", "TR-0002")]
    assert [(c.step.title, c.before, c.run) for c in found.fixed] == [("mended", "failed", "TR-0002")]


def test_steps_with_the_same_title_are_matched_by_their_order() -> None:
    now = (step("x", "passed"), step("x", "failed"))
    before = (past("TR-0001", "x", "failed"), past("TR-0001", "x", "passed"))
    found = since(now, before)
    assert [c.step for c in found.newly_failing] == [now[1]]
    assert [c.step for c in found.fixed] == [now[0]]


def test_slower_tests_are_sorted_by_their_increase() -> None:
    earlier = [past(f"TR-{n}", title, "passed") for n in range(6) for title in ("slow", "slower", "as ever", "once ran")]
    broke_early = [past(f"TR-1{n}", "slow", "failed", 0.01) for n in range(6)]
    now = (
        step("slow", "passed", seconds=6.0),
        step("slower", "passed", seconds=30.0),
        step("as ever", "passed", seconds=3.1),
        step("once ran", "todo"),
    )
    found = since(now, (*earlier, *broke_early)).slower
    assert [(s.step.title, s.usual_s, s.now_s, s.n) for s in found] == [("slower", 3.0, 30.0, 6), ("slow", 3.0, 6.0, 6)]


EARLIER = (3.0, 3.1, 2.9, 3.0, 3.05)


def test_a_slower_test_takes_clearly_longer_than_the_median() -> None:
    assert usual_if_slower(9.8, EARLIER) == 3.0
    assert usual_if_slower(3.61, EARLIER) == 3.0
    assert usual_if_slower(3.59, EARLIER) is None, "the allowance is 20 % of the median"


def test_a_tenth_of_a_second_is_not_slower() -> None:
    assert usual_if_slower(0.1, [0.01] * 5) is None
    assert usual_if_slower(0.12, [0.01] * 5) == 0.01


def test_a_varying_duration_has_a_larger_allowance() -> None:
    assert usual_if_slower(7.9, [1.0, 5.0, 3.0, 2.0, 4.0]) is None
    assert usual_if_slower(8.1, [1.0, 5.0, 3.0, 2.0, 4.0]) == 3.0


def test_few_durations_give_no_result() -> None:
    assert usual_if_slower(9.8, EARLIER[:4]) is None
