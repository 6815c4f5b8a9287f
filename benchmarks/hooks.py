"""Overhead of a project's hooks per test, inside pytest: `python -m benchmarks.hooks [rounds]`.

The hooks are called for the same collected test, alternately in a project with and without implementations. Each
implementation has one line; the cost of longer ones is added to it.
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
    """A plugin that measures after the collection, when pytest's hooks are those of a session."""

    def __init__(self, count: int) -> None:
        self.figures: dict[str, list[float]] = {}
        self._count = count

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Measure the hooks for the card, the step and the notes of the test."""
        hooks = ProjectHooks(session.config, InternalErrors(), str)
        (item,) = session.items
        cases: Cases = {
            "pytest_atlas_card": partial(per_call, lambda _: hooks.card(item), CALLS),
            "pytest_atlas_step": partial(per_call, lambda _: hooks.step(item), CALLS),
            "pytest_atlas_outcome": partial(per_call, lambda _: hooks.has_outcome_hooks and hooks.notes(item, PASSED), CALLS),
        }
        self.figures = rounds(cases, self._count)


def measured(conftest: str, count: int) -> dict[str, list[float]]:
    """Return the microseconds of each hook in each round, in a project with this conftest.py."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "conftest.py").write_text(conftest, "utf-8")
        (Path(directory) / "test_it.py").write_text("def test_1(): pass\n", "utf-8")
        measures = Measures(count)
        quiet = ["--collect-only", "-p", "no:terminal", "-p", "no:cacheprovider", *OTHERS]
        # Both projects are imported by this process, under the same names.
        pytest.main([*quiet, "--import-mode=importlib", "--rootdir", directory, directory], plugins=[measures])
        return measures.figures


def rows(count: int) -> Iterator[Row]:
    """Yield the rows."""
    without, with_hooks = measured("", count), measured(CONFTEST, count)
    for name in with_hooks:
        yield Row(f"`{name}` in a line, each test", tuple(with_hooks[name]), "µs")
        yield Row("… without an implementation", tuple(without[name]), "µs", "≤ 1")


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
