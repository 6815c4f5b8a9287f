"""SQL is put together from this package's own words only; what comes from outside is always a parameter."""

import ast
from pathlib import Path

import pytest

import pytest_atlas.local

FOLDER = Path(pytest_atlas.local.__file__).parent
RUNS_SQL = ("execute", "executemany", "executescript", "row", "rows")
OWN_WORDS = {
    "rows.py": ("table", "names", "marks", "changes"),  # of `insert`, `update`, `delete`: their callers name tables and columns
    "store.py": ("APPLICATION_ID", "CACHE_KIB", "CHECKPOINT_PAGES", "kind", "len(MIGRATIONS)"),
    "runs.py": ("_HEAD", "where", "chosen"),  # `run_filter` and `summaries` make these of their own words
    "search.py": ("hits", "sql", "MATCHES_SHOWN", "ranked", "index", "_listed(ids)", "_KINDS[hit.kind].place"),
}
"""What may stand inside of a statement, by file: our own names, and ids that come from the store itself."""


def inside(file: Path) -> set[str]:
    """The expressions that the statements of a file are put together from."""
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


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: file.relative_to(FOLDER).as_posix())
def test_a_statement_is_put_together_from_known_words_only(file: Path) -> None:
    assert inside(file) <= set(OWN_WORDS.get(file.name, ()))


def test_what_is_put_together_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("db.execute(f'SELECT {x}')\ncall.row('a' + y)\ndb.execute('{}'.format(z), (1,))")
    assert inside(tmp_path / "a.py") == {"x", "'a' + y", "'{}'.format(z)"}
