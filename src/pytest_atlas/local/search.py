"""Full-text search over runs, cards, steps and reports: words in any order, each may be the start of a longer one."""

# ruff: noqa: S608 - the SQL is put together from this package's own words only; values are always parameters

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pytest_atlas.atlas.models import SearchResults
from pytest_atlas.atlas.operations import SearchRuns

from .rows import Call, Fields, refuse
from .runs import run_filter, summaries

MATCHES_SHOWN = 10
"""Most matches that are shown of one run, its best: a word may be in each of its 1,000 steps."""

MAX_QUERY_CHARACTERS = 1000
MAX_QUERY_WORDS = 100
"""Longest query. The cost of a query grows with its words, and the store has one user at a time."""

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


class _Asked(NamedTuple):
    """Which kinds are searched, in which runs (SQL over `runs r`), and the values of all parameters."""

    kinds: list[str]
    where: str
    values: Fields


class _Hit(NamedTuple):
    kind: str
    id: int
    run: int


def search_runs(call: Call, op: SearchRuns) -> SearchResults:
    """The runs in which one component has all the words, best first. A text without a word finds nothing.

    Invalid: a query that is too long. (The document gives no limit; a cut query would find something else than was asked for.)
    """
    words = _words(op.q)
    if sum(map(len, words)) > MAX_QUERY_CHARACTERS or sum(map(_token_count, words)) > MAX_QUERY_WORDS:
        refuse(op, "q", f"Search for at most {MAX_QUERY_WORDS} words and {MAX_QUERY_CHARACTERS} characters")
    match = quoted(op.q)
    kinds = [kind for kind in _KINDS if op.component_types is None or kind in op.component_types]
    if not match or not kinds:
        return SearchResults(results=[], total_count=0)
    where, values = run_filter(op)
    asked = _Asked(kinds, where, {**values, "match": match})
    total, best = _best_runs(call, op, asked)
    shown = summaries(call, best)
    matches = _matches(call, _best_hits(call, best, asked), match)
    results = [{"test_run": shown[run], "score": score, "matches": matches[run]} for run, score in best.items()]
    return SearchResults.model_validate({"results": results, "total_count": total})


def quoted(text: str) -> str:
    """What a user typed as an FTS5 expression: each word a quoted prefix, so that no character is syntax.

    A word without letter or digit would be an empty phrase, a NUL would end the expression: both are left out.
    """
    return " ".join('"' + word.replace('"', '""') + '"*' for word in _words(text))


def _words(text: str) -> list[str]:
    """The words with a letter or a digit, each once."""
    words = dict.fromkeys(text.replace("\0", " ").split())
    return [word for word in words if any(character.isalnum() for character in word)]


def _token_count(word: str) -> int:
    """The words that the index has of it: `a-b` are two."""
    return len(re.findall(r"[^\W_]+", word))


def _hits(asked: _Asked, where: str) -> str:
    """A table `hits` of the components that match and whose run fits `where`, each with its score."""
    # MATERIALIZED, since SQLite can't rank inside of an aggregate.
    return "WITH hits AS MATERIALIZED (" + " UNION ALL ".join(_hits_of(kind, where) for kind in asked.kinds) + ") "


def _hits_of(kind: str, where: str) -> str:
    table, weights, run, _ = _KINDS[kind]
    return (
        f"SELECT '{kind}' AS kind, t.id AS id, r.id AS run, -bm25({table}_fts, {weights}) AS score "
        f"FROM {table}_fts JOIN {table} t ON t.id = {table}_fts.rowid JOIN runs r ON r.id = {run} "
        f"WHERE {table}_fts MATCH :match AND {where}"
    )


def _best_runs(call: Call, op: SearchRuns, asked: _Asked) -> tuple[int, dict[int, float]]:
    """How many runs have a hit, and the asked page of them with their scores (0 to 1, that of the best hit)."""
    hits = _hits(asked, asked.where)
    page = {"limit": op.limit or DEFAULT_LIMIT, "offset": op.offset or 0}
    sql = "SELECT run, max(score) AS score, count(*) OVER () AS total FROM hits GROUP BY run ORDER BY score DESC, run DESC"
    rows = call.rows(f"{hits}{sql} LIMIT :limit OFFSET :offset", {**asked.values, **page})
    if not rows and op.offset:
        return call.row(f"{hits}SELECT count(DISTINCT run) FROM hits", asked.values)[0], {}
    # bm25 has no upper bound; the document's score of 0.92 looks like a share of 1.
    return (rows[0]["total"] if rows else 0), {row["run"]: row["score"] / (1 + row["score"]) for row in rows}


def _best_hits(call: Call, runs: Iterable[int], asked: _Asked) -> list[_Hit]:
    """The best hits of each of these runs."""
    # The plus keeps SQLite from starting with the run's rows: it would ask the full-text index for each of them anew.
    hits = _hits(asked, f"+r.id IN ({_listed(runs)})")
    ranked = "SELECT *, row_number() OVER (PARTITION BY run ORDER BY score DESC, id) AS nth FROM hits"
    sql = f"{hits}SELECT kind, id, run FROM ({ranked}) WHERE nth <= {MATCHES_SHOWN} ORDER BY run, score DESC, id"
    return [_Hit(*row) for row in call.rows(sql, asked.values)]


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or "NULL"


def _matches(call: Call, hits: list[_Hit], match: str) -> dict[int, list[Fields]]:
    """The hits as the answer shows them, by run."""
    snippets = {kind: _snippets(call, kind, [hit.id for hit in hits if hit.kind == kind], match) for kind in _KINDS}
    shown: dict[int, list[Fields]] = defaultdict(list)
    for hit in hits:
        uuid, title, *parents = call.row(f"{_KINDS[hit.kind].place} WHERE t.id = ?", (hit.id,))
        path = " > ".join([*filter(None, parents), title])
        found = {"component_type": hit.kind, "component_id": uuid, "component_title": title, "path": path}
        shown[hit.run].append({**found, "snippet": snippets[hit.kind][hit.id], "match_type": "fulltext"})
    return shown


def _snippets(call: Call, kind: str, ids: list[int], match: str) -> dict[int, str]:
    """The words around the best place of each, in one pass over the index (hence the plus): opening it is what costs."""
    if not ids:
        return {}
    index = f"{_KINDS[kind].table}_fts"
    sql = (
        f"SELECT rowid, snippet({index}, -1, '', '', '…', 16) FROM {index} WHERE {index} MATCH ? AND +rowid IN ({_listed(ids)})"
    )
    return dict(call.rows(sql, (match,)))
