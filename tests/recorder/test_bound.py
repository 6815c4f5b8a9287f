"""Every function of the standard library that runs during a test is bound at import, so that a test can patch the original.

Found by inspection of the syntax trees: `os.write(…)` in a function looks `write` up when it runs, after `from os import write`
it doesn't. Classes and constants of a module may be looked up: tests replace functions.
"""

import ast
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import pytest_atlas

ROOT = Path(pytest_atlas.__file__).parent
INSIDE_PYTEST = ("base", "journal", "recorder", "fixture")
NOT_DURING_TESTS = {
    "base.atlas_directory": "finds the directory before the session",
    "base.clock": "at import",
    "base.disk_space": "runs in the publisher and the local Atlas",
    "base.interpreter": "before the session, and for the summary after it",
    "base.liveness": "describes the process when a journal is opened first",
    "base.requirements": "before the session",
    "base.secrets": "reads the environment before the session",
    "base.starter": "runs in the process that starts the publisher",
    "journal.baseline": "runs in the publisher",
    "journal.receipts": "runs in the publisher",
    "journal.status": "is read after the tests; written by the publisher",
    "recorder.ci": "before the session",
    "recorder.ci_providers": "before the session",
    "recorder.environment": "before the session",
    "recorder.launch": "before the session; what it sends later is bound",
    "recorder.session_location": "before the session",
    "recorder.plan": "after collection, before the first test",
    "recorder.session": "before the session; what it writes later is bound",
    "recorder.job_summary": "runs a process after the tests",
}
"""Module -> why it needs no rule."""
STREAMS = ("sys.stdout", "sys.stderr")
"""Looked up on purpose: what is printed goes where the user wants it."""
BUILTINS = {"open", "print", "input", "__import__", "exec", "eval"}
"""Functions without a module that tests replace and pytest can do without."""


def modules() -> Iterator[str]:
    for package in INSIDE_PYTEST:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def looked_up(module: str) -> Iterator[str]:
    """Functions of the standard library that a function of `module` looks up when it runs: "name:line: os.write"."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    names = {
        alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.partition(".")[0] in sys.stdlib_module_names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            for node in _inside(function):
                if found := _function(node, names):
                    yield f"{module}:{node.lineno}: {found}"


def _inside(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.expr]:
    """The expressions of the body: defaults, decorators and annotations are evaluated at import."""
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    for statement in body:
        yield from (node for node in ast.walk(statement) if isinstance(node, ast.expr))


def _function(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BUILTINS:
        return node.func.id
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return ""
    path = ast.unparse(node)
    top, _, rest = path.partition(".")
    if top not in names or path.startswith(STREAMS):
        return ""
    found: object = import_module(names[top])
    for name in rest.split("."):
        found = getattr(found, name, None)
    return path if callable(found) and not isinstance(found, type) else ""


CHECKED = [module for module in modules() if module not in NOT_DURING_TESTS]


@pytest.mark.parametrize("module", CHECKED)
def test_a_function_that_runs_during_a_test_is_bound_at_import(module: str) -> None:
    assert sorted(set(looked_up(module))) == []


def test_each_exception_is_a_module_that_needs_it() -> None:
    unnecessary = [module for module in NOT_DURING_TESTS if module not in set(modules()) or not list(looked_up(module))]
    assert unnecessary == []


def test_the_inspection_finds_what_is_looked_up() -> None:
    """In a module that is known to do it."""
    found = {line.rpartition(" ")[2] for line in looked_up("base.starter")}
    assert {"os.fork", "os.dup2", "sys.exit", "__import__"} <= found
