"""Every outcome of a test in real sessions: serial, distributed, and executed by each worker."""

from pathlib import Path

import pytest
from tests.support.inner import Ended, Project
from tests.support.shapes import EXPECTED, RERUNS, SHAPES

from pytest_atlas.descriptions import without_attempts


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("outcomes")).write("test_shapes.py", SHAPES)


@pytest.fixture(scope="module")
def serial(project: Project) -> Ended:
    return project.pytest("--atlas-dir=serial", *RECORDED, atlas_dir=project.root / "serial")


@pytest.fixture(scope="module", params=["serial", "load", "each"])
def ended(request: pytest.FixtureRequest, project: Project, serial: Ended) -> Ended:
    if request.param == "serial":
        return serial
    how = ["-n2"] if request.param == "load" else ["--tx=2*popen", "--dist=each"]
    return project.pytest(f"--atlas-dir={request.param}", *how, *RECORDED, atlas_dir=project.root / request.param)


RECORDED = ("--atlas-offline", "--atlas-system=5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")


def test_each_outcome_has_the_status_and_the_note_of_its_row(ended: Ended) -> None:
    assert {name: (shown.status, shown.note) for name, shown in ended.steps.items()} == EXPECTED


def test_no_event_reports_an_internal_error(ended: Ended) -> None:
    assert not [line for line in ended.terminal_summary if "fault" in line], ended.out
    assert (ended.code, ended.err) == (1, "")


def test_order_is_that_of_the_collection(ended: Ended) -> None:
    names = [name for name in EXPECTED if ">" not in name]
    assert [test.planned.name for test in ended.tests()] == names


def test_a_step_description_starts_with_the_failure(serial: Ended) -> None:
    texts = {name: shown.text for name, shown in serial.steps.items()}
    assert without_attempts(texts["test_passes"]) == "Trips in time.\n\n\npytest: test_shapes.py::test_passes"
    assert texts["test_fails"].startswith("Failed in call at test_shapes.py:21:\nAssertionError: slow trip\nassert 112 <= 100")
    assert "Failed in setup at test_shapes.py:6:\nRuntimeError: no supply" in texts["test_set_up_fails"]
    assert "Failed in teardown at test_shapes.py:11:\nRuntimeError: supply stayed on" in texts["test_tear_down_fails"]
    both = texts["test_call_and_tear_down_fail"]
    assert both.index("first of two") < both.index("supply stayed on")
    assert "Skipped: by marker\n(skipped at test_shapes.py:" in texts["test_skip_marker"]
    assert "Skipped: in its body" in texts["test_skip_body"]
    assert "XPASS(strict)" in texts["test_xpass_strict"]
    assert "assert 1 == 2" in texts["test_a_subtest_fails > trip"]
    assert "AssertionError: 2 != 1" in texts["test_unit_subtests > count#2"]
    assert texts["test_unit_subtest_without_words > n=3"].endswith("> n=3")


def test_a_passed_test_has_two_short_events(serial: Ended) -> None:
    name = b"test_shapes.py::test_passes"
    lines = [
        line for line in (serial.session / "journal.jsonl").read_bytes().splitlines() if name in line and b'"plan"' not in line
    ]
    assert len(lines) == 2
    assert sum(map(len, lines)) < 250


def test_cards_are_the_classes_and_the_module_with_their_docstrings(serial: Ended) -> None:
    assert [(card.planned.kind, card.planned.name, card.planned.doc) for card in serial.state.cards.values()] == [
        ("module", "test_shapes.py", "The module's words."),
        ("class", "test_shapes.py::TestGroup", "A class of tests."),
        ("class", "test_shapes.py::TestGroup::TestInner", ""),
        ("class", "test_shapes.py::TestUnit", ""),
    ]


def test_times_span_set_up_to_tear_down(serial: Ended) -> None:
    session = serial.state.session
    end = serial.state.ended
    assert session
    assert end
    for test in serial.tests():
        (execution,) = test.executions
        assert execution.ended
        assert session.at < execution.started < execution.ended < end.at


def test_each_worker_writes_its_own_journal_and_the_controller_only_the_session(ended: Ended) -> None:
    files = {name for name, _ in ended.events}
    assert "journal.jsonl" in files
    assert len(files) == (1 if ended.atlas_dir.name == "serial" else 3)


def test_skips_are_exceptions_with_the_option(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_skip.py", SHAPES)
    ended = project.record("--atlas-skipped=exception", "-k", "skip")
    shown = {name: (step.status, step.note) for name, step in ended.steps.items() if ">" not in name}
    assert shown["test_skip_marker"] == ("passed_with_exception", "skip: by marker")
    assert shown["test_skip_fixture"] == ("passed_with_exception", "skip: no bench here")
    assert shown["test_skip_then_tear_down_fails"] == ("failed", "")


def test_a_passed_rerun_is_an_exception_with_the_first_failure(tmp_path: Path) -> None:
    ended = Project(tmp_path).write("test_rerun.py", RERUNS).record("--reruns=2")
    assert {name: (shown.status, shown.note) for name, shown in ended.steps.items()} == {
        "test_passes_at_third": (
            "passed_with_exception",
            "passed at attempt 3; first failure: AssertionError: attempt 1",
        ),
        "test_set_up_passes_at_second": (
            "passed_with_exception",
            "passed at attempt 2; first failure: AssertionError: supply was off",
        ),
        "test_never_passes": ("failed", ""),
        "test_steady": ("passed", ""),
        "test_subtest_passes_at_second": (
            "passed_with_exception",
            "passed at attempt 2; first failure: AssertionError: rail was low",
        ),
        "test_subtest_passes_at_second > rail": (
            "passed_with_exception",
            "passed at attempt 2; first failure: AssertionError: rail was low",
        ),
        "test_subtest_passes_at_second > trip": ("passed", ""),
    }
    assert "(attempt 3)" in ended.steps["test_never_passes"].text


def test_passed_phases_of_an_earlier_attempt_do_not_count_for_the_last_one(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_again.py",
        """
        import pytest
        attempts = []
        @pytest.fixture
        def bench():
            yield
            assert len(attempts) > 1, "supply stayed on"
        def test_stopped_at_second(bench):
            attempts.append(1)
            if len(attempts) > 1: pytest.exit("bench lost")
        """,
    )
    assert project.record("--reruns=2").statuses() == {"test_stopped_at_second": "todo"}
