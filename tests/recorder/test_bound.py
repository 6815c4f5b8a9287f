"""Functions of the standard library and builtins that run during a test are bound at import: a test can patch the originals.

The syntax trees are inspected: `os.write(…)` in a function looks up `write` when it runs, but not after `from os import write`.
Classes and constants of a module may be looked up, because tests replace functions. Builtin types must be bound, too.
"""

import ast
import builtins
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

import pytest_atlas

ROOT = Path(pytest_atlas.__file__).parent
INSIDE_PYTEST = ("base", "journal", "recorder", "fixture")
NOT_DURING_TESTS = {
    "base.atlas_directory": "finds the directory before the session",
    "base.clock": "at import",
    "base.content_types": "runs in the publisher",
    "base.disk_space": "runs in the publisher and the local Atlas",
    "base.interpreter": "before the session, and for the summary after it",
    "base.liveness": "describes the process when a journal is opened first",
    "base.requirements": "before the session",
    "base.secrets": "reads the environment before the session",
    "base.starter": "runs in the process that starts the publisher",
    "journal.baseline": "runs in the publisher",
    "journal.decode": "runs in the publisher",
    "journal.follower": "runs in the publisher",
    "journal.receipts": "runs in the publisher",
    "journal.status": "is read after the tests; written by the publisher",
    "recorder.__init__": "before the session",
    "recorder.ci": "before the session",
    "recorder.ci_providers": "before the session",
    "recorder.environment": "before the session",
    "recorder.launch": "before the session; functions of later commands are bound",
    "recorder.session_location": "before the session",
    "recorder.plan": "after collection, before the first test",
    "recorder.session": "before the session; functions of later events are bound",
    "recorder.job_summary": "runs a process after the tests",
}
"""Module -> the reason why it is not checked."""
STREAMS = ("sys.stdout", "sys.stderr")
"""Looked up on purpose, because the user can redirect output."""
BUILTINS = {
    name
    for name, value in vars(builtins).items()
    if callable(value) and not (isinstance(value, type) and issubclass(value, BaseException)) and name != "super"
}
"""Names of builtin functions and types. Exceptions are not replaced, and the compiler needs the name `super`."""


def modules() -> Iterator[str]:
    for package in INSIDE_PYTEST:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def looked_up(module: str) -> Iterator[str]:
    """Yield the functions that a function of `module` looks up when it runs: "name:line: os.write" or "name:line: len"."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8"))
    bound = set(names_bound_in(tree.body))
    imported = {
        alias.asname or alias.name.partition(".")[0]: alias.name if alias.asname else alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.partition(".")[0] in sys.stdlib_module_names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            local = bound | set(names_bound_in(ast.walk(function)))
            for node in expressions_in(function):
                if found := _attribute(node, imported) or _builtin(node, local):
                    yield f"{module}:{node.lineno}: {found}"


def names_bound_in(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that these nodes bind, without nodes inside them."""
    for node in nodes:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name for alias in node.names)
            case ast.FunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Assign():
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id


def expressions_in(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Iterator[ast.expr]:
    """Yield the expressions that are evaluated when the function runs: no defaults, decorators and annotations."""
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    for statement in body:
        annotations = {
            id(part) for node in ast.walk(statement) if isinstance(node, ast.AnnAssign) for part in ast.walk(node.annotation)
        }
        yield from (node for node in ast.walk(statement) if isinstance(node, ast.expr) and id(node) not in annotations)


def _builtin(node: ast.expr, bound: set[str]) -> str:
    is_lookup = isinstance(node, ast.Name) and node.id in BUILTINS - bound
    return node.id if is_lookup and isinstance(node, ast.Name) else ""


def _attribute(node: ast.expr, imported: dict[str, str]) -> str:
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return ""
    path = ast.unparse(node)
    top, _, rest = path.partition(".")
    if top not in imported or path.startswith(STREAMS):
        return ""
    found: object = import_module(imported[top])
    for name in rest.split("."):
        found = getattr(found, name, None)
    return path if callable(found) and not isinstance(found, type) else ""


CHECKED = [module for module in modules() if module not in NOT_DURING_TESTS]


@pytest.mark.parametrize("module", CHECKED)
def test_a_function_that_runs_during_a_test_is_bound_at_import(module: str) -> None:
    assert sorted(set(looked_up(module))) == []


def test_each_unchecked_module_exists_and_looks_up_functions() -> None:
    unnecessary = [module for module in NOT_DURING_TESTS if module not in set(modules()) or not list(looked_up(module))]
    assert unnecessary == []


def test_functions_that_are_looked_up_are_found() -> None:
    found = {line.rpartition(" ")[2] for line in looked_up("base.starter")}
    assert {"os.fork", "os.dup2", "sys.exit", "__import__", "getattr", "len"} <= found
