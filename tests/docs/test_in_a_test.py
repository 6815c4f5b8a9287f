"""docs/in-a-test.md: its examples are run, and pytest, the command and Atlas have the shown results."""

import re

import pytest
from tests.support import mirror, pages
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project

from pytest_atlas.atlas import Card, Run, Step
from pytest_atlas.fixture.formats import KINDS
from pytest_atlas.publisher.recovery.run_index import places
from pytest_atlas.recorder.artifacts import MAX_FILES
from pytest_atlas.session.measurements import HEADER, OPTIONAL

TEXT = (pages.DOCS / "in-a-test.md").read_text("utf-8")
BENCHMARKS = "\n".join(path.read_text("utf-8") for path in sorted((pages.ROOT / "benchmarks").glob("*.py")))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return pages.project(TEXT, tmp_path_factory.mktemp("page")).write("bench.py", pages.BENCH)


@pytest.fixture(scope="module")
def ended(bench: Project) -> Ended:
    """A session with the examples of the page, in the local Atlas."""
    return bench.pytest("-p", "bench", f"--atlas-system={SYSTEM}")


@pytest.fixture(scope="module")
def run(ended: Ended) -> Run:
    (run,) = mirror.runs(ended.atlas_dir)
    return run


def card(run: Run, title: str) -> Card:
    return next(card for card in run.test_cards if card.title == title)


def steps(run: Run, title: str) -> dict[str, Step]:
    return {step.title: step for step in card(run, title).test_steps}


def names(thing: Run | Card | Step) -> list[str]:
    return [file.file_name for file in thing.test_data]


def test_pytest_and_the_command_print_the_shown_blocks(ended: Ended, run: Run) -> None:
    in_atlas, in_terminal, more = pages.blocks(TEXT, "text")
    shown = pages.printed(["--atlas-dir", str(ended.atlas_dir), "show"])
    assert not pages.not_shown(in_atlas, shown), shown
    assert not pages.not_shown(more, shown), shown
    assert not pages.not_shown(in_terminal, ended.out), ended.out


def test_outcomes_become_the_statuses_in_the_table(ended: Ended, run: Run) -> None:
    rows = re.findall(r"^\| `(test_\w+)` \| `(\w+)` \| (.*?) ?\|$", TEXT, re.MULTILINE)
    assert len(rows) == pages.files(TEXT)["test_outcomes.py"].count("def test_")
    by_name = {step.description.rpartition("::")[2]: step for step in card(run, "test_outcomes.py").test_steps}
    assert {name: (step.execution_status, step.exception or "") for name, step in by_name.items()} == {
        name: (status, note) for name, status, note in rows
    }


def test_steps_and_notes_are_in_order_below_their_test(run: Run) -> None:
    restart = card(run, "test_steps.py").test_steps
    assert [step.title for step in restart] == [
        "test_restart", "Trip at 13 V", "Wait for the bridge to open", "Request a reset",
    ]  # fmt: skip
    assert "time to open: 21 ms (≤ 100 ms) ok" in restart[2].description
    assert "Note: the cause is still present" in restart[3].description
    shutdown = steps(run, "test_notes.py")["test_shutdown"]
    assert (shutdown.execution_status, shutdown.exception) == (
        "passed_with_exception",
        "shutdown took 112 ms; accepted by ECR-118",
    )


def test_waived_and_required_limits_have_the_described_effect(run: Run) -> None:
    found = steps(run, "test_limits.py")
    assert found["test_slew_rate"].execution_status == "passed_with_exception"
    assert "ECR-88: slow voltage loop" in (found["test_slew_rate"].exception or "")
    assert found["test_input"].execution_status == "failed"
    assert "never reached" not in found["test_input"].description


def test_files_belong_to_the_run_card_or_step_of_their_fixture(run: Run) -> None:
    assert [file.file_name for file in places(run)[run.uuid]] == ["bench.json"]
    assert names(steps(run, "test_files.py")["test_can"]) == ["bus.asc"]
    assert names(card(run, "test_files.py")) == ["chamber.csv"]
    assert names(card(run, "test_files.py::TestShunt")) == ["calibration.txt"]
    trip = steps(run, "Overvoltage protection")["Apply 12.5 V to input rail"]
    assert sorted(names(trip)) == ["output.txt", "rail.csv", "trip.png"]
    (columns,) = re.findall(r"Its columns are (.*?) \(the last", TEXT, re.DOTALL)
    assert re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", columns)) == [*HEADER]
    (further,) = re.findall(r"these further columns only if a measurement needs them: (.*?)\. The verdict", TEXT, re.DOTALL)
    assert re.findall(r"`(\w+)`", further) == [*OPTIONAL]


def test_the_same_tests_fail_without_atlas(ended: Ended, bench: Project) -> None:
    alone = bench.pytest("-p", "bench", "-p", "no:cacheprovider")
    assert _failures(alone.out)
    assert _failures(alone.out) == _failures(ended.out)


def _failures(out: str) -> list[str]:
    return re.findall(r"^(?:FAILED|ERROR) \S+", out, re.MULTILINE)


def test_the_table_of_attachments_has_each_kind_of_object() -> None:
    for kind in KINDS:
        if kind.name != "a matplotlib axes":
            assert f"`attachment{kind.suffix}`" in TEXT or f"`{kind.suffix}`" in TEXT
            assert kind.name.rpartition(" ")[2] in TEXT
    assert f"at most {MAX_FILES} per test" in TEXT


@pytest.mark.parametrize(
    "goal",
    [
        '"`atlas.measure` with a limit", tuple(figures["measure"]), "µs", "≤ 20"',
        '"`atlas.measure` of 1,000 points with a mask", tuple(figures["mask"]), "ms", "≤ 5"',
        '"`atlas.attach` of 1 KiB, each another", tuple(figures["attach"]), "µs", "≤ 150"',
        '"`atlas.trace` of 1,000,000 × 2 float64", tuple(figures["trace"]), "ms", "≤ 30"',
    ],
    ids=["measure", "mask", "attach", "trace"],
)
def test_the_limits_of_the_overhead_are_those_of_the_benchmarks(goal: str) -> None:
    assert goal in BENCHMARKS
    assert re.search(r"\| " + re.escape(goal.rpartition("≤ ")[2].strip('"')) + r" (µs|ms) \|$", TEXT, re.MULTILINE)
