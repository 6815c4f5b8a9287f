"""Hooks of projects in real sessions: their effect, their order, and the effect of errors."""

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project

from pytest_atlas.journal import events as ev

TWO = pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
OTHER = "0d9b7a52-3f0e-4b55-9d36-5f3e7c1b8a10"

TESTS = """
    import pytest
    pytestmark = pytest.mark.requirement("REQ-1 Trip")

    def test_plain(): "Words of the test."

    @pytest.mark.parametrize("volts", [12, 13])
    @pytest.mark.atlas_step("Apply {volts} V", step_type="data")
    def test_marked(volts): pass

    @pytest.mark.atlas_card("Own card", description="Own words.")
    def test_on_its_own_card(): pass

    @pytest.mark.requirement("")
    class TestByPlace:
        "Words of the class."
        def test_here(self): pass
"""

CONFTEST = f"""
    import os, pytest
    from pytest_atlas import CardMapping, RunMapping, StepMapping

    def pytest_configure(config):
        config.addinivalue_line("markers", "requirement(title): the requirement that the test verifies")

    def pytest_atlas_run(config):
        with open(config.rootpath / "asked", "a") as file:
            file.write(f"run by {{getattr(config, 'workerinput', {{}}).get('workerid', 'the main process')}}\\n")
        return RunMapping("By hook", description="Words of the hook.", assets=["{OTHER}", "{SYSTEM}"], templates=("{OTHER}",))

    def pytest_atlas_card(item):
        title = item.get_closest_marker("requirement").args[0]
        if item.get_closest_marker("atlas_card"):
            return CardMapping(template="{OTHER}")
        if title == "REQ-2":
            return CardMapping(title)
        return CardMapping(title, description="For the record.") if title else CardMapping(description="More words.")

    @pytest.hookimpl(trylast=True)
    def pytest_atlas_step(item):
        return StepMapping(f"{{item.name}} {{{{unchanged}}}}", step_type="manual")

    class Company:
        def pytest_atlas_step(self):
            return StepMapping(step_type="passfail")
        @pytest.hookimpl(tryfirst=True)
        def pytest_atlas_run(self):
            return RunMapping(issues=["{SYSTEM}"])

    def pytest_addhooks(pluginmanager):
        pluginmanager.register(Company(), "company")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("mapped")).write("test_it.py", TESTS).write("conftest.py", CONFTEST)
    project.write(
        "strict/test_deep.py",
        "'Words of the module.'\nimport pytest\n@pytest.mark.requirement('REQ-2')\ndef test_deep(): pass\n",
    )
    return project.write("strict/conftest.py", "def pytest_atlas_step(item): return 'Deep'\n")


@pytest.fixture(scope="module", params=[(), ("-n2",)], ids=["serial", "distributed"])
def mapped(project: Project, request: pytest.FixtureRequest) -> Ended:
    (project.root / "asked").unlink(missing_ok=True)
    directory = f"record{len(request.param)}"
    arguments = ("--atlas-offline", f"--atlas-system={SYSTEM}", f"--atlas-asset={SYSTEM}", f"--atlas-dir={directory}")
    return project.pytest(*arguments, *request.param, atlas_dir=project.root / directory)


def test_the_run_hook_sets_texts_and_links_in_one_process(project: Project, mapped: Ended) -> None:
    (session,) = mapped.recorded(ev.SessionStarted)
    assert (session.title, session.description) == ("By hook", "Words of the hook.")
    assert session.asset_ids == (SYSTEM, OTHER)  # those of the settings first, each once
    assert session.issue_ids == (SYSTEM,)
    assert session.template_ids == (OTHER,)
    assert (project.root / "asked").read_text() == "run by the main process\n"


def test_a_hook_puts_tests_on_cards_field_by_field(mapped: Ended) -> None:
    cards = {(c.planned.kind, c.planned.name): (c.planned.doc, c.planned.template) for c in mapped.state.cards.values()}
    assert cards == {
        ("marker", "REQ-1 Trip"): ("For the record.", ""),
        ("marker", "Own card"): ("Own words.", OTHER),
        ("class", "test_it.py::TestByPlace"): ("More words.", ""),
        ("marker", "REQ-2"): ("", ""),  # the docstring of the module does not describe it
    }
    assert Counter(test.card for test in mapped.tests())["card:marker:REQ-1 Trip"] == 3


def test_the_closest_conftest_determines_each_field(mapped: Ended) -> None:
    steps = [(test.planned.title, test.planned.step_type) for test in mapped.tests()]
    assert sorted(steps) == [
        ("Deep", "passfail"),  # the conftest of the directory, which applies to no other test
        ("test_here {unchanged}", "passfail"),
        ("test_marked[12] {unchanged}", "passfail"),
        ("test_marked[13] {unchanged}", "passfail"),
        ("test_on_its_own_card {unchanged}", "passfail"),
        ("test_plain {unchanged}", "passfail"),
    ]


def test_hooks_do_not_change_the_identity_of_a_test(mapped: Ended) -> None:
    assert {test.planned.nodeid for test in mapped.tests()} == {
        "test_it.py::test_plain",
        "test_it.py::test_marked[12]",
        "test_it.py::test_marked[13]",
        "test_it.py::test_on_its_own_card",
        "test_it.py::TestByPlace::test_here",
        "strict/test_deep.py::test_deep",
    }
    for test, shown in zip(mapped.tests(), mapped.steps.values(), strict=True):
        assert shown.text.endswith(f"pytest: {test.planned.nodeid}")
    assert (mapped.code, mapped.err) == (0, "")
    assert len(mapped.terminal_summary) == 2


def test_settings_override_the_texts_of_the_run_hook(project: Project) -> None:
    given = ("--atlas-title=By hand", "--atlas-description=My words.", "--atlas-dir=by-hand")
    ended = project.pytest("--atlas-offline", f"--atlas-system={SYSTEM}", *given, atlas_dir=project.root / "by-hand")
    (session,) = ended.recorded(ev.SessionStarted)
    assert (session.title, session.description) == ("By hand", "My words.")


@pytest.mark.parametrize("how", [("--collect-only", f"--atlas-system={SYSTEM}"), ()], ids=["collect-only", "not in use"])
def test_no_hook_is_called_if_nothing_is_recorded(tmp_path: Path, how: tuple[str, ...]) -> None:
    names = ("run(config)", "card(item)", "step(item)", "artifacts(item, report)", "outcome(item, outcome)")
    calls = [f"def pytest_atlas_{name}: raise SystemExit('called')" for name in names]
    project = Project(tmp_path).write("test_it.py", "def test_a(): pass").write("conftest.py", "\n".join(calls))
    assert project.pytest(*how).code == 0


OUTCOMES = """
    import pytest
    def test_passes(): pass
    def test_fails(): assert 0
    def test_errs_late(late): pass
    @pytest.fixture
    def late():
        yield
        raise OSError("late")
    def test_skips(): pytest.skip("no rig")
    @pytest.mark.xfail(reason="ECR-1")
    def test_xfails(): assert 0
    @pytest.mark.xfail
    def test_xpasses(): pass
    @pytest.mark.flaky(reruns=1)
    def test_flaky(tries=[]):
        tries.append(0)
        assert len(tries) == 2
    def test_out_of_limits(atlas):
        with pytest.raises(AssertionError): atlas.measure("trip time", 2, high=1, required=True)
"""

SEES = """
    import pytest
    from pytest_atlas import Notes
    def pytest_atlas_outcome(item, outcome):
        phases = " ".join(f"{r.when} {r.outcome}" for r in outcome.reports)
        return Notes([f"saw {outcome.result} after {outcome.attempts}: {phases}"], exceptions=["accepted by ECR-7"])
    class Other:
        def pytest_atlas_outcome(self, outcome): return "and so did I" if outcome.result == "skipped" else None
    def pytest_configure(config): config.pluginmanager.register(Other())
"""


@TWO
def test_the_outcome_hook_adds_notes_and_a_failed_test_stays_failed(tmp_path: Path, how: tuple[str, ...]) -> None:
    project = Project(tmp_path).write("test_it.py", OUTCOMES).write("conftest.py", SEES)
    ended = project.record(*how, "--atlas-attach=none")
    assert {name: shown.status for name, shown in ended.steps.items()} == {
        "test_passes": "passed_with_exception",
        "test_fails": "failed",
        "test_errs_late": "failed",
        "test_skips": "todo",
        "test_xfails": "passed_with_exception",
        "test_xpasses": "passed_with_exception",
        "test_flaky": "passed_with_exception",
        "test_out_of_limits": "failed",
    }
    assert ended.steps["test_passes"].note == "accepted by ECR-7"
    assert ended.steps["test_fails"].note == ""
    assert "accepted by ECR-7" in ended.steps["test_xfails"].note
    all_passed = "setup passed call passed teardown passed"
    assert {name: _saw(shown.text) for name, shown in ended.steps.items()} == {
        "test_passes": [f"Note: saw passed after 1: {all_passed}"],
        "test_fails": ["Note: saw failed after 1: setup passed call failed teardown passed"],
        "test_errs_late": ["Note: saw failed after 1: setup passed call passed teardown failed"],
        "test_skips": ["Note: and so did I", "Note: saw skipped after 1: setup passed call skipped teardown passed"],
        "test_xfails": ["Note: saw xfailed after 1: setup passed call skipped teardown passed"],
        "test_xpasses": [f"Note: saw xpassed after 1: {all_passed}"],
        "test_flaky": [f"Note: saw passed after 2: {all_passed}"],
        "test_out_of_limits": [f"Note: saw failed after 1: {all_passed}"],
    }
    assert not ended.recorded(ev.FileKept)
    assert len(ended.terminal_summary) == 2


def _saw(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("Note: ")]


FAULTY = """
    import pytest, statistics
    from pytest_atlas import CardMapping

    def pytest_atlas_run(config): pytest.skip("not on Sundays")

    def pytest_atlas_card(item):
        if item.name != "test_0":
            return statistics.mean([])  # raises in another file

    def pytest_atlas_step(item): return {"title": item.name}

    @pytest.hookimpl(wrapper=True)
    def pytest_atlas_outcome(item): return (yield)

    def pytest_atlas_artifacts(item, report):
        yield "missing.log"
        yield item.path
        raise Mute(item.name)

    class Mute(BaseException):
        def __str__(self): raise RuntimeError("no words")

    class Sound:
        def pytest_atlas_run(self): return "Sound"
        def pytest_atlas_card(self, item): return CardMapping(title="Sound card")
        def pytest_atlas_step(self, item): return "Sound " + item.name
        def pytest_atlas_outcome(self, item): return "sound"
        @pytest.hookimpl(trylast=True)
        def pytest_atlas_artifacts(self, item, report): return [item.path.with_name("pytest.ini")]

    def pytest_addhooks(pluginmanager): pluginmanager.register(Sound(), "sound")
"""


@TWO
def test_an_error_in_a_hook_loses_its_result_and_is_one_line(tmp_path: Path, how: tuple[str, ...]) -> None:
    tests = "\n".join(f"def test_{n}(): pass" for n in range(6))
    ended = Project(tmp_path).write("test_it.py", tests).write("conftest.py", FAULTY).record(*how)
    assert (ended.code, ended.err) == (0, "")
    lines = sorted(line for line in ended.terminal_summary if line.startswith("the hook"))
    assert [_without_test(line) for line in lines] == [
        (
            "the hook pytest_atlas_artifacts of conftest.py:16 for TEST gave 'missing.log', which can't be copied "
            "(No such file or directory); raised Mute (conftest.py:19)"
        ),
        (
            "the hook pytest_atlas_card of conftest.py:7 for test_it.py::test_1 "
            "raised StatisticsError: mean requires at least one data point (conftest.py:9)"
        ),
        (
            "the hook pytest_atlas_outcome of conftest.py:13 for TEST is a wrapper, which this hook does not support, "
            "and was not called. Implement it without wrapper=True"
        ),
        "the hook pytest_atlas_run of conftest.py:5 raised Skipped: not on Sundays (conftest.py:5)",
        (
            "the hook pytest_atlas_step of conftest.py:11 for test_it.py::test_0 returned {'title': 'test_0'}. "
            "Return a pytest_atlas.StepMapping, a title, or None"
        ),
    ]
    assert ended.state.session
    assert ended.state.session.title == "Sound"
    assert [card.planned.name for card in ended.state.cards.values()] == ["Sound card"]
    assert {name: _saw(shown.text) for name, shown in ended.steps.items()} == {
        f"Sound test_{n}": ["Note: sound"] for n in range(6)
    }
    kept = Counter((file.nodeid, file.name) for file in ended.recorded(ev.FileKept))
    assert set(kept.values()) == {3}  # set-up, call and teardown
    assert len(kept) == 12


def _without_test(line: str) -> str:
    """Remove the name of the test: with several processes, the first one is random, except in the plan."""
    head, for_, rest = line.partition(" for ")
    in_plan = "_artifacts" not in head and "_outcome" not in head
    return line if in_plan else f"{head}{for_}TEST {rest.partition(' ')[2]}"


ENDS = {
    "run": ("pytest_atlas_run(config)", []),
    "card": ("pytest_atlas_card(item)", []),
    "outcome": ("pytest_atlas_outcome(item)", ["passed", "todo"]),
    "artifacts": ("pytest_atlas_artifacts(item)", ["todo", "todo"]),
}


@pytest.mark.parametrize("raised", ["pytest.exit('enough', returncode=7)", "raise KeyboardInterrupt"])
@pytest.mark.parametrize(("hook", "statuses"), ENDS.values(), ids=ENDS)
def test_an_exception_that_ends_a_session_ends_it_in_a_hook(
    tmp_path: Path, hook: str, statuses: list[str], raised: str
) -> None:
    project = Project(tmp_path).write("test_it.py", "def test_a(): pass\ndef test_b(): pass\n")
    ended = project.write("conftest.py", f"import pytest\ndef {hook}:\n    {raised}\n").record()
    assert ended.code == (7 if "exit" in raised else pytest.ExitCode.INTERRUPTED)
    assert "internal error" not in ended.out + ended.err
    assert "the hook" not in ended.out + ended.err
    assert len(ended.recorded(ev.SessionStarted)) == 1
    assert [shown.status for shown in ended.steps.values()] == statuses


def test_a_secret_in_the_error_of_a_hook_is_redacted(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_it.py", "def test_a(): pass")
    project.write("conftest.py", "import os\ndef pytest_atlas_step(item): raise OSError(os.environ['BENCH_PASSWORD'] * 9)\n")
    ended = project.record(env={"BENCH_PASSWORD": "rosebud-rosebud"})
    assert "rosebud" not in ended.out
    assert "raised OSError: [redacted]" in ended.out
    assert json.dumps(ended.statuses()) == '{"test_a": "passed"}'


BYTES = """
    import os

    class Log:
        def __fspath__(self): return b"a.log"

    def pytest_atlas_artifacts(item, report):
        if report.when == "call":
            return GIVEN
"""


@pytest.mark.parametrize("given", ['b"a.log"', "Log()", '[b"a.log"]', "[Log()]", '[("a.log", b"a.log")]', '[("a.log", Log())]'])
def test_a_path_can_be_bytes(tmp_path: Path, given: str) -> None:
    project = Project(tmp_path).write("test_it.py", "def test_it(): pass").write("a.log", "booted")
    ended = project.write("conftest.py", BYTES.replace("GIVEN", given)).record()
    assert [f.name for f in ended.recorded(ev.FileKept)] == ["a.log"], ended.out


def test_many_unreadable_files_are_the_first_three_and_a_count(tmp_path: Path) -> None:
    hook = "def pytest_atlas_artifacts(item, report): return [f'{n}.log' for n in range(50)] if report.when == 'call' else None"
    ended = Project(tmp_path).write("test_it.py", "def test_it(): pass").write("conftest.py", hook).record()
    (line,) = [line for line in ended.terminal_summary if line.startswith("the hook pytest_atlas_artifacts")]
    assert "gave '0.log', which can't be copied (No such file or directory)" in line
    assert line.endswith("; and 47 more like these")
    assert "3.log" not in line
