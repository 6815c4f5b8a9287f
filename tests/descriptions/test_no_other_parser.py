"""Text that is stored in Atlas is rendered and parsed only in `pytest_atlas.descriptions`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_atlas

ROOT = Path(pytest_atlas.__file__).parent
MODULES = [path for path in sorted(ROOT.rglob("*.py")) if "descriptions" not in path.parts]

MARKERS = (
    "pytest: ",
    "pytest-atlas: ",
    " > ",
    "Attempts (",
    "automated result",
    "passed at attempt",
    "Failed in ",
    "Failed as expected",
    "pytest died while",
    "OUT OF LIMITS",
    "out of limits, waived",
    "Outcome ",
    "Workers: ",
    "Job: ",
    "Exit status ",
    "Recorded outside of",
    "could not be collected",
    "LimitViolatedError: ",
)
"""Parts of the text that other modules must not search for."""
SEARCHES = {
    "startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "rsplit", "find", "index",
    "compile", "match", "fullmatch", "search", "findall", "finditer", "sub",
}  # fmt: skip
"""Functions and methods that search a text."""


def searched_texts(code: str) -> Iterator[tuple[int, str]]:
    """Yield each text that the code searches for: arguments of SEARCHES, and the left side of `in`; with its line."""
    for node in ast.walk(ast.parse(code)):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SEARCHES:
            parts = [*node.args]
        elif isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
            parts = [node.left]
        for part in parts:
            for text in ast.walk(part):
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield text.lineno, text.value


def violations(code: str) -> list[tuple[int, str]]:
    return [(line, text) for line, text in searched_texts(code) if any(marker in text for marker in MARKERS)]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_does_not_search_for_text_of_descriptions(path: Path) -> None:
    assert violations(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        'line.startswith("pytest: ")',
        'line.startswith(f"{outer} > ")',
        're.compile(r"^Failed in (\\w+)")',
        '"OUT OF LIMITS" in line',
        'text.partition("Job: ")',
    ],
)
def test_a_search_for_text_of_descriptions_is_found(code: str) -> None:
    assert len(violations(code)) == 1
