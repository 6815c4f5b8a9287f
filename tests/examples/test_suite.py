"""The example suite, copied elsewhere and run by a pytest of its own without Atlas, does what its README says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
HAS_SUBTESTS = pytest.version_tuple >= (9,)
MAP = "test_motor.py::TestDrive::test_efficiency_map"
UNRELATED = ("no:atlas", "no:cacheprovider", "no:xdist", "no:rerunfailures")
WARNINGS = ("error", "ignore::pytest.PytestUnknownMarkWarning")  # without Atlas nobody registers its markers

Outcomes = list[tuple[str, str]]
"""Nodeid and pytest's word for it, of all tests that do not simply pass; sorted."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The whole suite, run once."""
    folder = tmp_path_factory.mktemp("elsewhere") / "bench"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    command = [sys.executable, "-m", "pytest", "--no-fold-skipped"]
    command += [part for plugin in UNRELATED for part in ("-p", plugin)]
    command += [part for warning in WARNINGS for part in ("-W", warning)]
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTEST_ADDOPTS": "", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)


def promised() -> Outcomes:
    """What the README's table says, for this version of pytest."""
    rows = re.findall(r"^\| `(test_\S+)` \| ([A-Z]+) \|", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE)
    return sorted((nodeid, word if HAS_SUBTESTS or nodeid != MAP else "SKIPPED") for nodeid, word in rows)


def test_outcomes_are_those_of_the_readme(finished: subprocess.CompletedProcess[str]) -> None:
    lines = re.findall(r"^(FAILED|ERROR|XFAIL|XPASS|SKIPPED) (test_\S+)", finished.stdout, re.MULTILINE)
    assert sorted((nodeid, word) for word, nodeid in lines) == promised()
    assert finished.returncode == pytest.ExitCode.TESTS_FAILED


def test_counts_are_complete_and_nothing_warns(finished: subprocess.CompletedProcess[str]) -> None:
    """A failed subtest is counted beside its test, which fails too."""
    failed, skipped = (4, 2) if HAS_SUBTESTS else (2, 3)
    expected = {"passed": 44, "failed": failed, "errors": 2, "xfailed": 1, "xpassed": 1, "skipped": skipped}
    counts = pytest.RunResult.parse_summary_nouns(finished.stdout.splitlines())
    assert counts == expected
    assert "collected 52 items" in finished.stdout


@pytest.mark.parametrize(
    "words",
    [
        "AssertionError: undervoltage trip time 111.6 ms, limit 100 ms (rail 12 V to 8 V, -40 °C, 4 A load)",
        "InstrumentError: shunt S2: calibration expired on 2026-02-28; send it in, or measure with shunt S1 (0.5 %)",
        "AssertionError: rail still at 7.45 V 200 ms after the output was switched off, limit 2.0 V: do not touch the bench",
        "[XPASS(strict)] ECR-131: restarts at 120 °C already; to be fixed in firmware 2.4",
        "ECR-104: releases at 12.4 V, specified are 12.3 V; accepted until revision D",
    ],
    ids=["finding", "set-up", "tear-down", "strict xpass", "xfail"],
)
def test_what_is_not_passed_explains_itself(finished: subprocess.CompletedProcess[str], words: str) -> None:
    assert words in finished.stdout


@pytest.mark.skipif(not HAS_SUBTESTS, reason="subtests need pytest 9")
def test_a_failed_subtest_explains_itself(finished: subprocess.CompletedProcess[str]) -> None:
    assert "AssertionError: efficiency 74.5 %, limit 75 % (0.3 N·m: 79.9 W out of 107.2 W)" in finished.stdout
