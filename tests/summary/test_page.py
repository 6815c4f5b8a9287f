"""What the page says, and that it stays readable and small whatever a session holds."""

from functools import cache

import pytest
from hypothesis import given, settings
from tests.support import facts as f
from tests.support.rendering import HOSTILE, PIECES, rendered

from pytest_atlas.journal import events as ev
from pytest_atlas.journal.baseline import Baseline
from pytest_atlas.journal.status import Status
from pytest_atlas.session.texts import step_mark
from pytest_atlas.summary.page import LIMIT, Known, duration, page


def known(*events: ev.Event, gone: bool = True, session: ev.SessionStarted | None = None, **more: object) -> Known:
    return Known(facts=f.fold(f.opened(), session or f.session(), *events, gone=gone), **more)  # type: ignore[arg-type]


def status(**more: object) -> Status:
    told = {"run_id": "u", "run_ref": "TR-0042", "run_title": "bench", "total": 9, "in_place": 9, "atlas": "https://a.example"}
    return Status(pid=1, state="done", target="t", **{**told, **more})  # type: ignore[arg-type]


def measured(test: str, /, **given: object) -> ev.Measured:
    limits = {"name": "trip time", "values": ("111.6",), "unit": "ms", "high": "100", "verdict": "fail", "at": f.BEGIN}
    return ev.Measured(nodeid=f.nodeid(test), **{**limits, **given})  # type: ignore[arg-type]


ONE = (*f.plan("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b"), f.finish(1))
VIOLATION = "pytest_atlas.LimitViolatedError: trip time: 111.6 ms is 11.6 ms above the high limit of 100 ms"

HEADINGS = {
    "failed": (known(*ONE), "❌ 1 of 2 tests failed · Acceptance"),
    "passed": (known(*f.plan("test_a"), *f.passes("test_a"), f.finish()), "✅ 1 test passed · Acceptance"),
    "nothing collected": (known(f.finish(5)), "⚠️ no tests ran · Acceptance"),
    "nothing ran": (known(*f.plan("test_a"), f.finish()), "⚠️ no tests ran · Acceptance"),
    "usage error": (known(f.finish(4)), "❌ usage error · Acceptance"),
    "died": (known(*f.plan("test_a", "test_b"), f.started("test_a")), "❌ 1 of 2 tests failed, pytest died · Acceptance"),
    "running": (
        known(*f.plan("test_a"), f.started("test_a"), gone=False, is_running=True),
        "⏳ 1 test, still running · Acceptance",
    ),
    "interrupted": (
        known(*f.plan("test_a"), ev.SessionInterrupted(at=f.BEGIN, reason="KeyboardInterrupt"), f.finish(2)),
        "❌ interrupted · Acceptance",
    ),
    "not collected": (
        known(ev.CollectionFailed(at=f.BEGIN, nodeid=f.MODULE, message="ImportError: no"), f.finish(2)),
        "❌ 1 collection error · Acceptance",
    ),
    "a plugin's wish": (known(*f.plan("test_a"), *f.passes("test_a"), f.finish(9)), "❌ exit status 9 · Acceptance"),
}


@pytest.mark.parametrize(("it", "heading"), HEADINGS.values(), ids=HEADINGS)
def test_the_heading_says_how_it_ended(it: Known, heading: str) -> None:
    assert page(it).splitlines()[0] == f"## {heading}"


def test_counts_duration_and_the_run_follow() -> None:
    lines = page(known(*ONE, status=status(look="pytest-atlas show TR-0042", atlas="local Atlas /b/atlas.db"))).splitlines()
    assert lines[2] == "1 passed, 1 failed · 1 min 0 s · exit status 1"
    assert lines[4:6] == ["Run **TR-0042** in local Atlas /b/atlas.db  ", "See it with <code>pytest-atlas show TR-0042</code>"]


def test_a_remote_atlas_is_linked_by_its_origin_and_no_address_of_the_run_is_made_up() -> None:
    assert "Run **TR-0042** in <https://a.example>\n" in page(known(*ONE, status=status()))
    assert "a.example&#" not in page(known(*ONE, status=status()))
    assert "](" not in page(known(*ONE, status=status(atlas="https://a.example/[x](y)")))


def test_a_failed_step_is_told_with_its_card_and_its_line() -> None:
    text = page(known(*ONE))
    assert f"| **test_b** <br>{f.MODULE} | assert 112 &#60;= 100 |\n" in text
    assert f"Failed in call at <code>{f.MODULE}:7</code>\n\n```text\nassert 112 <= 100\n```" in text


def test_a_violated_limit_is_told_by_how_much_and_not_twice() -> None:
    events = (
        f.started("test_a"),
        measured("test_a"),
        f.phase("test_a", "call", "failed", message=VIOLATION),
        f.ended("test_a"),
    )
    text = page(known(*f.plan("test_a"), *events, f.finish(1)))
    assert f"| **test_a** <br>{f.MODULE} | trip time 111.6 ms, allowed ≤ 100 ms: **11.6 ms above** |\n" in text
    assert "| trip time | 111.6 ms | ≤ 100 ms | ❌ 11.6 ms above |" in text
    assert "LimitViolatedError" not in text


def test_violated_limits_come_first_in_a_step_and_each_says_in_which_step_it_was_made() -> None:
    events = (
        f.started("test_a"),
        measured("test_a", name="rail", values=("12.5",), unit="V", low="12.0", high="13.0", verdict="pass"),
        ev.StepOpened(nodeid=f.nodeid("test_a"), ordinal=1, title="Arm", at=f.BEGIN),
        measured("test_a", step=1),
        ev.StepClosed(nodeid=f.nodeid("test_a"), ordinal=1, outcome="failed", at=f.BEGIN),
        f.phase("test_a", "call", "failed", message="AssertionError: assert 1 == 2"),
        f.ended("test_a"),
    )
    text = page(known(*f.plan("test_a"), *events, f.finish(1)))
    assert (
        "| Arm: trip time | 111.6 ms | ≤ 100 ms | ❌ 11.6 ms above |\n| rail | 12.5 V | 12 … 13 V | 0.5 V left (50 % of" in text
    )
    assert "Failed inside: Arm" in text
    assert "above**<br>AssertionError: assert 1 == 2 |" in text


def test_only_the_last_attempt_is_told() -> None:
    events = (
        f.started("test_a"),
        measured("test_a", name="first try"),
        f.phase("test_a", "call", "rerun", message="the first failure"),
        f.phase("test_a", "call", "failed", message="the second failure", attempt=2),
        f.ended("test_a", attempt=2),
    )
    text = page(known(*f.plan("test_a"), *events, f.finish(1)))
    assert "the second failure" in text
    assert "the first failure" not in text
    assert "first try" not in text


def test_exceptions_stand_with_their_notes_and_the_waived_measurement() -> None:
    events = (f.started("test_a"), measured("test_a", verdict="waived", waived="ECR-118"), f.ended("test_a"))
    text = page(known(*f.plan("test_a"), *events, f.finish()))
    assert f"### Passed with exception\n\n* **test_a** ({f.MODULE}): trip time waived: ECR-118\n" in text
    assert text.startswith("## ✅ 1 test passed")


def test_what_is_new_comes_first_and_what_was_fixed_is_named() -> None:
    names = ("old", "new", "good")
    events = (*f.plan(*names), *f.fails("old"), *f.fails("new"), *f.passes("good"), f.finish(1))
    then = {"old": "failed", "new": "passed", "good": "failed"}
    previous = Baseline(run_id="r", run_ref="TR-0041", statuses={f"pytest: {f.nodeid(n)}": [s] for n, s in then.items()})
    text = page(known(*events, previous=previous))
    assert "Since TR-0041, the job's last run: **1 newly failing**, 1 failing as before, 1 fixed\n" in text
    assert "| Failed | What | Since TR-0041 |" in text
    assert text.index("**new** <br>") < text.index("**old** <br>")
    assert "| **new** |" in text
    assert "| as before |" in text
    assert f"### Fixed since TR-0041\n\n* **good** ({f.MODULE})\n" in text


def test_the_same_as_before_is_said_to_be_so() -> None:
    previous = Baseline(run_id="r", run_ref="TR-0041", statuses={})
    text = page(known(*f.plan("test_a"), *f.passes("test_a"), f.finish(), previous=previous))
    assert "Since TR-0041, the job's last run: nothing has changed" in text


def test_what_is_pending_and_the_report_are_told() -> None:
    pending = ["3 pending: no answer within 5 s", "finish with: pytest-atlas push .atlas/sessions/s1"]
    text = page(known(*ONE, pending=pending, status=status(reports=("report 'x': completed; rail is drifting",))))
    assert (
        "> ⚠️ 3 pending: no answer within 5 s\n>\n> ⚠️ finish with: <code>pytest-atlas push .atlas/sessions/s1</code>\n" in text
    )
    assert "### Analysis\n\n* report 'x': completed; rail is drifting\n" in text


def test_where_it_ran_is_told_last() -> None:
    session = f.session(job="nightly", environment={"Git": "main@1a2b", "CI job": "https://ci.example/7"})
    text = page(known(*ONE, session=session))
    assert "| Job | <code>nightly</code> |" in text
    assert "| Git | <code>main@1a2b</code> |" in text
    assert "| CI job | <https://ci.example/7> |" in text
    assert text.endswith("</details>\n")


def test_a_session_that_is_not_known_has_a_page_all_the_same() -> None:
    assert page(Known(facts=f.fold(gone=True))).startswith("## ❌ pytest died")


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.24, "4.2 s"), (75.0, "1 min 15 s"), (59.99, "60.0 s"), (7500.0, "2 h 5 min")]
)
def test_a_duration_is_told_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words


LONG = "€" * 5000


def everything(text: str, count: int = 1) -> Known:
    """A session in which `text` stands wherever a user, a test or a server may put one."""
    names = [f"{number}{text}" for number in range(count)]
    failing, noted = names[::2], names[1::2]
    events: list[ev.Event] = [*f.plan(*names)]
    for name in failing:
        events += [
            f.started(name),
            ev.StepOpened(nodeid=f.nodeid(name), ordinal=1, title=text, at=f.BEGIN),
            measured(name, step=1, name=text, unit=text),
            measured(name, name=text, values=(repr(text),), equal=repr(text), high="", verdict="fail"),
            f.phase(name, "call", "failed", message=text, place=text),
            f.subtest(name, 2, "failed", title=text, message=text, place=text),
            f.ended(name),
        ]
    for name in noted:
        events += [f.started(name), ev.Noted(nodeid=f.nodeid(name), kind="exception", text=text), f.ended(name)]
    events.append(ev.CollectionFailed(at=f.BEGIN, nodeid=text or "x", message=text, place=text))
    then = {step_mark(f.nodeid(name)): ["failed"] for name in noted}
    session = f.session(title=text, job=text, environment={f"{n}{text}": text for n in range(min(count, 20))})
    return known(
        *events,
        f.finish(1),
        session=session,
        pending=[text] * count,
        previous=Baseline(run_id="r", run_ref=text, statuses=then),
        status=status(run_ref=text, atlas=text, look=text, reports=(text,) * count),
    )


@cache
def calm() -> list[str]:
    return rendered(page(everything("aword", 2))).tags


@settings(deadline=None)
@given(HOSTILE)
def test_no_text_changes_what_the_page_is_made_of(text: str) -> None:
    # Around the text words, so that nothing is left out for want of any.
    assert rendered(page(everything(f"a{text}z", 2))).tags == calm()


@pytest.mark.parametrize("text", [LONG, "<" * 5000, "x\n" * 5000, "".join(PIECES) * 40], ids=["long", "markup", "lines", "all"])
@pytest.mark.parametrize("count", [2, 300])
def test_the_page_is_small_whatever_tests_printed(text: str, count: int) -> None:
    shown = page(everything(text, count))
    assert len(shown.encode("utf-8", "replace")) <= LIMIT
    tags = rendered(shown).tags
    assert tags.count("details") == tags.count("/details") == tags.count("summary")


def test_what_is_cut_is_counted() -> None:
    names = [f"test_{number:04}" for number in range(1000)]
    events = [*f.plan(*names), *(event for name in names for event in f.fails(name, "x" * 500)), f.finish(1)]
    text = page(known(*events))
    shown = text.count("<br>tests/test_trip.py |")
    assert 20 < shown < 1000
    assert f"\n\n… and {1000 - shown} more failed steps\n" in text
    assert f"… and {1000 - text.count('Failed in call')} more failed steps with details\n" in text


def test_many_failures_and_measurements_of_one_step_are_cut_and_counted() -> None:
    subtests = [f.subtest("test_a", number, "failed", title=f"s{number}", message=f"no {number}") for number in range(1, 7)]
    many = [measured("test_a", name=f"m{number}") for number in range(40)]
    events: list[ev.Event] = [f.started("test_a"), *many, *subtests, f.ended("test_a")]
    text = page(known(*f.plan("test_a"), *events, f.finish(1)))
    assert "<br>… and 43 more |" in text
    assert "… and 3 more failures of it" in text
    assert "… and 15 more measurements" in text


def test_a_worker_that_crashed_is_named() -> None:
    facts = f.fold(
        f.session(dist="load"), ev.TestCrashed(at=f.BEGIN, worker="gw1", nodeid=f.nodeid("test_a"), message="not running")
    )
    for event in (f.opened("gw1"), *f.plan("test_a"), f.started("test_a")):
        facts.apply("journal-gw1-0.jsonl", event)
    facts.apply(f.SERIAL, f.finish(1))
    facts.pytest_is_gone()
    assert "pytest died while this test ran on gw1" in page(Known(facts=facts))
