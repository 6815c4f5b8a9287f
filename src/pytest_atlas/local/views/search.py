"""The search of the pages: one result per test, whatever the number of its runs, with the positions of the matches.

The newest MAX_HITS components with all words are examined, so that a word of every step costs no more than others. The search
of the API (`local.search`) has its documented response: matches by run.
"""

# ruff: noqa: S608 - the SQL consists of constants of this module only; values are always parameters

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pytest_atlas.base.records import dataclass
from pytest_atlas.local.rows import run_reference
from pytest_atlas.local.search import problem_of, quoted

Kind = Literal["step", "report", "card", "run"]

MAX_HITS = 10_000
"""Most components of each kind that are examined, the newest ones."""
MAX_RUNS = 24
"""Number of runs whose statuses a result has."""
SNIPPET_WORDS = 24

_BEGIN, _END = "\ufdd0", "\ufdd1"
"""Around a match in the result of FTS5: noncharacters, which no text contains."""
_MATCH = re.compile(f"{_BEGIN}([^{_END}]*){_END}")


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and the positions of the matches in it: start and length in characters."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()

    @property
    def parts(self) -> Iterator[tuple[str, bool]]:
        """Yield the text in parts, each with whether it is a match."""
        done = 0
        for start, length in self.marks:
            yield self.text[done:start], False
            yield self.text[start : start + length], True
            done = start + length
        yield self.text[done:], False


@dataclass(frozen=True, slots=True)
class Result:
    """A test, card, run or report: the newest component of it that matches."""

    kind: Kind
    uuid: str
    title: Marked
    snippet: Marked
    card: str  # title of the card of a step; empty for other kinds
    run_uuid: str
    run: str  # TR-0042
    run_at: int  # microseconds
    system_id: str
    status: str = ""  # of the step
    runs: int = 1  # number of runs with this test or card
    statuses: tuple[str, ...] = ()  # of the test in its last MAX_RUNS runs, oldest first
    last_failure: str = ""  # the newest of these runs in which it failed


@dataclass(frozen=True, slots=True)
class Facet:
    """A value by which the results can be narrowed."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """One page of results, the newest run first, and the number of results by kind, system and last outcome."""

    results: tuple[Result, ...] = ()
    total: int = 0
    everything: int = 0  # without the filters
    kinds: tuple[Facet, ...] = ()
    systems: tuple[Facet, ...] = ()
    statuses: tuple[Facet, ...] = ()
    is_limited: bool = False  # older components match too
    problem: str = ""  # why the query was rejected


@dataclass(frozen=True, slots=True)
class Filter:
    """Which results to return. An empty field filters nothing."""

    kind: str = ""
    system_id: str = ""
    status: str = ""


class _Group(NamedTuple):
    kind: Kind
    id: int  # of its newest component
    run: int
    system_id: str
    status: str
    score: float


class _Table(NamedTuple):
    """SQL of one kind: `t` is its table."""

    table: str
    weights: str  # of the indexed columns
    run: str
    key: str  # equal for the components that are one result
    status: str
    texts: tuple[int, ...]  # the columns of the index that a snippet is taken from


_KINDS: dict[Kind, _Table] = {
    "step": _Table("steps", "4, 1, 1", "t.run", "coalesce(t.test, t.uuid)", "t.execution_status", (1, 2)),
    "report": _Table("reports", "4, 1, 1", "t.run", "t.uuid", "''", (2, 1)),
    "card": _Table("cards", "4, 1", "t.run", "t.title", "''", (1,)),
    "run": _Table("runs", "4, 1", "t.id", "t.uuid", "''", (1,)),
}


def search(db: sqlite3.Connection, query: str, chosen: Filter | None = None, *, offset: int = 0, limit: int = 20) -> Found:
    """Return the results in which one component has all words, each as the start of a word."""
    chosen = chosen or Filter()
    if problem := problem_of(query):
        return Found(problem=problem)
    match = quoted(query)
    if not match:
        return Found()
    groups: list[_Group] = []
    is_limited = False
    for kind in _KINDS:
        found, examined = _groups(db, kind, match)
        groups += found
        is_limited |= examined == MAX_HITS
    shown = [group for group in groups if _is_chosen(group, chosen)]
    shown.sort(key=lambda group: (-group.run, -group.score, group.kind, group.id))
    return Found(
        results=tuple(_results(db, shown[offset : offset + limit], match)),
        total=len(shown),
        everything=len(groups),
        kinds=_facets(Counter(group.kind for group in groups), {kind: kind for kind in _KINDS}),
        systems=_facets(Counter(group.system_id for group in groups), _system_names(db)),
        statuses=_facets(Counter(group.status for group in groups if group.status), {}),
        is_limited=is_limited,
    )


def _groups(db: sqlite3.Connection, kind: Kind, match: str) -> tuple[list[_Group], int]:
    """Return the results of one kind, each with its newest component, and the number of examined components."""
    table, weights, run, key, status, _ = _KINDS[kind]
    # With max(), SQLite takes the other columns from the row with the maximum (lang_select.html#bareagg). FTS5 returns rows
    # in the order of their ids without sorting them.
    rows = db.execute(
        f"WITH hits AS MATERIALIZED (SELECT rowid AS id, -bm25({table}_fts, {weights}) AS score FROM {table}_fts "
        f"WHERE {table}_fts MATCH ? ORDER BY rowid DESC LIMIT {MAX_HITS}) "
        f"SELECT max(t.id) AS id, {run} AS run, r.system_id, {status} AS status, max(0, hits.score) AS score, count(*) AS n "
        f"FROM hits CROSS JOIN {table} t ON t.id = hits.id JOIN runs r ON r.id = {run} GROUP BY r.system_id, {key}",
        (match,),
    ).fetchall()
    found = [_Group(kind, row["id"], row["run"], row["system_id"], row["status"], row["score"]) for row in rows]
    return found, sum(row["n"] for row in rows)


def _is_chosen(group: _Group, chosen: Filter) -> bool:
    return (
        chosen.kind in ("", group.kind)
        and chosen.system_id in ("", group.system_id)
        and (not chosen.status or chosen.status == group.status)
    )


def _facets(counts: Counter[str], labels: dict[str, str]) -> tuple[Facet, ...]:
    """Return the values in the order of `labels`, others by their number."""
    order = [*(value for value in labels if value in counts), *(value for value, _ in counts.most_common())]
    return tuple(Facet(value, labels.get(value, value), counts[value]) for value in dict.fromkeys(order))


def _system_names(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT uuid, name FROM names").fetchall())


# ── one result ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _results(db: sqlite3.Connection, groups: list[_Group], match: str) -> Iterator[Result]:
    marked: dict[tuple[Kind, int], list[Marked]] = {}
    for kind in _KINDS:
        marked |= {(kind, id_): texts for id_, texts in _marked(db, kind, [g.id for g in groups if g.kind == kind], match)}
    for group in groups:
        yield _result(db, group, *marked[group.kind, group.id])


def _result(db: sqlite3.Connection, group: _Group, title: Marked, *texts: Marked) -> Result:
    row = db.execute(f"SELECT * FROM {_KINDS[group.kind].table} WHERE id = ?", (group.id,)).fetchone()
    run = db.execute("SELECT uuid, number, created_at FROM runs WHERE id = ?", (group.run,)).fetchone()
    runs, history = _history(db, group, row)
    return Result(
        kind=group.kind,
        uuid=row["uuid"],
        title=title,
        snippet=next((text for text in texts if text.marks), texts[0]),
        card=db.execute("SELECT title FROM cards WHERE id = ?", (row["card"],)).fetchone()[0] if group.kind == "step" else "",
        run_uuid=run["uuid"],
        run=run_reference(run["number"]),
        run_at=run["created_at"],
        system_id=group.system_id,
        status=group.status,
        runs=runs,
        statuses=tuple(status for _, status in reversed(history)),
        last_failure=next((run_reference(number) for number, status in history if status == "failed"), ""),
    )


_RUNS_OF_TEST = (
    """SELECT count(DISTINCT s.run) FROM steps s WHERE s.test = ? AND s.run IN (SELECT id FROM runs WHERE system_id = ?)"""
)
_RUNS_OF_CARD = "SELECT count(DISTINCT r.id) FROM runs r JOIN cards c ON c.run = r.id WHERE c.title = ? AND r.system_id = ?"

# A run can have several steps with one identity line; a failed one counts.
_HISTORY = f"""SELECT r.number, CASE WHEN max(s.execution_status = 'failed') THEN 'failed' ELSE s.execution_status END
    FROM steps s CROSS JOIN runs r ON r.id = s.run WHERE s.test = ? AND r.system_id = ?
    GROUP BY s.run ORDER BY s.run DESC LIMIT {MAX_RUNS}"""


def _history(db: sqlite3.Connection, group: _Group, row: sqlite3.Row) -> tuple[int, list[tuple[int, str]]]:
    """Return the number of runs with this test or card, and number and status of the last runs with this test."""
    if group.kind == "step" and row["test"] is not None:
        test = (row["test"], group.system_id)
        return db.execute(_RUNS_OF_TEST, test).fetchone()[0], [
            (number, status) for number, status in db.execute(_HISTORY, test)
        ]
    if group.kind == "card":
        return db.execute(_RUNS_OF_CARD, (row["title"], group.system_id)).fetchone()[0], []
    return 1, []


def _marked(db: sqlite3.Connection, kind: Kind, ids: list[int], match: str) -> Iterator[tuple[int, list[Marked]]]:
    """Yield the id of each component, and its title and snippets with their matches."""
    if not ids:
        return
    index = f"{_KINDS[kind].table}_fts"
    snippets = "".join(f", snippet({index}, {column}, :begin, :end, '…', {SNIPPET_WORDS})" for column in _KINDS[kind].texts)
    # The plus makes SQLite search the index once, and not for each id.
    sql = (
        f"SELECT rowid, highlight({index}, 0, :begin, :end){snippets} FROM {index} "
        f"WHERE {index} MATCH :match AND rowid >= :least AND +rowid IN (SELECT value FROM json_each(:ids))"
    )
    values = {"begin": _BEGIN, "end": _END, "match": match, "least": min(ids), "ids": json.dumps(ids)}
    for id_, *texts in db.execute(sql, values):
        yield id_, [_parse_marks(text or "") for text in texts]


def _parse_marks(text: str) -> Marked:
    marks: list[tuple[int, int]] = []
    plain = ""
    done = 0
    for found in _MATCH.finditer(text):
        plain += text[done : found.start()]
        marks.append((len(plain), len(found[1])))
        plain += found[1]
        done = found.end()
    return Marked(plain + text[done:], tuple(marks))
