"""Internal errors of the plugin: outcomes and exit code are those of plain pytest, and each error is one line."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.inner import Project

from pytest_atlas.fixture import request, scenarios
from pytest_atlas.recorder import artifacts, session
from pytest_atlas.recorder import tests as recorder_tests

TESTS = """
    import pytest
    def test_passes(atlas, tmp_path):
        atlas.measure("rail", 12.0, unit="V", low=11)
        with atlas.step("Arm the scope"): atlas.note("armed")
        atlas.attach("text", name="a.txt")
    def test_fails(): assert 0
    @pytest.mark.skip(reason="why not")
    def test_skips(): pass
    def test_out_of_limits(atlas): atlas.measure("rail", 10.0, unit="V", low=11)
    def test_wide(atlas_session, atlas_module): pass
"""

PLACES = (
    "plan.Planner.plan",
    "plan.Planner.identity",
    "reports.Reader.phase",
    "contexts.CardContext.collect",
    "tests.TestRecorder.context",
    "tests.TestRecorder.card_context",
    "environment.describe",
    "terminal_summary.TerminalSummary.lines",
    "session_end.SessionEnd.publish_rest",
    "session_end.SessionEnd.wait_and_print",
)
IN_WORKERS = ("plan.Planner.plan", "reports.Reader.phase", "tests.TestRecorder.context")
BREAKS = """
    def breaks(*arguments, **more): raise LookupError("broken on purpose")
"""


def run(project: Project, *how: str) -> list[str]:
    """Run a session, which must end like one without errors, and return the lines about internal errors."""
    ended = project.write("test_bench.py", TESTS).record("-p", "no:cacheprovider", "-o", "atlas_artifacts=*.csv", *how)
    output = ended.out + ended.err
    assert ended.code == 1, output
    assert "2 failed, 2 passed, 1 skipped" in ended.out, output
    assert "INTERNALERROR" not in output
    assert "warning" not in output
    lines = [line for line in output.splitlines() if "internal error" in line]
    assert all("LookupError: broken on purpose, conftest.py:2" in line and line.endswith("please report it") for line in lines)
    assert len(lines) == len(set(lines))
    return lines


@pytest.mark.parametrize(("place", "how"), [*((place, ()) for place in PLACES), *((place, ("-n2",)) for place in IN_WORKERS)])
def test_an_internal_error_is_one_line_and_has_no_other_effect(tmp_path: Path, place: str, how: tuple[str, ...]) -> None:
    *names, attribute = place.split(".")
    project = Project(tmp_path).write(
        "conftest.py",
        f"""{BREAKS}
    def pytest_configure(config):
        from pytest_atlas.recorder import contexts, environment, plan, reports, session_end, terminal_summary, tests
        {".".join(names)}.{attribute} = breaks
    """,
    )
    assert 1 <= len(run(project, *how)) <= 2  # one for each broken hook


CLASSES = (
    session.SessionRecorder,
    session.Outermost,
    recorder_tests.TestRecorder,
    recorder_tests.WorkerRecorder,
    artifacts.ArtifactCollector,
    scenarios.ScenarioSteps,
    request._LimitsFailTests,
)
NOT_GUARDED = {  # these are guarded inside, or implement a rule that fails tests
    "SessionRecorder.pytest_report_header",
    "SessionRecorder.pytest_sessionfinish",
    "Outermost.pytest_sessionfinish",
    "TestRecorder.pytest_runtest_protocol",
    "TestRecorder.pytest_runtest_makereport",
    "_LimitsFailTests.pytest_runtest_call",
}


def hooks() -> Iterator[tuple[str, object]]:
    for cls in CLASSES:
        for name, function in vars(cls).items():
            if name.startswith("pytest_"):
                yield f"{cls.__name__}.{name}", function


def test_every_hook_is_guarded() -> None:
    assert {name for name, function in hooks() if not hasattr(function, "__wrapped__")} == NOT_GUARDED
    rooms = [Path(inspect.getfile(session)).parent, Path(inspect.getfile(request)).parent]
    written = [path.read_text("utf-8").count("    def pytest_") for room in rooms for path in room.glob("*.py")]
    assert sum(written) == len(list(hooks()))


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "distributed"])
def test_all_guarded_functions_can_raise(tmp_path: Path, how: tuple[str, ...]) -> None:
    """Every guarded function raises at its call, in the controller and in workers."""
    project = Project(tmp_path).write(
        "conftest.py",
        f"""{BREAKS}
    import inspect
    def pytest_configure(config):
        from pytest_atlas.recorder import artifacts, session, tests
        from pytest_atlas.fixture import scenarios
        for module in (artifacts, session, tests, scenarios):
            for _, cls in inspect.getmembers(module, inspect.isclass):
                for name, function in vars(cls).items():
                    if inspect.isfunction(function) and hasattr(function, "__wrapped__") and name not in PRINTED_BY:
                        cells = dict(zip(function.__code__.co_freevars, function.__closure__))
                        if "hook" in cells: cells["hook"].cell_contents = breaks
    PRINTED_BY = ("pytest_terminal_summary", "pytest_unconfigure", "_print_summary_once")  # otherwise nothing could print it
    """,
    )
    assert len(run(project, *how)) >= 5
