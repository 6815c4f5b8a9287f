"""Full-text search over runs, cards, steps and reports: words in any order, each may be the start of a longer one."""

# ruff: noqa: S608 - the SQL is put together from this package's own words only; values are always parameters

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pytest_atlas.atlas.models import SearchResults
from pytest_atlas.atlas.operations import SearchRuns

from .rows import Call, Fields
from .runs import run_filter, summaries

MATCHES_SHOWN = 10
"""Most matches that are shown of one run, its best: a word may be in each of its 1,000 steps."""

DEFAULT_LIMIT = 20  # the document's


class _Kind(NamedTuple):
    """A component that can be found: its table, the weights of its indexed columns, and where in the run it is."""

    table: str
    weights: str
    run: str
    place: str


# A word in a title says more than one in a text.
_KINDS = {
    "run": _Kind("runs", "4, 1", "t.id", "SELECT t.uuid, t.title, NULL, NULL FROM runs t"),
    "card": _Kind("cards", "4, 1", "t.run", "SELECT t.uuid, t.title, NULL, NULL FROM cards t"),
    "step": _Kind(
        "steps", "4, 1, 1", "t.run", "SELECT t.uuid, t.title, c.title, NULL FROM steps t JOIN cards c ON c.id = t.card"
    ),
    "report": _Kind(
        "reports",
        "4, 1, 1",
        "t.run",
        "SELECT t.uuid, t.title, c.title, s.title FROM reports t "
        "LEFT JOIN cards c ON c.id = t.card LEFT JOIN steps s ON s.id = t.step",
    ),
}


class _Hit(NamedTuple):
    kind: str
    id: int
    run: int
    score: float


def search_runs(call: Call, op: SearchRuns) -> SearchResults:
    """The runs in which one component has all the words, best first. A text without a word finds nothing."""
    match = quoted(op.q)
    kinds = [kind for kind in _KINDS if op.component_types is None or kind in op.component_types]
    if not match or not kinds:
        return SearchResults(results=[], total_count=0)
    where, values = run_filter(op)
    values = {**values, "match": match}
    hits = "WITH hits AS MATERIALIZED (" + " UNION ALL ".join(_hits(kind, where) for kind in kinds) + ") "
    total, best = _best_runs(call, op, hits, values)
    shown = summaries(call, best)
    matches = defaultdict(list)
    for hit in _best_hits(call, best, hits, values):
        matches[hit.run].append(_match(call, hit, match))
    results = [{"test_run": shown[run], "score": score, "matches": matches[run]} for run, score in best.items()]
    return SearchResults.model_validate({"results": results, "total_count": total})


def quoted(text: str) -> str:
    """What a user typed as an FTS5 expression: each word a quoted prefix, so that no character is syntax.

    A word without letter or digit would be an empty phrase, a NUL would end the expression: both are left out.
    """
    words = (word for word in text.replace("\0", " ").split() if any(character.isalnum() for character in word))
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words)


def _hits(kind: str, where: str) -> str:
    table, weights, run, _ = _KINDS[kind]
    return (
        f"SELECT '{kind}' AS kind, t.id AS id, {run} AS run, -bm25({table}_fts, {weights}) AS score "
        f"FROM {table}_fts JOIN {table} t ON t.id = {table}_fts.rowid JOIN runs r ON r.id = {run} "
        f"WHERE {table}_fts MATCH :match AND {where}"
    )


def _best_runs(call: Call, op: SearchRuns, hits: str, values: Fields) -> tuple[int, dict[int, float]]:
    """How many runs have a hit, and the asked page of them with their scores (0 to 1, that of the best hit)."""
    page = {"limit": op.limit or DEFAULT_LIMIT, "offset": op.offset or 0}
    sql = "SELECT run, max(score) AS score, count(*) OVER () AS total FROM hits GROUP BY run ORDER BY score DESC, run DESC"
    rows = call.rows(f"{hits}{sql} LIMIT :limit OFFSET :offset", {**values, **page})
    if not rows and op.offset:
        return call.row(f"{hits}SELECT count(DISTINCT run) FROM hits", values)[0], {}
    # bm25 has no upper bound; the document's score of 0.92 looks like a share of 1.
    return (rows[0]["total"] if rows else 0), {row["run"]: row["score"] / (1 + row["score"]) for row in rows}


def _best_hits(call: Call, runs: Iterable[int], hits: str, values: Fields) -> Iterator[_Hit]:
    chosen = ", ".join(str(run) for run in runs) or "NULL"
    ranked = (
        "SELECT kind, id, run, score, row_number() OVER (PARTITION BY run ORDER BY score DESC, id) AS nth "
        f"FROM hits WHERE run IN ({chosen})"
    )
    sql = f"{hits}SELECT kind, id, run, score FROM ({ranked}) WHERE nth <= {MATCHES_SHOWN} ORDER BY run, nth"
    return (_Hit(*row) for row in call.rows(sql, values))


def _match(call: Call, hit: _Hit, match: str) -> Fields:
    table, _, _, place = _KINDS[hit.kind]
    uuid, title, *parents = call.row(f"{place} WHERE t.id = ?", (hit.id,))
    snippet: Any = call.row(
        f"SELECT snippet({table}_fts, -1, '', '', '…', 16) FROM {table}_fts WHERE {table}_fts MATCH ? AND rowid = ?",
        (match, hit.id),
    )[0]
    return {
        "component_type": hit.kind,
        "component_id": uuid,
        "component_title": title,
        "path": " > ".join([*filter(None, parents), title]),
        "snippet": snippet,
        "match_type": "fulltext",
    }
