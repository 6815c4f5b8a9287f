"""Compare a run in Atlas with the session that pytest-reportlog recorded: one step for each test, statuses by C2. Pure.

The expected statuses come from `tests.support.reportlog`, which is independent of the recorder.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import reportlog

from pytest_atlas.atlas.models import Run

MARK = "pytest: "
INNER = " > "


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison of a run with its session."""

    collected: int
    steps: int  # of tests
    inner: int  # of subtests
    statuses: Counter[str]  # of the steps of tests
    mismatches: tuple[str, ...]


def compare(run: Run, collected: Sequence[str], log: Path) -> Compared:
    """Compare. `collected`: the nodeids of `pytest --collect-only`; `log`: the file of `--report-log`."""
    marked = [(_mark(step.description), step.execution_status) for card in run.test_cards for step in card.test_steps]
    tests = set(collected)
    own = [(mark, status) for mark, status in marked if mark in tests]
    inner = [(mark, status) for mark, status in marked if mark not in tests]
    expected = reportlog.statuses(log)
    differences = [
        *_counts("collected", Counter(collected), Counter(mark for mark, _ in own)),
        *_statuses({nodeid: expected.get(nodeid, "todo") for nodeid in collected}, own),
        *_counts("subtests reported", reportlog.subtests(log), Counter(_of_test(mark, status) for mark, status in inner)),
    ]
    return Compared(len(collected), len(own), len(inner), Counter(status for _, status in own), tuple(differences))


def _mark(description: str) -> str:
    return description.rpartition("\n")[2].removeprefix(MARK)


def _of_test(mark: str, status: str) -> str:
    """Return the name of a subtest's step in `reportlog.subtests`: its test and its status, without its title."""
    return f"{mark.partition(INNER)[0]}{INNER}{status}"


def _counts(what: str, expected: Counter[str], found: Counter[str]) -> Iterator[str]:
    for name in sorted(expected.keys() | found.keys()):
        if expected[name] != found[name]:
            yield f"{name}: {what} {expected[name]}, steps {found[name]}"


def _statuses(expected: dict[str, str], found: Sequence[tuple[str, str]]) -> Iterator[str]:
    for nodeid, status in found:
        if expected[nodeid] != status:
            yield f"{nodeid}: pytest reported {expected[nodeid]}, the step has {status}"
