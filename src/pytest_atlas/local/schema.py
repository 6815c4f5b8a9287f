"""The tables of the store, as migrations from each version to the next.

A released migration is never changed; a change is a new one. Times are microseconds since 1970, UTC. Long texts are the last
columns of a table: SQLite reads the columns before them without their overflow pages.
"""

# ruff: noqa: S608 - the SQL consists of constants of this package only; values are always parameters

_TABLES = (
    # One row. `last_number` only increases, so that the id of a deleted run is not used again.
    "CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 1), uuid TEXT NOT NULL, last_number INTEGER NOT NULL DEFAULT 0)",
    # Names of systems and assets: responses contain them, but the API has no endpoint that sets them.
    "CREATE TABLE names (uuid TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, number INTEGER NOT NULL, system_id TEXT NOT NULL,
        asset_ids TEXT NOT NULL, issue_ids TEXT NOT NULL, created_by TEXT NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL)""",
    "CREATE INDEX runs_by_system ON runs (system_id, created_at)",
    """CREATE TABLE contributors (
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, user TEXT NOT NULL, PRIMARY KEY (run, user)) WITHOUT ROWID""",
    """CREATE TABLE cards (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        position INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        title TEXT NOT NULL, description TEXT NOT NULL)""",
    "CREATE INDEX cards_by_run ON cards (run, position)",
    """CREATE TABLE steps (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, run INTEGER NOT NULL,
        card INTEGER NOT NULL REFERENCES cards ON DELETE CASCADE, position INTEGER NOT NULL, step_type TEXT NOT NULL,
        execution_status TEXT NOT NULL DEFAULT 'todo', started_at INTEGER, ended_at INTEGER,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        title TEXT NOT NULL, description TEXT NOT NULL, exception TEXT)""",
    "CREATE INDEX steps_by_card ON steps (card, position)",
    """CREATE TABLE files (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        card INTEGER REFERENCES cards ON DELETE SET NULL, step INTEGER REFERENCES steps ON DELETE SET NULL,
        file_name TEXT NOT NULL, s3_url TEXT NOT NULL, file_size INTEGER NOT NULL, content_type TEXT NOT NULL,
        uploaded_by TEXT NOT NULL, created_at INTEGER NOT NULL)""",
    "CREATE INDEX files_by_run ON files (run)",
    "CREATE INDEX files_by_card ON files (card)",
    "CREATE INDEX files_by_step ON files (step)",
    """CREATE TABLE reports (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        card INTEGER REFERENCES cards ON DELETE SET NULL, step INTEGER REFERENCES steps ON DELETE SET NULL,
        scope TEXT NOT NULL, status TEXT NOT NULL, job_run_id TEXT, created_by TEXT NOT NULL, created_at INTEGER NOT NULL,
        title TEXT NOT NULL, summary TEXT NOT NULL, content TEXT NOT NULL, analysis_context TEXT NOT NULL)""",
    "CREATE INDEX reports_by_run ON reports (run)",
    "CREATE INDEX reports_by_card ON reports (card)",
    "CREATE INDEX reports_by_step ON reports (step)",
    """CREATE TABLE report_files (
        report INTEGER NOT NULL REFERENCES reports ON DELETE CASCADE,
        file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, PRIMARY KEY (report, file)) WITHOUT ROWID""",
    "CREATE INDEX report_files_by_file ON report_files (file)",
    """CREATE TABLE templates (
        id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, title TEXT NOT NULL, description TEXT NOT NULL)""",
    """CREATE TABLE template_steps (
        template INTEGER NOT NULL REFERENCES templates ON DELETE CASCADE, position INTEGER NOT NULL,
        title TEXT NOT NULL, description TEXT NOT NULL, step_type TEXT NOT NULL,
        PRIMARY KEY (template, position)) WITHOUT ROWID""",
)

# The number of cards, files, reports and steps of each status in a run, updated by triggers: a list of 1,000 runs must not
# count a million steps. `what` is "card", "file", "report" or the execution status of a step.
_TALLIES = (
    """CREATE TABLE tallies (
        run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, what TEXT NOT NULL, n INTEGER NOT NULL,
        PRIMARY KEY (run, what)) WITHOUT ROWID""",
)


def _count(row: str, what: str) -> str:
    return f"INSERT INTO tallies VALUES ({row}.run, {what}, 1) ON CONFLICT DO UPDATE SET n = n + 1;"


def _uncount(row: str, what: str) -> str:
    return f"UPDATE tallies SET n = n - 1 WHERE run = {row}.run AND what = {what};"


def _tallied(table: str, new: str, old: str) -> tuple[str, ...]:
    """Return triggers that count the rows of `table`. `new` and `old`: SQL for the value of `what`."""
    return (
        f"CREATE TRIGGER {table}_counted AFTER INSERT ON {table} BEGIN {_count('new', new)} END",
        f"CREATE TRIGGER {table}_uncounted AFTER DELETE ON {table} BEGIN {_uncount('old', old)} END",
    )


_STATUS_CHANGES = f"""CREATE TRIGGER steps_recounted AFTER UPDATE OF execution_status ON steps
    WHEN old.execution_status <> new.execution_status
    BEGIN {_uncount("old", "old.execution_status")} {_count("new", "new.execution_status")} END"""


def _searchable(table: str, *columns: str) -> tuple[str, ...]:
    """Return a full-text index of `columns` of `table`, updated by triggers, without a copy of the text (external content)."""
    index, names = f"{table}_fts", ", ".join(columns)
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old", "new"))
    forget = f"INSERT INTO {index} ({index}, rowid, {names}) VALUES ('delete', old.id, {old});"
    learn = f"INSERT INTO {index} (rowid, {names}) VALUES (new.id, {new});"
    settings = f"content='{table}', content_rowid='id', tokenize='unicode61 remove_diacritics 2'"
    changed = f"UPDATE OF {names} ON {table} WHEN ({old}) IS NOT ({new})"
    return (
        f"CREATE VIRTUAL TABLE {index} USING fts5 ({names}, {settings})",
        f"CREATE TRIGGER {table}_learnt AFTER INSERT ON {table} BEGIN {learn} END",
        f"CREATE TRIGGER {table}_forgotten AFTER DELETE ON {table} BEGIN {forget} END",
        f"CREATE TRIGGER {table}_relearnt AFTER {changed} BEGIN {forget} {learn} END",
    )


# The index for the pages: data from descriptions and measurement files, in columns. `local.index` fills it, and can rebuild it.
_INDEX = (
    # From the description of the step: the identity line without its prefix, and the newest attempt that executed it.
    "ALTER TABLE steps ADD COLUMN test TEXT",
    "ALTER TABLE steps ADD COLUMN worker TEXT",
    "ALTER TABLE steps ADD COLUMN attempts INTEGER",
    "ALTER TABLE steps ADD COLUMN session TEXT",
    "CREATE INDEX steps_by_test ON steps (test, run, session) WHERE test IS NOT NULL",
    # To compare the failures of many runs without reading their other steps.
    "CREATE INDEX failed_steps ON steps (run) WHERE execution_status = 'failed'",
    # From the description of the run. `state` is running, ended, died or interrupted.
    """CREATE TABLE run_details (
        run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE, state TEXT, exit_status INTEGER, host TEXT, job TEXT,
        ci_url TEXT, git_commit TEXT, branch TEXT, device TEXT, bench TEXT, firmware TEXT, started_at INTEGER,
        ended_at INTEGER, duration_us INTEGER, environment TEXT)""",
    # From the measurement files. The tests and names are stored once, not in each run.
    """CREATE TABLE quantities (
        id INTEGER PRIMARY KEY, system_id TEXT NOT NULL, test TEXT NOT NULL, name TEXT NOT NULL,
        UNIQUE (system_id, test, name))""",
    """CREATE TABLE measured (
        id INTEGER PRIMARY KEY, quantity INTEGER NOT NULL REFERENCES quantities,
        file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE, value REAL, text TEXT NOT NULL, unit TEXT NOT NULL,
        low REAL, high REAL, equal TEXT, verdict TEXT NOT NULL, at INTEGER, attempt INTEGER, session TEXT NOT NULL,
        is_valid INTEGER NOT NULL, inner_step TEXT, device TEXT, bench TEXT, firmware TEXT)""",
    "CREATE INDEX measured_by_file ON measured (file)",
    "CREATE INDEX measured_by_quantity ON measured (quantity, file)",
    # `problem` is empty if all rows of the file are in `measured`; otherwise none is.
    """CREATE TABLE indexed_files (
        file INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE, rows INTEGER NOT NULL, problem TEXT NOT NULL)""",
    # Filter it by `run` or by `system_id`: these have indexes, `step` has none.
    # A value is valid if the newest session that executed its test recorded it, in an attempt that no other superseded.
    """CREATE VIEW measurements AS
        SELECT m.id, q.system_id, f.run, m.file, f.card,
            (SELECT min(s.id) FROM steps s WHERE s.test = q.test AND s.run = f.run) AS step,
            q.test, q.name, m.value, m.text, m.unit, m.low, m.high, m.equal, m.verdict, m.at, m.attempt, m.session,
            m.is_valid AND (m.session = ''
                OR EXISTS (SELECT 1 FROM steps s WHERE s.test = q.test AND s.run = f.run AND s.session = m.session)
                OR NOT EXISTS (SELECT 1 FROM steps s WHERE s.test = q.test AND s.run = f.run AND s.session IS NOT NULL)
            ) AS valid,
            m.inner_step, m.device, m.bench, m.firmware, q.id AS quantity
        FROM measured m JOIN quantities q ON q.id = m.quantity JOIN files f ON f.id = m.file""",
    # The runs of an earlier version, until they are indexed.
    "CREATE TABLE unindexed (run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE)",
    "INSERT INTO unindexed SELECT id FROM runs",
)

_NOW = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


def _noted(table: str, event: str, run: str) -> str:
    """Return a trigger that counts a change of the run. `run`: SQL for its id."""
    name = f"{table}_{event.lower()}_noted"
    return (
        f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN UPDATE changes SET n = n + 1, at = {_NOW} WHERE run = {run}; END"
    )


# A number that increases with each change of a run or below it, and the time of the last one. A deleted run has none.
_CHANGES = (
    """CREATE TABLE changes (
        run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE, n INTEGER NOT NULL, at INTEGER NOT NULL)""",
    "INSERT INTO changes SELECT id, 1, updated_at FROM runs",
    f"CREATE TRIGGER runs_noted AFTER INSERT ON runs BEGIN INSERT INTO changes VALUES (new.id, 1, {_NOW}); END",
    _noted("runs", "UPDATE", "new.id"),
    *(
        _noted(table, event, f"{'old' if event == 'DELETE' else 'new'}.run")
        for table in ("cards", "steps", "files", "reports")
        for event in ("INSERT", "UPDATE", "DELETE")
    ),
    _noted("indexed_files", "INSERT", "(SELECT run FROM files WHERE id = new.file)"),
)


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        *_TABLES,
        *_TALLIES,
        *_tallied("cards", "'card'", "'card'"),
        *_tallied("files", "'file'", "'file'"),
        *_tallied("reports", "'report'", "'report'"),
        *_tallied("steps", "new.execution_status", "old.execution_status"),
        _STATUS_CHANGES,
        *_searchable("runs", "title", "description"),
        *_searchable("cards", "title", "description"),
        *_searchable("steps", "title", "description", "exception"),
        *_searchable("reports", "title", "summary", "content"),
    ),
    # For the check whether a URL still has a record, after the deletion of one.
    ("CREATE INDEX files_by_url ON files (s3_url)",),
    # To find the earlier measurements of a system among the files of a thousand runs.
    ("CREATE INDEX measurement_files ON files (run) WHERE file_name = 'measurements.csv'",),
    (*_INDEX, *_CHANGES),
)
"""Migration n updates version n to n + 1. The version of a file is its `user_version`."""
