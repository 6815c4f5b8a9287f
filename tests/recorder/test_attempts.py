"""Every execution of a test is an attempt, and every report belongs to its item, in real sessions with plugins."""

from pathlib import Path

import pytest
from tests.support.inner import Ended, Project, plugins

from pytest_atlas.descriptions import Attempts, parse_attempts, parse_measurements
from pytest_atlas.journal import events as ev
from pytest_atlas.session import desired

ATLAS = "pytest_atlas.plugin"


def attempts(ended: Ended, name: str) -> Attempts:
    found = parse_attempts(ended.steps[name].text)
    assert found is not None
    return found


def outcomes(ended: Ended, name: str) -> list[str]:
    """Return the outcomes of the listed attempts, newest first."""
    return [attempt.outcome for attempt in attempts(ended, name).attempts]


def record(tmp_path: Path, tests: str, conftest: str = "", *arguments: str, plugin: str = "") -> Ended:
    project = Project(tmp_path).write("test_bench.py", tests).write("conftest.py", conftest)
    ended = project.record(*arguments, env=plugins(ATLAS, "pytest_subtests.plugin", *filter(None, [plugin])))
    assert "internal error" not in ended.out + ended.err
    return ended


# ── attempts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BOUNCES = """
    import pytest
    seen = []
    @pytest.mark.flaky(retries=3, delay=0)
    def test_bounces(atlas):
        seen.append(1)
        atlas.measure("rail", 12.9 if len(seen) < 3 else 12.0, unit="V", high=12.1)
    @pytest.mark.flaky(retries=1, delay=0)
    def test_stays_bad(): assert 0, "no contact"
    def test_plain(): pass
"""


def test_all_retries_of_pytest_retry_are_attempts(tmp_path: Path) -> None:
    ended = record(tmp_path, BOUNCES, plugin="pytest_retry.retry_plugin")
    assert ended.statuses() == {"test_bounces": "passed_with_exception", "test_stays_bad": "failed", "test_plain": "passed"}
    assert ended.steps["test_bounces"].note.startswith(
        "passed at attempt 3; first failure: rail: 12.9 V is 0.8 V above the high limit of 12.1 V"
    )
    assert outcomes(ended, "test_bounces") == ["passed", "failed", "failed"]
    assert outcomes(ended, "test_stays_bad") == ["failed", "failed"]
    assert ended.terminal_summary[0].startswith("3 tests recorded only")


def test_a_retry_with_another_outcome_name_is_an_attempt(tmp_path: Path) -> None:
    ended = record(tmp_path, BOUNCES, "", "--retry-outcome=bounced", plugin="pytest_retry.retry_plugin")
    assert ended.statuses()["test_bounces"] == "passed_with_exception"
    assert outcomes(ended, "test_bounces") == ["passed", "failed", "unknown"]
    assert "outcome 'bounced', which is unknown to Atlas" in ended.steps["test_bounces"].note


FLAKY = """
    from flaky import flaky
    seen = []
    @flaky(max_runs=3)
    def test_bounces():
        seen.append(1)
        assert len(seen) > 2, f"no contact {len(seen)}"
    @flaky(max_runs=4, min_passes=3)
    def test_passes_often(): pass
    @flaky(max_runs=2)
    def test_stays_bad(): assert 0
"""


def test_attempts_without_reports_of_flaky_are_listed(tmp_path: Path) -> None:
    ended = record(tmp_path, FLAKY, plugin="flaky.flaky_pytest_plugin")
    note = "passed at attempt 3; first failure: AssertionError: no contact 1"
    assert (ended.steps["test_bounces"].status, ended.steps["test_bounces"].note) == ("passed_with_exception", note)
    assert outcomes(ended, "test_bounces") == ["passed", "failed", "failed"]
    assert (ended.statuses()["test_passes_often"], outcomes(ended, "test_passes_often")) == ("passed", ["passed"] * 3)
    assert (ended.statuses()["test_stays_bad"], outcomes(ended, "test_stays_bad")) == ("failed", ["failed"] * 2)


LAST_COUNTS = """
    import pytest
    from _pytest.runner import runtestprotocol
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for _ in range(3):
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            if all(report.passed for report in reports): break
        for report in reports: item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""
THIRD = """
    seen = []
    def test_third(subtests):
        seen.append(1)
        assert len(seen) == 3, f"attempt {len(seen)}"
    def test_first(): pass
    def test_never(): assert 0
"""


def test_a_loop_that_reports_only_its_last_attempt_has_all_attempts(tmp_path: Path) -> None:
    ended = record(tmp_path, THIRD, LAST_COUNTS)
    note = "passed at attempt 3; first failure: AssertionError: attempt 1"
    assert (ended.steps["test_third"].status, ended.steps["test_third"].note) == ("passed_with_exception", note)
    assert outcomes(ended, "test_third") == ["passed", "failed", "failed"]
    assert [outcomes(ended, name) for name in ("test_first", "test_never")] == [["passed"], ["failed"] * 3]


REPORTED_AT_THE_END = LAST_COUNTS.replace("reports = runtest", "reports += runtest").replace(
    "        for _ in range(3):", "        reports = []\n        for n in range(3):"
)


@pytest.mark.parametrize(("outcome", "status"), [("rerun", "passed_with_exception"), ("failed", "failed")])
def test_a_loop_that_reports_all_attempts_at_its_end_has_all_attempts(tmp_path: Path, outcome: str, status: str) -> None:
    changed = REPORTED_AT_THE_END.replace(
        "if all(report.passed for report in reports): break",
        f"""
            if all(report.passed for report in reports[-3:]): break
            for report in reports: report.outcome = {outcome!r} if report.failed else report.outcome
        """.strip(),
    )
    ended = record(tmp_path, THIRD, changed)
    assert ended.statuses()["test_third"] == status
    assert outcomes(ended, "test_third")[-2:] == ["failed", "failed"]


RERUN_SUBTESTS = """
    import pytest
    seen = []
    @pytest.mark.flaky(reruns=2)
    def test_bounces(subtests, atlas):
        seen.append(1)
        with subtests.test("14 V"):
            atlas.measure("rail", 12.9 if len(seen) == 1 else 12.0, unit="V", high=12.1)
            assert len(seen) > 1, "no contact"
        with subtests.test("15 V"):
            pass
    @pytest.mark.flaky(reruns=1)
    def test_stays_bad(subtests):
        with subtests.test("14 V"):
            assert 0, "no contact"
"""


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="pytest 8 passes a test with failed subtests, so it is not rerun")
@pytest.mark.parametrize("options", [(), ("-p", "xdist.plugin", "-n2")], ids=["serial", "xdist"])
def test_a_rerun_replaces_a_failed_subtest_of_its_attempt(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Also with xdist, where pytest counts the failures of subtests that pytest-rerunfailures replaced."""
    ended = record(tmp_path, RERUN_SUBTESTS, "", *options, plugin="pytest_rerunfailures")
    assert ended.statuses() == {
        "test_bounces": "passed_with_exception",
        "test_bounces > 14 V": "passed_with_exception",
        "test_bounces > 15 V": "passed",
        "test_stays_bad": "failed",
        "test_stays_bad > 14 V": "failed",
    }
    note = "passed at attempt 2; first failure: AssertionError: no contact"
    assert ended.steps["test_bounces"].note == f"{note}; rail: 12.9 V (≤ 12.1 V) OUT OF LIMITS"
    assert ended.steps["test_bounces > 14 V"].note == note
    listed = {name: outcomes(ended, name) for name in ended.steps if name.startswith("test_bounces")}
    assert listed == {
        "test_bounces": ["passed", "failed"],
        "test_bounces > 14 V": ["passed", "failed"],
        "test_bounces > 15 V": ["passed"] * 2,
    }
    assert outcomes(ended, "test_stays_bad") == ["failed"] * 2


LOOP = """
    import pytest
    def pytest_runtestloop(session):
        for loop in range(LOOPS):
            for item in session.items:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return True
"""
SOAK = """
    import pytest
    loops = []
    def test_supply_holds():
        loops.append(1)
        assert len(loops) != 2, "rail dropped in loop 2"
    def test_bus(atlas): atlas.measure("cycle", 25.0 if len(loops) == 1 else 10.0, unit="ms", high=12)
    def test_scope():
        if len(loops) > 1: pytest.skip("busy")
    def test_holds(): pass
"""


def test_every_loop_is_an_attempt_and_a_counted_failure_stays_failed(tmp_path: Path) -> None:
    ended = record(tmp_path, SOAK, LOOP.replace("LOOPS", "4"))
    assert ended.statuses() == {
        "test_supply_holds": "failed",
        "test_bus": "failed",
        "test_scope": "passed",
        "test_holds": "passed",
    }
    assert outcomes(ended, "test_supply_holds") == ["passed", "passed", "failed", "passed"]
    assert attempts(ended, "test_supply_holds").attempts[2].message == "AssertionError: rail dropped in loop 2"
    assert attempts(ended, "test_bus").attempts[3].message.startswith("cycle: 25 ms is 13 ms above the high limit of 12 ms")
    assert outcomes(ended, "test_scope") == ["skipped"] * 3 + ["passed"]
    assert "Failed in call (attempt 2)" in ended.steps["test_supply_holds"].text


def test_ten_of_many_attempts_are_listed_including_the_first_failure(tmp_path: Path) -> None:
    ended = record(tmp_path, SOAK, LOOP.replace("LOOPS", "15"))
    found = attempts(ended, "test_supply_holds")
    assert [attempt.outcome for attempt in found.attempts] == ["passed"] * 9 + ["failed"]
    assert [more.counts for more in found.more] == [(("passed", 5),)]


def test_a_loop_without_protocols_is_recorded(tmp_path: Path) -> None:
    loop = LOOP.replace("LOOPS", "2").replace(
        "item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)", "runtestprotocol(item, nextitem=None)"
    )
    ended = record(tmp_path, SOAK, loop.replace("import pytest", "from _pytest.runner import runtestprotocol"))
    assert ended.statuses()["test_supply_holds"] == "failed"
    assert outcomes(ended, "test_supply_holds") == ["failed", "passed"]
    assert outcomes(ended, "test_holds") == ["passed", "passed"]


CRASH = """
    import os, pathlib
    def test_crashes(atlas):
        is_first = not pathlib.Path("crashed").exists()
        atlas.measure("rail", 12.9 if is_first else 12.0, unit="V", high=12.1)
        with atlas.step("Arm"):
            atlas.measure("scope", 2.0 if is_first else 1.0, high=1.5)
            if is_first:
                pathlib.Path("crashed").touch()
                os._exit(3)
    def test_fine(): pass
"""


def test_a_pass_supersedes_a_crash_that_a_plugin_replaced(tmp_path: Path) -> None:
    ended = record(tmp_path, CRASH, "", "-p", "xdist", "-p", "rerunfailures", "-n1", "--reruns=1")
    assert ended.code == 0
    shown = ended.steps["test_crashes"]
    note = "passed at attempt 2; first failure: pytest died while this test ran"
    assert (shown.status, shown.note) == ("passed_with_exception", note)
    assert outcomes(ended, "test_crashes") == ["passed", "died"]
    inner = ended.steps["test_crashes > Arm"]
    assert inner.status == "passed_with_exception"
    assert inner.note.startswith("passed at attempt 2; first failure: pytest died while this test ran")
    assert outcomes(ended, "test_crashes > Arm") == ["passed", "failed"]
    measured = [(m.text, m.verdict) for step in (shown, inner) for m in parse_measurements(step.text)]
    assert measured == [("rail: 12 V (≤ 12.1 V)", "pass"), ("scope: 1 (≤ 1.5)", "pass")]


def test_a_crash_that_no_plugin_replaced_is_a_failure(tmp_path: Path) -> None:
    ended = record(tmp_path, CRASH, "", "-p", "xdist", "-n1", "--dist=loadscope")
    assert ended.statuses()["test_crashes"] == ended.statuses()["test_crashes > Arm"] == "failed"
    assert outcomes(ended, "test_crashes") == ["passed", "died"]
    (crash,) = ended.recorded(ev.TestCrashed)
    assert crash.outcome == "failed"


# ── the item of a report ──────────────────────────────────────────────────────────────────────────────────────────────

TESTS = """
    import pytest
    @pytest.mark.parametrize("mode", ["Überspannung", "plain"])
    def test_fails(mode): assert mode == "plain", mode
    @pytest.mark.parametrize("mode", ["Überspannung", "plain"])
    def test_passes(mode, subtests):
        with subtests.test("inner"): pass
    def test_skips(): pytest.skip("no scope")
"""
CHANGED = """
    import pytest
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        REPORT
        return report
"""
CHANGES = {
    "the nodeid is decoded": "report.nodeid = report.nodeid.encode().decode('unicode_escape')",
    "the nodeid has a prefix": "report.nodeid = 'bench-3/' + report.nodeid",
    "the nodeid is another test's": "report.nodeid = 'test_bench.py::test_passes[plain]'",
    "the location is gone": "report.location = ('?', None, '?')",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_report_belongs_to_the_item_whose_protocol_runs(tmp_path: Path, change: str) -> None:
    statuses = record(tmp_path, TESTS, CHANGED.replace("REPORT", change)).statuses()
    assert {name.replace("\\xdc", "Ü"): status for name, status in statuses.items()} == {
        "test_fails[Überspannung]": "failed",
        "test_fails[plain]": "passed",
        "test_passes[Überspannung]": "passed",
        "test_passes[Überspannung] > inner": "passed",
        "test_passes[plain]": "passed",
        "test_passes[plain] > inner": "passed",
        "test_skips": "todo",
    }


BARE = """
    import pytest
    class Bare:
        ATTRIBUTES
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        from _pytest.runner import runtestprotocol
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            bare = Bare()
            for name in NAMES: setattr(bare, name, getattr(report, name))
            item.config.pluginmanager.get_plugin("atlas-tests").pytest_runtest_logreport(report=bare)
        return True
"""


def bare(*names: str, attributes: str = "pass") -> str:
    """Return a plugin with a new report class that has these attributes. pytest's terminal can't print it."""
    return BARE.replace("NAMES", repr(names)).replace("ATTRIBUTES", attributes)


def test_a_report_of_another_class_needs_an_outcome_and_a_phase(tmp_path: Path) -> None:
    ended = record(tmp_path, "def test_a(): pass\ndef test_b(): assert 0\n", bare("outcome", "when"))
    assert ended.statuses() == {"test_a": "passed", "test_b": "failed"}


@pytest.mark.parametrize("attributes", ["pass", "outcome = None", "outcome = property(lambda self: 1 / 0)"])
def test_a_test_without_a_usable_report_is_todo_with_a_reason_and_counted(tmp_path: Path, attributes: str) -> None:
    ended = record(tmp_path, "def test_a(): pass\ndef test_b(): assert 0\n", bare("when", attributes=attributes))
    assert ended.statuses() == {"test_a": "todo", "test_b": "todo"}
    assert all("ran, but pytest reported no result" in shown.text for shown in ended.steps.values())
    assert "2 tests ran, but pytest reported no result: test_bench.py::test_a, …" in ended.terminal_summary
    assert outcomes(ended, "test_a") == ["unreported"]
    assert "2 without a result" in desired.run(ended.state).description


@pytest.mark.parametrize("distributed", [(), ("-p", "xdist", "-n2")], ids=["serial", "distributed"])
def test_a_protocol_that_reports_nothing_is_counted_once_per_test(tmp_path: Path, distributed: tuple[str, ...]) -> None:
    swallow = """
    import pytest
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        if "swallowed" in item.name: return True
    """
    tests = "def test_swallowed(): pass\ndef test_b(): pass\n"
    ended = record(tmp_path, tests, swallow, *distributed)
    assert ended.statuses() == {"test_swallowed": "todo", "test_b": "passed"}
    assert "1 test ran, but pytest reported no result: test_bench.py::test_swallowed" in ended.terminal_summary


def test_a_test_that_a_loop_repeats_without_a_result_is_counted_once(tmp_path: Path) -> None:
    loop = """
    import pytest
    from _pytest.runner import runtestprotocol

    def pytest_runtestloop(session):
        for _ in range(3):
            for item in session.items:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        for report in runtestprotocol(item, log=False, nextitem=nextitem) if item.name == "test_odd" else ():
            if report.when == "call": report.outcome = "inconclusive"
            item.ihook.pytest_runtest_logreport(report=report)
        return True
    """
    ended = record(tmp_path, "def test_swallowed(): pass\ndef test_odd(): pass\n", loop)
    assert "1 test ran, but pytest reported no result: test_bench.py::test_swallowed" in ended.terminal_summary
    assert "1 test has an outcome that is unknown to Atlas: test_bench.py::test_odd: 'inconclusive'" in ended.terminal_summary
    assert "Outcome 'inconclusive' in call (attempt 3), which is unknown to Atlas.\n" in ended.steps["test_odd"].text


UNKNOWN = """
    import pytest
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if call.when == "call" and item.name == "test_odd": report.outcome = OUTCOME
        return report
    def pytest_report_teststatus(report):
        if report.outcome not in ("passed", "failed", "skipped"): return "odd", "o", "ODD"
"""


@pytest.mark.parametrize("outcome", ["'warned'", "''", "7", "object()", "b'passed'", "float('nan')"])
def test_an_unknown_outcome_is_named_and_not_passed(tmp_path: Path, outcome: str) -> None:
    ended = record(tmp_path, "def test_odd(): pass\ndef test_b(): pass\n", UNKNOWN.replace("OUTCOME", outcome))
    assert ended.statuses() == {"test_odd": "todo", "test_b": "passed"}
    assert "which is unknown to Atlas" in ended.steps["test_odd"].text
    assert any(
        line.startswith("1 test has an outcome that is unknown to Atlas: test_bench.py::test_odd")
        for line in ended.terminal_summary
    )
    assert outcomes(ended, "test_odd") == ["unknown"]


OTHERS = """
    import pytest
    from _pytest.runner import runtestprotocol
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        # The first test of a group runs the others.
        if item.name == "test_first":
            for other in item.session.items[1:]: runtestprotocol(other, nextitem=item)
            return None
        return True if GROUP else None
"""


def test_items_inside_another_protocol_have_separate_results(tmp_path: Path) -> None:
    tests = "def test_first(): pass\ndef test_bad(): assert 0\ndef test_good(): pass\n"
    ended = record(tmp_path, tests, OTHERS.replace("GROUP", "False"))
    assert ended.statuses() == {"test_first": "passed", "test_bad": "failed", "test_good": "passed"}
    assert [outcomes(ended, name) for name in ("test_first", "test_bad", "test_good")] == [
        ["passed"],
        ["failed", "failed"],
        ["passed", "passed"],
    ]


THREADS = """
    import threading
    def pytest_runtestloop(session):
        # pytest's own state of set-ups knows no threads: give each item its turn, in a thread of its own.
        turns = threading.Lock()
        def run(item):
            with turns: item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        threads = [threading.Thread(target=run, args=(item,)) for item in session.items]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        return True
"""


def test_items_in_threads_have_separate_results(tmp_path: Path) -> None:
    tests = "import pytest\n@pytest.mark.parametrize('n', range(8))\ndef test_n(n): assert n % 2\n"
    conftest = THREADS + CHANGED.replace("REPORT", "report.nodeid = 'x'")
    ended = record(tmp_path, tests, conftest)
    assert ended.statuses() == {f"test_n[{n}]": "passed" if n % 2 else "failed" for n in range(8)}


def test_a_report_outside_of_all_tests_is_in_the_terminal_summary(tmp_path: Path) -> None:
    conftest = """
    from _pytest.reports import TestReport
    def pytest_sessionfinish(session):
        report = TestReport("bench::self-test", ("bench", 0, "self-test"), {}, "failed", "no scope", "call")
        session.config.hook.pytest_runtest_logreport(report=report)
    """
    ended = record(tmp_path, "def test_a(): pass\n", conftest)
    assert "1 report that belongs to no test is not recorded: bench::self-test" in ended.terminal_summary
    assert ended.statuses() == {"test_a": "passed"}
