"""The content of the job summary, and that its structure and size do not depend on the text in a session."""

from functools import cache

import pytest
from hypothesis import given, settings
from tests.support import events as f
from tests.support.rendering import HOSTILE, PIECES, rendered

from pytest_atlas.descriptions import step_identity_line
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.baseline import Baseline
from pytest_atlas.journal.status import Status
from pytest_atlas.summary.findings import SessionFindings, session_findings
from pytest_atlas.summary.job_summary import MAX_BYTES, duration, render


def found(*events: ev.Event, gone: bool = True, session: ev.SessionStarted | None = None, **given: object) -> SessionFindings:
    state = f.fold(f.opened(), session or f.session(), *events, gone=gone)
    return session_findings(state, **given)  # type: ignore[arg-type]


def status(**given: object) -> Status:
    fields = {
        "run_id": "u",
        "run_ref": "TR-0042",
        "run_title": "bench",
        "total": 9,
        "in_place": 9,
        "atlas": "https://a.example",
    }
    return Status(pid=1, state="done", target="t", **{**fields, **given})  # type: ignore[arg-type]


def measured(test: str, /, **given: object) -> ev.Measured:
    limits = {"name": "trip time", "values": ("111.6",), "unit": "ms", "high": "100", "verdict": "fail", "at": f.BEGIN}
    return ev.Measured(nodeid=f.nodeid(test), **{**limits, **given})  # type: ignore[arg-type]


ONE = (*f.plan("test_a", "test_b"), *f.passes("test_a"), *f.fails("test_b"), f.finish(1))
VIOLATION = "pytest_atlas.LimitViolatedError: trip time: 111.6 ms is 11.6 ms above the high limit of 100 ms"

HEADINGS = {
    "failed": (found(*ONE), "❌ 1 of 2 tests failed · Acceptance"),
    "passed": (found(*f.plan("test_a"), *f.passes("test_a"), f.finish()), "✅ 1 test passed · Acceptance"),
    "no test collected": (found(f.finish(5)), "⚠️ no tests ran · Acceptance"),
    "no test executed": (found(*f.plan("test_a"), f.finish()), "⚠️ no tests ran · Acceptance"),
    "usage error": (found(f.finish(4)), "❌ usage error · Acceptance"),
    "died": (found(*f.plan("test_a", "test_b"), f.started("test_a")), "❌ 1 of 2 tests failed, pytest died · Acceptance"),
    "running": (
        found(*f.plan("test_a"), f.started("test_a"), gone=False, is_running=True),
        "⏳ 1 test, still running · Acceptance",
    ),
    "interrupted": (
        found(*f.plan("test_a"), ev.SessionInterrupted(at=f.BEGIN, reason="KeyboardInterrupt"), f.finish(2)),
        "❌ interrupted · Acceptance",
    ),
    "collection error": (
        found(ev.CollectionFailed(at=f.BEGIN, nodeid=f.MODULE, message="ImportError: no"), f.finish(2)),
        "❌ 1 collection error · Acceptance",
    ),
    "exit status of a plugin": (found(*f.plan("test_a"), *f.passes("test_a"), f.finish(9)), "❌ exit status 9 · Acceptance"),
}


@pytest.mark.parametrize(("findings", "heading"), HEADINGS.values(), ids=HEADINGS)
def test_the_heading_has_the_result(findings: SessionFindings, heading: str) -> None:
    assert render(findings).splitlines()[0] == f"## {heading}"


def test_counts_duration_and_run_follow_the_heading() -> None:
    lines = render(found(*ONE, status=status(look="pytest-atlas show TR-0042", atlas="local Atlas /b/atlas.db"))).splitlines()
    assert lines[2] == "1 passed, 1 failed · 1 min 0 s · exit status 1"
    assert lines[4:6] == ["Run **TR-0042** in local Atlas /b/atlas.db  ", "Show it with <code>pytest-atlas show TR-0042</code>"]


def test_a_remote_atlas_is_linked_by_its_origin_only() -> None:
    assert "Run **TR-0042** in <https://a.example>\n" in render(found(*ONE, status=status()))
    assert "a.example&#" not in render(found(*ONE, status=status()))
    assert "](" not in render(found(*ONE, status=status(atlas="https://a.example/[x](y)")))


def test_a_failed_step_is_shown_with_its_card_and_message() -> None:
    text = render(found(*ONE))
    assert f"| **test_b** <br>{f.MODULE} | assert 112 &#60;= 100 |\n" in text
    assert f"Failed in call at <code>{f.MODULE}:7</code>\n\n```text\nassert 112 <= 100\n```" in text


def test_a_violated_limit_is_shown_once_with_its_margin() -> None:
    events = (
        f.started("test_a"),
        measured("test_a"),
        f.phase("test_a", "call", "failed", message=VIOLATION),
        f.ended("test_a"),
    )
    text = render(found(*f.plan("test_a"), *events, f.finish(1)))
    assert f"| **test_a** <br>{f.MODULE} | trip time 111.6 ms, allowed ≤ 100 ms: **11.6 ms above** |\n" in text
    assert "| trip time | 111.6 ms | ≤ 100 ms | ❌ 11.6 ms above |" in text
    assert "LimitViolatedError" not in text


def test_violated_limits_are_first_and_have_the_title_of_their_step() -> None:
    events = (
        f.started("test_a"),
        measured("test_a", name="rail", values=("12.5",), unit="V", low="12.0", high="13.0", verdict="pass"),
        ev.StepOpened(nodeid=f.nodeid("test_a"), ordinal=1, title="Arm", at=f.BEGIN),
        measured("test_a", step=1),
        ev.StepClosed(nodeid=f.nodeid("test_a"), ordinal=1, outcome="failed", at=f.BEGIN),
        f.phase("test_a", "call", "failed", message="AssertionError: assert 1 == 2"),
        f.ended("test_a"),
    )
    text = render(found(*f.plan("test_a"), *events, f.finish(1)))
    assert (
        "| Arm: trip time | 111.6 ms | ≤ 100 ms | ❌ 11.6 ms above |\n| rail | 12.5 V | 12 … 13 V | 0.5 V left (50 % of" in text
    )
    assert "Failed steps: Arm" in text
    assert "above**<br>AssertionError: assert 1 == 2 |" in text


def test_only_the_last_attempt_is_shown() -> None:
    events = (
        f.started("test_a"),
        measured("test_a", name="first try"),
        f.subtest("test_a", 1, "failed", title="s1", message="the first subtest"),
        f.phase("test_a", "call", "rerun", message="the first failure"),
        f.phase("test_a", "call", "failed", message="the second failure", attempt=2),
        f.ended("test_a", attempt=2),
    )
    text = render(found(*f.plan("test_a"), *events, f.finish(1)))
    assert "the second failure" in text
    assert "the first failure" not in text
    assert "the first subtest" not in text
    assert "first try" not in text


def test_exceptions_are_listed_with_their_notes() -> None:
    events = (f.started("test_a"), measured("test_a", verdict="waived", waived="ECR-118"), f.ended("test_a"))
    text = render(found(*f.plan("test_a"), *events, f.finish()))
    assert f"### Passed with exception\n\n* **test_a** ({f.MODULE}): trip time waived: ECR-118\n" in text
    assert text.startswith("## ✅ 1 test passed")


def test_new_failures_are_first_and_fixed_tests_are_listed() -> None:
    names = ("old", "new", "good")
    events = (*f.plan(*names), *f.fails("old"), *f.fails("new"), *f.passes("good"), f.finish(1))
    then = {"old": "failed", "new": "passed", "good": "failed"}
    previous = Baseline(run_id="r", run_ref="TR-0041", statuses={f"pytest: {f.nodeid(n)}": [s] for n, s in then.items()})
    text = render(found(*events, previous=previous))
    assert "Since TR-0041, the last run of the job: **1 newly failing**, 1 failing as before, 1 fixed\n" in text
    assert "| Failed | Reason | Since TR-0041 |" in text
    assert text.index("**new** <br>") < text.index("**old** <br>")
    assert "| **new** |" in text
    assert "| as before |" in text
    assert f"### Fixed since TR-0041\n\n* **good** ({f.MODULE})\n" in text


def test_a_run_without_changes_is_reported() -> None:
    previous = Baseline(run_id="r", run_ref="TR-0041", statuses={})
    text = render(found(*f.plan("test_a"), *f.passes("test_a"), f.finish(), previous=previous))
    assert "Since TR-0041, the last run of the job: no changes" in text


def test_pending_entities_and_reports_are_listed() -> None:
    pending = ["3 pending: no response within 5 s", "finish with: pytest-atlas push .atlas/sessions/s1"]
    text = render(found(*ONE, pending=pending, status=status(reports=("report 'x': completed; rail is drifting",))))
    assert (
        "> ⚠️ 3 pending: no response within 5 s\n>\n> ⚠️ finish with: <code>pytest-atlas push .atlas/sessions/s1</code>\n" in text
    )
    assert "### Analysis\n\n* report 'x': completed; rail is drifting\n" in text


def test_the_environment_is_last() -> None:
    session = f.session(job="nightly", environment={"Git": "main@1a2b", "CI job": "https://ci.example/7"})
    text = render(found(*ONE, session=session))
    assert "| Job | <code>nightly</code> |" in text
    assert "| Git | <code>main@1a2b</code> |" in text
    assert "| CI job | <https://ci.example/7> |" in text
    assert text.endswith("</details>\n")


def test_an_unknown_session_has_a_job_summary() -> None:
    assert render(session_findings(f.fold(gone=True))).startswith("## ❌ pytest died")


@pytest.mark.parametrize(
    ("seconds", "words"), [(4.24, "4.2 s"), (75.0, "1 min 15 s"), (59.99, "60.0 s"), (7500.0, "2 h 5 min")]
)
def test_the_format_of_a_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


LONG = "€" * 5000


def everything(text: str, count: int = 1) -> SessionFindings:
    """Return a session with `text` in every place where a user, a test or a server can put text."""
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
    then = {step_identity_line(f.nodeid(name)): ["failed"] for name in noted}
    session = f.session(title=text, job=text, environment={f"{n}{text}": text for n in range(min(count, 20))})
    return found(
        *events,
        f.finish(1),
        session=session,
        pending=[text] * count,
        previous=Baseline(run_id="r", run_ref=text, statuses=then),
        status=status(run_ref=text, atlas=text, look=text, reports=(text,) * count),
    )


@cache
def tags_of_a_word() -> list[str]:
    return rendered(render(everything("aword", 2))).tags


@settings(deadline=None)
@given(HOSTILE)
def test_no_text_changes_the_structure(text: str) -> None:
    # With letters around the text, because an empty text would be left out.
    assert rendered(render(everything(f"a{text}z", 2))).tags == tags_of_a_word()


@pytest.mark.parametrize("text", [LONG, "<" * 5000, "x\n" * 5000, "".join(PIECES) * 40], ids=["long", "markup", "lines", "all"])
@pytest.mark.parametrize("count", [2, 300])
def test_the_size_is_limited(text: str, count: int) -> None:
    shown = render(everything(text, count))
    assert len(shown.encode("utf-8", "replace")) <= MAX_BYTES
    tags = rendered(shown).tags
    assert tags.count("details") == tags.count("/details") == tags.count("summary")


def test_the_number_of_omitted_failures_is_shown() -> None:
    names = [f"test_{number:04}" for number in range(1000)]
    events = [*f.plan(*names), *(event for name in names for event in f.fails(name, "x" * 500)), f.finish(1)]
    text = render(found(*events))
    shown = text.count("<br>tests/test_trip.py |")
    assert 20 < shown < 1000
    assert f"\n\n… and {1000 - shown} more failed steps\n" in text
    assert f"… and {1000 - text.count('Failed in call')} more failed steps with details\n" in text


def test_the_number_of_omitted_reasons_and_measurements_is_shown() -> None:
    subtests = [f.subtest("test_a", number, "failed", title=f"s{number}", message=f"no {number}") for number in range(1, 7)]
    many = [measured("test_a", name=f"m{number}") for number in range(40)]
    events: list[ev.Event] = [f.started("test_a"), *many, *subtests, f.ended("test_a")]
    text = render(found(*f.plan("test_a"), *events, f.finish(1)))
    assert "<br>… and 43 more |" in text
    assert "… and 3 more failures of this test" in text
    assert "… and 15 more measurements" in text


def test_a_crashed_worker_is_named() -> None:
    state = f.fold(
        f.session(dist="load"), ev.TestCrashed(at=f.BEGIN, worker="gw1", nodeid=f.nodeid("test_a"), message="not running")
    )
    for event in (f.opened("gw1"), *f.plan("test_a"), f.started("test_a")):
        state.apply("journal-gw1-0.jsonl", event)
    state.apply(f.SERIAL, f.finish(1))
    state.pytest_is_gone()
    assert "pytest died while this test ran on gw1" in render(session_findings(state))
