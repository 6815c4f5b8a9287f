"""Full-text search in runs, cards, steps and reports: words in any order, each also as the start of a longer word."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pytest_atlas.atlas.models import SearchResults
from pytest_atlas.atlas.operations import SearchRuns

from .rows import Call, Fields, reject
from .runs import run_filter, summaries

MAX_MATCHES = 10
"""Most matches of one run in a response, the best ones: a word can occur in each of 1,000 steps."""

MAX_QUERY_CHARACTERS = 1000
MAX_QUERY_WORDS = 100
"""Longest query. Its cost increases with the number of words, and the store serves one request at a time."""

DEFAULT_LIMIT = 20  # of the API document


class _Kind(NamedTuple):
    """A kind of component: its table, the weights of its indexed columns, and SQL for its run, its title and its parents."""

    table: str
    weights: str
    run: str
    place: str


# A word in a title has a higher weight than a word in a text.
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


class _Search(NamedTuple):
    """The kinds to search, the condition for runs (SQL over `runs r`), and the values of all parameters."""

    kinds: list[str]
    where: str
    values: Fields


class _Hit(NamedTuple):
    kind: str
    id: int
    run: int


def search_runs(call: Call, op: SearchRuns) -> SearchResults:
    """Return the runs in which one component has all words, the best first. A query without a word has no results.

    Raises Invalid if the query is too long. (The API document has no limit, but a shortened query would have other results.)
    """
    if problem := problem_of(op.q):
        reject(op, "q", problem)
    match = quoted(op.q)
    kinds = [kind for kind in _KINDS if op.component_types is None or kind in op.component_types]
    if not match or not kinds:
        return SearchResults(results=[], total_count=0)
    where, values = run_filter(op)
    search = _Search(kinds, where, {**values, "match": match})
    total, best = _best_runs(call, op, search)
    shown = summaries(call, best)
    matches = _matches(call, _best_hits(call, best, search), match)
    results = [{"test_run": shown[run], "score": score, "matches": matches[run]} for run, score in best.items()]
    return SearchResults.model_validate({"results": results, "total_count": total})


def problem_of(text: str) -> str:
    """Return why a query is rejected; empty if it is accepted."""
    words = _words(text)
    if sum(map(len, words)) > MAX_QUERY_CHARACTERS or sum(map(_token_count, words)) > MAX_QUERY_WORDS:
        return f"Search for at most {MAX_QUERY_WORDS} words and {MAX_QUERY_CHARACTERS} characters"
    return ""


def quoted(text: str) -> str:
    """Return a query as an FTS5 expression: each word is a quoted prefix, so that no character is syntax.

    A word without a letter or digit would be an empty phrase, and a NUL would end the expression. Both are left out.
    """
    return " ".join('"' + word.replace('"', '""') + '"*' for word in _words(text))


def _words(text: str) -> list[str]:
    """Return the different words with a letter or a digit."""
    words = dict.fromkeys(text.replace("\0", " ").split())
    return [word for word in words if any(character.isalnum() for character in word)]


def _token_count(word: str) -> int:
    """Return the number of words in the index: two for `a-b`."""
    return len(re.findall(r"[^\W_]+", word))


def _hits(search: _Search, where: str) -> str:
    """Return SQL for a table `hits`: the matching components in runs that match `where`, with their scores."""
    # MATERIALIZED, because SQLite can't rank inside of an aggregate.
    return "WITH hits AS MATERIALIZED (" + " UNION ALL ".join(_hits_of(kind, where) for kind in search.kinds) + ") "


def _hits_of(kind: str, where: str) -> str:
    table, weights, run, _ = _KINDS[kind]
    return (
        f"SELECT '{kind}' AS kind, t.id AS id, r.id AS run, -bm25({table}_fts, {weights}) AS score "
        f"FROM {table}_fts JOIN {table} t ON t.id = {table}_fts.rowid JOIN runs r ON r.id = {run} "
        f"WHERE {table}_fts MATCH :match AND {where}"
    )


def _best_runs(call: Call, op: SearchRuns, search: _Search) -> tuple[int, dict[int, float]]:
    """Return the number of runs with a hit, and the requested page with the score of the best hit in each run (0 to 1)."""
    hits = _hits(search, search.where)
    page = {"limit": op.limit or DEFAULT_LIMIT, "offset": op.offset or 0}
    sql = "SELECT run, max(score) AS score, count(*) OVER () AS total FROM hits GROUP BY run ORDER BY score DESC, run DESC"
    rows = call.rows(f"{hits}{sql} LIMIT :limit OFFSET :offset", {**search.values, **page})
    if not rows and op.offset:
        return call.row(f"{hits}SELECT count(DISTINCT run) FROM hits", search.values)[0], {}
    # bm25 has no upper bound, but the score in the API document, 0.92, is apparently at most 1.
    return (rows[0]["total"] if rows else 0), {row["run"]: row["score"] / (1 + row["score"]) for row in rows}


def _best_hits(call: Call, runs: Iterable[int], search: _Search) -> list[_Hit]:
    """Return the best hits in each of these runs."""
    # The plus prevents a query plan that starts with the rows of the run and searches the full-text index for each of them.
    hits = _hits(search, f"+r.id IN ({_listed(runs)})")
    ranked = "SELECT *, row_number() OVER (PARTITION BY run ORDER BY score DESC, id) AS nth FROM hits"
    sql = f"{hits}SELECT kind, id, run FROM ({ranked}) WHERE nth <= {MAX_MATCHES} ORDER BY run, score DESC, id"
    return [_Hit(*row) for row in call.rows(sql, search.values)]


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or "NULL"


def _matches(call: Call, hits: list[_Hit], match: str) -> dict[int, list[Fields]]:
    """Return the hits of each run as fields of the response."""
    snippets = {kind: _snippets(call, kind, [hit.id for hit in hits if hit.kind == kind], match) for kind in _KINDS}
    shown: dict[int, list[Fields]] = defaultdict(list)
    for hit in hits:
        uuid, title, *parents = call.row(f"{_KINDS[hit.kind].place} WHERE t.id = ?", (hit.id,))
        path = " > ".join([*filter(None, parents), title])
        found = {"component_type": hit.kind, "component_id": uuid, "component_title": title, "path": path}
        shown[hit.run].append({**found, "snippet": snippets[hit.kind][hit.id], "match_type": "fulltext"})
    return shown


def _snippets(call: Call, kind: str, ids: list[int], match: str) -> dict[int, str]:
    """Return the text around the best match of each component. The plus makes SQLite search the index only once."""
    if not ids:
        return {}
    index = f"{_KINDS[kind].table}_fts"
    sql = (
        f"SELECT rowid, snippet({index}, -1, '', '', '…', 16) FROM {index} WHERE {index} MATCH ? AND +rowid IN ({_listed(ids)})"
    )
    return dict(call.rows(sql, (match,)))
