import pytest

from pytest_atlas.analysis import Material, PastStep, Step
from pytest_atlas.analysis.outcomes import failures, message, since


def step(title: str, status: str = "failed", description: str = "", seconds: float | None = None, card: str = "Card") -> Step:
    return Step(card, title, status, description, duration_s=seconds)


def failed(title: str, words: str, mark: str = "") -> Step:
    return step(
        title, "failed", f"Its docstring.\n\nFailed in call at tests/test_trip.py:17:\n{words}\n\npytest: {mark or title}"
    )


def material(*steps: Step, past: tuple[PastStep, ...] = ()) -> Material:
    return Material("title", "run", "", steps, (), past)


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
def test_the_message_of_a_failure_is_read_from_its_steps_description(description: str, expected: str) -> None:
    assert message(step("x", description=description)) == expected


def test_failures_that_differ_by_numbers_only_are_one_group_the_largest_group_first() -> None:
    groups = failures(
        [
            failed("a", "assert 112.5 < 100"),
            failed("b", "no answer from node 0x10 within 0.5 s"),
            step("c", "passed"),
            failed("d", "no answer from node 0x1f within 5e-1 s"),
            failed("e", "no answer from node_7 within 0.5 s"),
        ]
    )
    assert [(group.example, [s.title for s in group.steps]) for group in groups] == [
        ("no answer from node 0x10 within 0.5 s", ["b", "d"]),
        ("assert 112.5 < 100", ["a"]),
        ("no answer from node_7 within 0.5 s", ["e"]),
    ]


def test_steps_inside_of_a_test_do_not_repeat_it() -> None:
    test, inner = failed("test_x", "boom", "t.py::x[a > b]"), failed("Arm", "boom", "t.py::x[a > b] > Arm > the scope")
    alone = failed("Other", "boom", "t.py::y > Arm")
    assert list(material(test, inner, alone).tests()) == [test, alone]


def past(run: str, title: str, status: str, seconds: float | None = 3.0, card: str = "Card") -> PastStep:
    return PastStep(run, card, title, status, seconds)


def test_a_step_is_compared_with_the_last_run_in_which_it_ran() -> None:
    found = since(
        material(
            step("breaks", "failed"),
            step("still broken", "failed"),
            step("mended", "passed"),
            step("not run", "todo"),
            step("new", "failed"),
            past=(
                past("TR-0001", "breaks", "failed"),
                past("TR-0001", "not run", "passed"),
                past("TR-0002", "breaks", "passed"),
                past("TR-0002", "still broken", "failed"),
                past("TR-0002", "mended", "failed"),
                past("TR-0003", "breaks", "todo"),
                past("TR-0003", "breaks", "failed", card="Another card"),
            ),
        )
    )
    assert [(c.step.title, c.before, c.run) for c in found.failing] == [("breaks", "passed", "TR-0002")]
    assert [(c.step.title, c.before, c.run) for c in found.passing] == [("mended", "failed", "TR-0002")]


def test_steps_of_one_title_are_told_apart_by_their_order() -> None:
    now = (step("x", "passed"), step("x", "failed"))
    before = (past("TR-0001", "x", "failed"), past("TR-0001", "x", "passed"))
    found = since(material(*now, past=before))
    assert [c.step for c in found.failing] == [now[1]]
    assert [c.step for c in found.passing] == [now[0]]


def test_a_test_that_takes_longer_than_it_used_to_is_found_the_worst_first() -> None:
    earlier = [past(f"TR-{n}", title, "passed") for n in range(6) for title in ("slow", "slower", "as ever", "once ran")]
    broke_early = [past(f"TR-1{n}", "slow", "failed", 0.01) for n in range(6)]
    now = (
        step("slow", "passed", seconds=6.0),
        step("slower", "passed", seconds=30.0),
        step("as ever", "passed", seconds=3.1),
        step("once ran", "todo"),
    )
    found = since(material(*now, past=(*earlier, *broke_early))).slower
    assert [(s.step.title, s.usual_s, s.now_s, s.n) for s in found] == [("slower", 3.0, 30.0, 6), ("slow", 3.0, 6.0, 6)]
