"""Read the input of a report from the store. The number of queries does not depend on the length of the history."""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

import json
from typing import Any

from pytest_atlas.analysis import MAX_RUNS, MEASUREMENTS_FILE, REQUIRED_PPK, File, PastFile, PastStep, ReportInput, Step

from .rows import Call, Fields, run_reference

_TITLES = {
    "run": "SELECT title FROM runs WHERE id = ?",
    "card": "SELECT title FROM cards WHERE id = ?",
    "step": "SELECT title FROM steps WHERE id = ?",
}

_STEPS = """SELECT c.title AS card, s.title, s.execution_status AS status, s.description, s.exception,
    (s.ended_at - s.started_at) / 1e6 AS duration_s FROM steps s JOIN cards c ON c.id = s.card """
_IN_ORDER = " ORDER BY c.position, c.id, s.position, s.id"
_IN_SCOPE = {
    "run": _STEPS + "WHERE c.run = :id" + _IN_ORDER,
    "card": _STEPS + "WHERE c.id = :id" + _IN_ORDER,
    "step": _STEPS + "WHERE s.id = :id" + _IN_ORDER,
}

_FILES = """SELECT f.file_name AS name, f.s3_url AS url, f.file_size AS size, coalesce(c.title, o.title, '') AS card,
    coalesce(s.title, '') AS step FROM report_files a JOIN files f ON f.id = a.file LEFT JOIN cards c ON c.id = f.card
    LEFT JOIN steps s ON s.id = f.step LEFT JOIN cards o ON o.id = s.card WHERE a.report = ? ORDER BY f.id"""

# The measurements of a step are in the file of its card.
FILES_IN_SCOPE = {
    "run": "SELECT id FROM files WHERE run = :id",
    "card": "SELECT f.id FROM files f LEFT JOIN steps s ON s.id = f.step WHERE f.run = (SELECT run FROM cards WHERE id = :id) "
    "AND (f.card = :id OR s.card = :id)",
    "step": f"SELECT id FROM files WHERE step = :id UNION SELECT id FROM files WHERE file_name = '{MEASUREMENTS_FILE}' "
    "AND card = (SELECT card FROM steps WHERE id = :id)",
}
"""SQL for the ids of the files that a report analyses, by scope."""

# A run is earlier if its session began earlier. It can be published later than another one.
_RUNS = "runs r LEFT JOIN run_details d ON d.run = r.id"
_BEGAN = "coalesce(d.started_at, r.created_at)"
_EARLIER = f"r.system_id = :system AND ({_BEGAN}, r.id) < (:began_at, :run)"
_CARDS = "(SELECT value FROM json_each(:cards))"

_PAST_STEPS = f"""WITH past AS (SELECT r.id, r.number, {_BEGAN} AS began_at FROM {_RUNS} WHERE {_EARLIER}
        AND EXISTS (SELECT 1 FROM cards c WHERE c.run = r.id AND c.title IN {_CARDS})
        ORDER BY began_at DESC, r.id DESC LIMIT {MAX_RUNS})
    SELECT past.number, c.title AS card, s.title, s.execution_status AS status, (s.ended_at - s.started_at) / 1e6 AS duration_s
    FROM past JOIN cards c ON c.run = past.id JOIN steps s ON s.card = c.id
    WHERE c.title IN {_CARDS} AND (:step IS NULL OR s.title = :step)
    ORDER BY past.began_at, past.id, c.position, c.id, s.position, s.id"""

# Ranked for each card separately, because an earlier run can have only some of the cards.
_PAST_FILES = f"""WITH past AS (SELECT f.s3_url AS url, c.title AS card, r.number, {_BEGAN} AS began_at, r.id,
        f.id AS file, dense_rank() OVER (PARTITION BY c.title ORDER BY {_BEGAN} DESC, r.id DESC) AS nth
        FROM {_RUNS} JOIN files f ON f.run = r.id AND f.file_name = '{MEASUREMENTS_FILE}' JOIN cards c ON c.id = f.card
        WHERE {_EARLIER} AND c.title IN {_CARDS})
    SELECT url, card, number, dense_rank() OVER (ORDER BY began_at, id) AS "order" FROM past WHERE nth <= {MAX_RUNS}
    ORDER BY "order", file"""


def title_of(call: Call, scope: str, target: int) -> str:
    """Return the title of a report about this run, card or step."""
    return f"{call.row(_TITLES[scope], (target,))[0]} – {scope.capitalize()} Analysis"


def read_report_input(call: Call, report: int, required_ppk: float = REQUIRED_PPK) -> ReportInput | None:
    """Return the input of this report; None if its run, card or step was deleted meanwhile."""
    row = call.row("SELECT * FROM reports WHERE id = ?", (report,))
    target = row and row[row["scope"]]
    if target is None:
        return None
    steps = tuple(Step(**dict(step)) for step in call.rows(_IN_SCOPE[row["scope"]], {"id": target}))
    values = _history_filter(call, row, steps)
    return ReportInput(
        title=row["title"],
        scope=row["scope"],
        context=row["analysis_context"],
        steps=steps,
        files=tuple(File(**dict(file)) for file in call.rows(_FILES, (report,))),
        past_steps=tuple(_past_step(step) for step in call.rows(_PAST_STEPS, values)),
        past_files=tuple(_past_file(file) for file in call.rows(_PAST_FILES, values)),
        required_ppk=required_ppk,
    )


def _history_filter(call: Call, report: Any, steps: tuple[Step, ...]) -> Fields:
    run = call.row(f"SELECT r.id, r.system_id, {_BEGAN} AS began_at FROM {_RUNS} WHERE r.id = ?", (report["run"],))
    return {
        "run": run["id"],
        "system": run["system_id"],
        "began_at": run["began_at"],
        "cards": json.dumps(sorted({step.card for step in steps})),
        "step": steps[0].title if report["scope"] == "step" and steps else None,
    }


def _past_step(row: Any) -> PastStep:
    return PastStep(run_reference(row["number"]), row["card"], row["title"], row["status"], row["duration_s"])


def _past_file(row: Any) -> PastFile:
    return PastFile(row["order"], row["card"], row["url"], run_reference(row["number"]))
