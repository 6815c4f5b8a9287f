"""The comparison of a run with pytest-reportlog's record finds all differences, and only these."""

import json
from pathlib import Path

import pytest
from benchmarks.compare import compare

from pytest_atlas.atlas.models import Run

REPORTS = [
    *({"$report_type": "TestReport", "nodeid": "a.py::test_a", "when": w, "outcome": "passed"} for w in ("setup", "call")),
    *({"$report_type": "TestReport", "nodeid": "a.py::test_b", "when": w, "outcome": "passed"} for w in ("setup",)),
    {"$report_type": "SubTestReport", "nodeid": "a.py::test_b", "when": "call", "outcome": "failed"},
    {"$report_type": "TestReport", "nodeid": "a.py::test_b", "when": "call", "outcome": "failed"},
]
STEPS = [
    ("pytest: a.py::test_a", "passed"),
    ("Recovery after a trip.\n\npytest: a.py::test_b", "failed"),
    ("pytest: a.py::test_b > volts=12", "failed"),
    ("pytest: a.py::test_c", "todo"),
]
COLLECTED = ["a.py::test_a", "a.py::test_b", "a.py::test_c"]


def run_of(steps: list[tuple[str, str]]) -> Run:
    card = {"uuid": "c", "test_steps": [{"uuid": "s", "description": d, "execution_status": s} for d, s in steps]}
    return Run.model_validate({"uuid": "r", "test_cards": [card]})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, REPORTS)))
    return path


def test_equal_records_have_no_mismatch(log: Path) -> None:
    found = compare(run_of(STEPS), COLLECTED, log)
    assert found.mismatches == ()
    assert (found.collected, found.steps, found.inner) == (3, 3, 1)
    assert found.statuses == {"passed": 1, "failed": 1, "todo": 1}


@pytest.mark.parametrize(
    ("steps", "mismatch"),
    [
        (STEPS[1:], "a.py::test_a: collected 1, steps 0"),
        ([*STEPS, STEPS[0]], "a.py::test_a: collected 1, steps 2"),
        ([*STEPS[:3], ("pytest: a.py::test_c", "passed")], "a.py::test_c: pytest reported todo, the step has passed"),
        ([*STEPS[:2], STEPS[3]], "a.py::test_b > failed: subtests reported 1, steps 0"),
        ([*STEPS, ("pytest: a.py::test_x", "todo")], "a.py::test_x > todo: subtests reported 0, steps 1"),
    ],
    ids=["a step is missing", "a duplicate step", "another status", "a subtest is missing", "a step of no test"],
)
def test_each_difference_is_named(log: Path, steps: list[tuple[str, str]], mismatch: str) -> None:
    assert compare(run_of(steps), COLLECTED, log).mismatches == (mismatch,)
