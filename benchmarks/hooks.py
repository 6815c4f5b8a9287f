"""What a project's hook costs each test, inside pytest: `python -m benchmarks.hooks [rounds]`.

The same collected test is put before the hooks of a project that has them and of one that has none, turn by turn. The hooks
say what one of a company would, in a line; what a longer one does itself comes on top.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from benchmarks.fixture import per_call
from benchmarks.measuring import Row, rounds, show
from benchmarks.suites import OTHERS

from pytest_atlas.mapping import Outcome
from pytest_atlas.recorder.hooks import ProjectHooks
from pytest_atlas.recorder.internal_errors import InternalErrors

CALLS = 2000
CONFTEST = """
from pytest_atlas import CardMapping, Notes, StepMapping
def pytest_atlas_card(item): return CardMapping("REQ-" + item.name[-1])
def pytest_atlas_step(item): return StepMapping(item.name.replace("_", " "))
def pytest_atlas_outcome(item, outcome): return Notes(["seen"]) if outcome.result == "passed" else None
"""
PASSED = Outcome("passed", 1, ())

Cases = dict[str, Callable[[], float]]


class Measures:
    """A plugin that measures when the test is collected: only then do pytest's hooks stand as they do in a session."""

    def __init__(self, count: int) -> None:
        self.figures: dict[str, list[float]] = {}
        self._count = count

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Ask for the test's card, step and notes, again and again."""
        hooks = ProjectHooks(session.config, InternalErrors(), str)
        (item,) = session.items
        cases: Cases = {
            "pytest_atlas_card": partial(per_call, lambda _: hooks.card(item), CALLS),
            "pytest_atlas_step": partial(per_call, lambda _: hooks.step(item), CALLS),
            "pytest_atlas_outcome": partial(per_call, lambda _: hooks.has_outcome_hooks and hooks.notes(item, PASSED), CALLS),
        }
        self.figures = rounds(cases, self._count)


def measured(conftest: str, count: int) -> dict[str, list[float]]:
    """Microseconds of each hook, round by round, in a project with this conftest.py."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conftest.py").write_text(conftest, "utf-8")
        (Path(folder) / "test_it.py").write_text("def test_1(): pass\n", "utf-8")
        measures = Measures(count)
        quiet = ["--collect-only", "-p", "no:terminal", "-p", "no:cacheprovider", *OTHERS]
        # Both projects are imported by this process, under the same names.
        pytest.main([*quiet, "--import-mode=importlib", "--rootdir", folder, folder], plugins=[measures])
        return measures.figures


def rows(count: int) -> Iterator[Row]:
    """The table."""
    without, with_hooks = measured("", count), measured(CONFTEST, count)
    for name in with_hooks:
        yield Row(f"`{name}` in a line, each test", tuple(with_hooks[name]), "µs")
        yield Row("… where nobody has one", tuple(without[name]), "µs", "≤ 1")


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
