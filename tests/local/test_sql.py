"""SQL statements contain constants of the package only; all other values are parameters."""

import ast
import re
from pathlib import Path

import pytest

import pytest_atlas.local

DIRECTORY = Path(pytest_atlas.local.__file__).parent
RUNS_SQL = ("execute", "executemany", "executescript", "row", "rows")
CONSTANTS = {
    "rows.py": ("table", "names", "marks", "changes"),  # of `insert`, `update`, `delete`: their callers pass constants
    "store.py": ("kind", "len(MIGRATIONS)"),
    "runs.py": ("where", "chosen"),  # `run_filter` and `summaries` make these of constants
    "search.py": ("hits", "sql", "ranked", "index", "_listed(ids)", "_KINDS[hit.kind].place"),
    "views/reports.py": ("_HEAD.format(more='')", "sql"),
    "views/run.py": ("columns", "where"),
    "views/runs.py": ("column", "page", "where"),  # `_where` makes it of constants
    "views/step.py": ("where", "key", "own", "[order] * 4", "query.format(sign, *[order] * 4)"),
    "views/search.py": ("_KINDS[group.kind].table", "table", "weights", "run", "key", "status"),  # of `_KINDS`
}
"""Expressions that a statement can contain besides module constants, by file: texts of constants, and ids from the store."""

MODULE_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


def expressions_in(file: Path) -> set[str]:
    """Return the expressions that the SQL statements of a file contain."""
    calls = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))
    statements = [call.args[0] for call in calls if _name(call) in RUNS_SQL and call.args]
    parts = [part for statement in statements for part in ast.walk(statement)]
    return {ast.unparse(part.value) for part in parts if isinstance(part, ast.FormattedValue)} | {
        ast.unparse(part)
        for part in parts
        if isinstance(part, ast.BinOp) or (isinstance(part, ast.Call) and _name(part) in ("format", "join", "replace"))
    }


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


@pytest.mark.parametrize("file", sorted(DIRECTORY.rglob("*.py")), ids=lambda file: file.relative_to(DIRECTORY).as_posix())
def test_a_statement_contains_constants_only(file: Path) -> None:
    found = {expression for expression in expressions_in(file) if not MODULE_CONSTANT.fullmatch(expression)}
    assert found <= set(CONSTANTS.get(file.relative_to(DIRECTORY).as_posix(), ()))


def test_expressions_in_a_statement_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("db.execute(f'SELECT {x}')\ncall.row('a' + y)\ndb.execute('{}'.format(z), (1,))")
    assert expressions_in(tmp_path / "a.py") == {"x", "'a' + y", "'{}'.format(z)"}
