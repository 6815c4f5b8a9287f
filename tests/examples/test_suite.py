"""The example suite, run in a copy with and without an Atlas: its outcomes are those of its README."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from tests.support import pages
from tests.support.inner import environment

EXAMPLES = Path(__file__).parents[2] / "examples"
HAS_SUBTESTS = pytest.version_tuple >= (9,)
MAP = "test_motor.py::TestDrive::test_efficiency_map"
UNRELATED = ("no:cacheprovider", "no:xdist", "no:rerunfailures")
SPACIOUS = {"PYTHONUTF8": "1", "COLUMNS": "200"}
SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"

Outcomes = list[tuple[str, str]]
"""Sorted nodeids and outcomes (as pytest's summary names them) of all tests that do not simply pass."""


@dataclass(frozen=True)
class Finished:
    """The result of the suite in a separate copy."""

    directory: Path
    atlas_dir: Path
    stdout: str
    returncode: int

    def show(self) -> str:
        """Return the run from the local Atlas, as `pytest-atlas show` prints it."""
        command = [sys.executable, "-m", "pytest_atlas.cli", "--atlas-dir", str(self.atlas_dir), "show"]
        return subprocess.run(command, env=environment(**SPACIOUS), capture_output=True, encoding="utf-8", check=True).stdout

    def data_files(self, name: str) -> list[bytes]:
        """Return the contents of all data files with this name."""
        return [path.read_bytes() for path in sorted((self.atlas_dir / "objects").rglob(f"*-{name}"))]


def run(where: Path, *options: str) -> Finished:
    directory, atlas_dir = where / "bench", where / "atlas"
    shutil.copytree(EXAMPLES, directory, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    command = [sys.executable, "-m", "pytest", "--no-fold-skipped", "-W", "error", *options]
    command += [part for plugin in UNRELATED for part in ("-p", plugin)]
    variables = environment(**SPACIOUS, ATLAS_DIR=str(atlas_dir))
    done = subprocess.run(command, cwd=directory, env=variables, capture_output=True, encoding="utf-8", check=False)
    return Finished(directory, atlas_dir, done.stdout, done.returncode)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Without an Atlas."""
    return run(tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Into a local Atlas."""
    return run(tmp_path_factory.mktemp("recorded"), "--atlas-system", SYSTEM)


@pytest.fixture(params=["alone", "recorded"])
def finished(request: pytest.FixtureRequest) -> Finished:
    which: Literal["alone", "recorded"] = request.param
    result: Finished = request.getfixturevalue(which)
    return result


@pytest.fixture(scope="module")
def shown(recorded: Finished) -> str:
    """The recorded run on a terminal, with its lines joined where they were wrapped."""
    return re.sub(r"\n +│? *", " ", recorded.show())


def documented() -> Outcomes:
    """Return the outcomes of the README's table for this version of pytest."""
    rows = re.findall(r"^\| `(test_\S+)` \| ([A-Z]+) \|", (EXAMPLES / "README.md").read_text("utf-8"), re.MULTILINE)
    return sorted((nodeid, word if HAS_SUBTESTS or nodeid != MAP else "SKIPPED") for nodeid, word in rows)


def test_a_mask_is_one_measurement_with_all_points_in_a_data_file(recorded: Finished, shown: str) -> None:
    line = re.search(r"rise at t = [\d.]+ ms: [\d.]+ V \([\d.]+ … [\d.]+ V; worst of 700 points\) ok", shown)
    assert line, shown
    (points,) = recorded.data_files("rise_over_t.csv")
    header, *rows = points.decode().splitlines()
    assert header == "t [s],rise [V],low limit [V],high limit [V]"
    assert len(rows) == 700


def test_an_uncertainty_tightens_the_limits(shown: str) -> None:
    assert re.search(r"reference: [\d.]+ V \(4.99 … 5.01 V; accepted 4.992 … 5.008 V, U = 0.002 V, k = 2\) ok", shown), shown


def test_outcomes_are_those_of_the_readme(finished: Finished) -> None:
    lines = re.findall(r"^(FAILED|ERROR|XFAIL|XPASS|SKIPPED) (test_\S+)", finished.stdout, re.MULTILINE)
    assert sorted((nodeid, word) for word, nodeid in lines) == documented()
    assert finished.returncode == pytest.ExitCode.TESTS_FAILED


def test_counts_are_complete_and_there_are_no_warnings(finished: Finished) -> None:
    """A failed subtest is counted in addition to its test, which fails, too."""
    failed, skipped = (4, 2) if HAS_SUBTESTS else (2, 3)
    expected = {"passed": 47, "failed": failed, "errors": 2, "xfailed": 1, "xpassed": 1, "skipped": skipped}
    counts = pytest.RunResult.parse_summary_nouns(finished.stdout.splitlines())
    counts.pop("subtests", None)  # the number of passed ones, which pytest-subtests adds for pytest 8
    assert counts == expected
    assert "collected 55 items" in finished.stdout


@pytest.mark.parametrize(
    "words",
    [
        "trip time: 111.6 ms is 11.6 ms above the high limit of 100 ms (test_undervoltage.py:",
        "InstrumentError: shunt S2: calibration expired on 2026-02-28; send it in, or measure with shunt S1 (0.5 %)",
        "rail 200 ms after switching off: 7.45 V is 5.45 V above the high limit of 2 V (conftest.py:",
        "[XPASS(strict)] ECR-131: restarts at 120 °C already; to be fixed in firmware 2.4",
        "ECR-104: releases at 12.4 V, specified are 12.3 V; accepted until revision D",
    ],
    ids=["finding", "set-up", "tear-down", "strict xpass", "xfail"],
)
def test_each_problem_has_a_clear_message(finished: Finished, words: str) -> None:
    assert words in finished.stdout


@pytest.mark.skipif(not HAS_SUBTESTS, reason="subtests need pytest 9")
def test_a_failed_subtest_has_a_clear_message(finished: Finished) -> None:
    assert "LimitViolatedError: efficiency at 0.3 N·m: 74.5 % is 0.5 % below the low limit of 75 %" in finished.stdout


def test_a_session_without_an_atlas_writes_no_files(alone: Finished) -> None:
    assert not alone.atlas_dir.exists()
    assert not (alone.directory / ".atlas").exists()


@pytest.mark.parametrize(
    "words",
    [
        "trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS",
        "mode of the supply: 'CC' (= 'CC') ok",
        "slew rate: 976 V/s (980 … 1020 V/s) out of limits, waived",
        "carried for 1 s, specified are 60 s; accepted for the short campaign",
        "Note: Do not touch the bench: the rail is still charged.",
        "Arm the scope",
    ],
    ids=["out of limits", "equal", "waived", "exception", "note", "step"],
)
def test_steps_show_measurements_notes_and_exceptions(shown: str, words: str) -> None:
    assert words in shown


@pytest.mark.parametrize(
    "words",
    [
        "Worked examples The formulas of the bench against values calculated by hand.",
        "Note: The bench failed, not the device. Repair the bench and repeat the test.",
    ],
    ids=["card", "outcome"],
)
def test_the_hooks_add_a_card_and_a_note(shown: str, words: str) -> None:
    assert words in shown
    assert shown.count("The bench failed") == 1  # only one of the two errors is a fault of the bench


@pytest.mark.skipif(not HAS_SUBTESTS, reason="subtests need pytest 9")
def test_the_command_prints_the_output_of_the_readme(recorded: Finished) -> None:
    (block,) = pages.blocks((pages.ROOT / "README.md").read_text("utf-8"), "console")
    assert block.startswith("$ pytest-atlas show")
    assert pages.not_shown(block.partition("\n")[2], recorded.show()) == []


def test_the_can_logs_are_complete(recorded: Finished) -> None:
    logs = recorded.data_files("bus.asc")
    assert len(logs) == 2  # of the reset and of the locked rotor
    assert all(log.startswith(b"date ") and log.endswith(b"End TriggerBlock\n") for log in logs)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("trip.csv", "t [s],rail [V],gate"),
        ("start.csv", "t [s],current [A],speed [rad/s]"),
        ("rise.csv", "t [s],rail [V]"),
        ("short_circuit.csv", "t [s],current [A],gate"),
    ],
)
def test_traces_are_data_files_with_their_units(recorded: Finished, name: str, columns: str) -> None:
    files = recorded.data_files(name)
    assert files
    assert {file.decode().splitlines()[0] for file in files} == {columns}
    assert all(len(file.splitlines()) > 40 for file in files)


def test_the_plot_and_the_diagnostics_are_data_files(recorded: Finished) -> None:
    (plot,), (diagnostics,) = recorded.data_files("hard_stop.svg"), recorded.data_files("diagnostics.json")
    assert plot.startswith(b"<svg ")
    assert plot.count(b"<polyline ") == 3
    assert json.loads(diagnostics)["fault"] == "overcurrent"
