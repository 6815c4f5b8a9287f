"""The output of `show`: the text of a run, without control characters."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from pytest_atlas.atlas.models import Card, DataFile, ReportSummary, Run, Step
from pytest_atlas.atlas.statuses import ExecutionStatus
from pytest_atlas.cli.page import Page
from pytest_atlas.cli.terminal import Terminal

BEGIN = datetime(2026, 11, 25, 1, 41, tzinfo=UTC)
MARK = "pytest: tests/test_trip.py::test_trip"


class Screen(io.TextIOWrapper):
    """A stream that is a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def step(title: str, status: str, **given: Any) -> Step:
    return Step(uuid=title, title=title, execution_status=cast("ExecutionStatus", status), **given)


def took(**span: float) -> dict[str, datetime]:
    return {"started_at": BEGIN, "ended_at": BEGIN + timedelta(**span)}


def run(*steps: Step, **given: Any) -> Run:
    defaults: dict[str, Any] = {
        "uuid": "u",
        "test_run_id": "TR-0042",
        "title": "Acceptance",
        "system_name": "Power Distribution Unit",
        "created_by": "engineer@example.com",
        "test_cards": [Card(uuid="c", title="Overvoltage", description="Opens in time.\n\nMore.", test_steps=list(steps))],
    }
    return Run(**{**defaults, **given})


@pytest.fixture
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def lines(it: Run, *, failed_only: bool = False, colours: bool = False) -> list[str]:
    return list(Page(it, "the bench's Atlas", Terminal(Screen(terminal=colours)), failed_only=failed_only).lines())


def below(it: Run, **given: bool) -> list[str]:
    """Return the lines below the title and the description of the card."""
    shown = lines(it, **given)
    return shown[shown.index("  Opens in time.") + 1 :]


def test_the_first_lines_have_the_run_and_its_progress() -> None:
    steps = [step("a", "passed"), step("b", "failed"), step("c", "todo"), step("d", "passed_with_exception", exception="why")]
    assert lines(run(*steps))[:6] == [
        "TR-0042  Acceptance",
        "Power Distribution Unit · engineer@example.com · the bench's Atlas",
        "4 steps, 75 % complete: 1 passed, 1 passed with exception, 1 failed, 1 to do",
        "",
        "Overvoltage",
        "  Opens in time.",
    ]


def test_a_run_with_a_todo_step_is_never_complete() -> None:
    assert "99 % complete" in lines(run(*[step("a", "passed")] * 999, step("b", "todo")))[2]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("passed", "  ✓ Trip"),
        ("done", "  ✔ Trip"),
        ("passed_with_exception", "  ! Trip"),
        ("failed", "  ✗ Trip"),
        ("todo", "  · Trip"),
        ("blocked", "  ? Trip"),  # not a status of the document
    ],
)
def test_each_status_has_a_sign(status: str, line: str) -> None:
    assert below(run(step("Trip", status)))[0] == line


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ({"milliseconds": 0.2}, "0 ms"),
        ({"milliseconds": 112}, "112 ms"),
        ({"milliseconds": 999.7}, "1.0 s"),
        ({"seconds": 2.34}, "2.3 s"),
        ({"seconds": 59.96}, "1 min 00 s"),
        ({"seconds": 123}, "2 min 03 s"),
        ({"hours": 3, "minutes": 7}, "3 h 07 min"),
    ],
)
def test_a_duration_has_a_readable_unit(span: dict[str, float], expected: str) -> None:
    assert below(run(step("Trip", "passed", **took(**span)))) == [f"  ✓ Trip  {expected:>7}"]


def test_a_started_step_is_running() -> None:
    assert below(run(step("Trip", "todo", started_at=BEGIN))) == ["  · Trip  running"]


def test_durations_are_aligned() -> None:
    steps = [step("A short one", "passed", **took(seconds=1)), step("A longer one 測試", "passed", **took(seconds=2))]
    assert below(run(*steps)) == ["  ✓ A short one          1.0 s", "  ✓ A longer one 測試    2.0 s"]


def test_a_failure_is_shown_with_the_description() -> None:
    description = f"Rail from 12 V to 8 V.\n\nDetails.\n\nFailed in call at test_trip.py:7:\nassert 112 <= 100\n\n{MARK}"
    assert below(run(step("Trip", "failed", description=description))) == [
        "  ✗ Trip",
        "      Rail from 12 V to 8 V.",
        "      │ Failed in call at test_trip.py:7:",
        "      │ assert 112 <= 100",
    ]


def test_the_text_of_a_person_about_a_failure_is_unchanged() -> None:
    description = "The scope was off.\n\nSee the log book, page 7."
    assert below(run(step("Trip", "failed", description=description))) == [
        "  ✗ Trip",
        "      │ The scope was off.",
        "      │",
        "      │ See the log book, page 7.",
    ]


def test_a_very_long_failure_is_cut() -> None:
    text = "Failed in call:\n" + "\n".join(f"line {n}" for n in range(100)) + f"\n\n{MARK}"
    shown = below(run(step("Trip", "failed", description=text)))
    assert len(shown) == 26
    assert shown[-1] == "      │ … 77 more lines"


@pytest.mark.usefixtures("width")
def test_long_lines_are_wrapped_with_their_indentation() -> None:
    text = f"Failed in call:\nassert {'x ' * 40}\n  +  where {'y ' * 30}\n\n{MARK}"
    shown = below(run(step("Trip", "failed", description=text)))
    assert max(map(len, shown)) <= 60
    assert [line[:14].rstrip() for line in shown[2:]] == ["      │ assert", "      │ x x x", "      │   +  w", "      │     y"]


@pytest.mark.usefixtures("width")
def test_a_title_wider_than_the_terminal_is_complete() -> None:
    title = "T" * 90
    assert below(run(step(title, "passed", **took(seconds=1)))) == [f"  ✓ {title}    1.0 s"]


def test_exceptions_and_reasons_of_skips_are_below_their_steps() -> None:
    skipped = f"Opens the door.\n\nSkipped: no chamber\n(skipped at test_trip.py:3)\n\n{MARK}"
    steps = [step("a", "passed_with_exception", exception="ECR-118"), step("b", "todo", description=skipped)]
    assert below(run(*steps)) == ["  ! a", "      ECR-118", "  · b", "      Skipped: no chamber"]


def test_measurements_are_shown_with_their_limits() -> None:
    expected = (
        f"What: it measures.\n\ntrip time: 88 ms (≤ 100 ms) ok\nrail: 12.7 V (≤ 12.6 V) out of limits, waived: ECR-7\n\n{MARK}"
    )
    steps = [
        step("a", "passed", description=expected),
        step("b", "passed_with_exception", exception="ECR-7", description=expected),
    ]
    values = ["      trip time: 88 ms (≤ 100 ms) ok", "      rail: 12.7 V (≤ 12.6 V) out of limits, waived: ECR-7"]
    assert below(run(*steps)) == ["  ✓ a", *values, "  ! b", "      ECR-7", *values]


def test_steps_inside_a_test_are_indented() -> None:
    steps = [
        step("Trip", "failed", description=MARK, order=1000),
        step("arm", "passed", description=f"{MARK} > arm", order=1001),
        step("scope", "passed", description=f"{MARK} > arm > scope", order=1002),
        step("shoot", "failed", description=f"{MARK} > shoot", order=1003),
        step("other", "passed", description=f"{MARK}_again", order=2000),
        step("by hand", "done", order=3000),
    ]
    assert below(run(*steps)) == ["  ✗ Trip", "    ✓ arm", "      ✓ scope", "    ✗ shoot", "  ✓ other", "  ✔ by hand"]


def test_cards_and_steps_have_their_order() -> None:
    cards = [
        Card(uuid="2", title="second", order=2, test_steps=[step("b", "passed", order=2), step("a", "passed", order=1)]),
        Card(uuid="1", title="first", order=1),
    ]
    assert lines(run(test_cards=cards))[3:] == ["", "first", "  no steps", "", "second", "  ✓ a", "  ✓ b"]


def test_failed_omits_passed_steps() -> None:
    steps = [
        step("passed", "passed"),
        step("Outer", "passed", description=MARK),
        step("arm", "passed", description=f"{MARK} > arm"),
        step("shoot", "failed", description=f"{MARK} > shoot"),
        step("noted", "passed_with_exception", exception="why"),
        step("left", "todo"),
    ]
    cards = [*run(*steps).test_cards, Card(uuid="x", title="All well", test_steps=[step("fine", "passed")])]
    assert lines(run(test_cards=cards, description="Digest"), failed_only=True)[6:] == [
        "  ✓ Outer",
        "    ✗ shoot",
        "  ! noted",
        "      why",
        "  · left",
        "",
        "4 passed steps not shown",
    ]


def test_files_are_shown_once_at_their_entity() -> None:
    trace = DataFile(uuid="f1", file_name="rail.csv", s3_url="s3://b/rail.csv", file_size=12_345)
    log = DataFile(uuid="f2", file_name="bus.blf", s3_url="s3://b/bus.blf", file_size=999)
    it = run(step("Trip", "passed", test_data=[trace]), test_data=[trace, log])
    assert below(it) == [
        "  ✓ Trip",
        "      file: rail.csv (12.3 kB)",
        "",
        "Data files of the run",
        "  file: bus.blf (999 bytes)",
    ]


def test_the_last_lines_have_the_reports_and_the_run_description() -> None:
    report = ReportSummary(uuid="r", title="Analysis", status="completed", summary="All within limits.")
    description = "Batch 7\n\n1 test: 1 passed\n\npytest-atlas: s1"
    assert below(run(step("Trip", "passed"), reports=[report], description=description))[1:] == [
        "",
        "Analysis (completed)",
        "  All within limits.",
        "",
        "Batch 7",
        "",
        "1 test: 1 passed",
    ]


def test_a_run_without_cards_has_a_line() -> None:
    assert lines(run(test_cards=[]))[2:] == ["no steps"]


def test_only_terminals_get_colours_unless_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    it = run(step("Trip", "failed"))
    assert lines(it, colours=True)[-1] == "\x1b[31;1m  ✗ \x1b[0m\x1b[1mTrip\x1b[0m"
    assert lines(it, colours=False)[-1] == "  ✗ Trip"
    monkeypatch.setenv("NO_COLOR", "1")
    assert lines(it, colours=True)[-1] == "  ✗ Trip"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert lines(it, colours=True)[-1] == "  ✗ Trip"


def test_a_status_that_a_person_set_is_shown_with_the_automated_result() -> None:
    attempts = "Attempts (automated result: failed):\n2026-11-25 01:41:00 UTC, bench, session 1bcc88b6: failed: too late"
    line = "automated result: failed; the status was set by hand"
    text = f"Trips in time.\n\nFailed in call:\ntoo late\n\n{line}\n\n{attempts}\n\n{MARK}"
    assert any(shown.strip() == line for shown in below(run(step("test_trip", "passed", description=text))))
    bad = text.replace("Failed in call:\ntoo late\n\n", "").replace("result: failed", "result: passed")
    assert any(
        shown.strip() == "│ automated result: passed; the status was set by hand"
        for shown in below(run(step("t", "failed", description=bad)))
    )
