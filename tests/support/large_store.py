"""Make a store with many runs in seconds: rows are inserted directly, with the index, without operations and data files.

    python -m tests.support.large_store DIR [--runs 5000] [--steps 20] [--systems 5]

Each system has the same tests in each of its runs, one measurement per test, a failure now and then, and times and workers as
real sessions have them. With the defaults: 5,000 runs, 100,000 steps and 100,000 values; a measurement has 1,000 runs.
"""

import argparse
import math
import random
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pytest_atlas.descriptions import (
    Attempt,
    Attempts,
    Failure,
    RunSummary,
    join_description,
    measurement,
    render_attempts,
    render_failure,
    render_measurement,
    render_run_summary,
    run_identity_line,
    session_id,
    step_identity_line,
)
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.index import step_columns, write_details, write_values
from pytest_atlas.local.store import open_store, transaction

BEGIN_S = 1_764_000_000
DAY_S = 86_400
LIMIT_MS = 100.0


@dataclass(frozen=True)
class Shape:
    """The size of the store."""

    runs: int = 5000
    steps: int = 20  # in each run
    systems: int = 5
    steps_per_card: int = 10
    workers: int = 2
    seed: int = 1


def make(directory: Path, shape: Shape | None = None) -> Path:
    """Make a store in `directory` and return its path."""
    shape = shape or Shape()
    path = directory / "atlas.db"
    LocalAtlas(path, create=True).close()
    with closing(open_store(path, create=False)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for start in range(0, shape.runs, 200):
            with transaction(db, "IMMEDIATE"):
                for number in range(start, min(start + 200, shape.runs)):
                    _run(db, shape, number)
        db.execute("UPDATE store SET last_number = ?", (shape.runs,))
    return path


def system_id(number: int) -> UUID:
    """Return the id of a system, from 0."""
    return UUID(int=0x5B0C << 112 | number + 1)


def _uuid(kind: int, number: int) -> str:
    return str(UUID(int=((number * 2654435761) % 2**32) << 96 | kind << 64 | number))


def _run(db: sqlite3.Connection, shape: Shape, number: int) -> None:
    chance = random.Random(f"{shape.seed} {number}")
    begun_s = BEGIN_S + number * DAY_S // max(1, shape.systems)
    at = begun_s * 1_000_000
    session = f"20260101T000000Z-{number:08x}"
    steps = list(_steps(shape, number, begun_s, session, chance))
    failed = sum(step["execution_status"] == "failed" for step in steps)
    summary = RunSummary(
        counts=(("passed", shape.steps - failed), *([("failed", failed)] if failed else [])),
        started_at=begun_s,
        exit_status=1 if failed else 0,
        duration_s=float(shape.steps),
        job=f"nightly {number % shape.systems} on bench-{number % 3}",
        environment=(("Git", f"main@{number // 7:010x}"), ("Host", f"bench-{number % 3}"), ("Python", "3.11.9")),
    )
    description = join_description("", render_run_summary(summary), run_identity_line(session))
    run = number + 1
    db.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, '[]', '[]', 'bench@example.com', ?, ?, ?, ?)",
        (run, _uuid(1, number), run, str(system_id(number % shape.systems)), at, at, f"rig main #{number}", description),
    )
    db.execute("INSERT INTO contributors VALUES (?, 'bench@example.com')", (run,))
    write_details(db, run, description)
    for first in range(0, len(steps), shape.steps_per_card):
        _card(db, run, at, first, steps[first : first + shape.steps_per_card])


def _card(db: sqlite3.Connection, run: int, at: int, first: int, steps: list[dict[str, Any]]) -> None:
    module = f"tests/hil/test_{first}.py"
    values = (_uuid(2, run * 100_000 + first), run, 1000 + first, at, at, module)
    card = db.execute(
        "INSERT INTO cards (uuid, run, position, created_at, updated_at, title, description) VALUES (?, ?, ?, ?, ?, ?, '')",
        values,
    ).lastrowid
    measured = []
    for step in steps:
        measured.append(step.pop("measured"))
        step |= {"run": run, "card": card}
        names = ", ".join(step)
        db.execute(f"INSERT INTO steps ({names}) VALUES ({', '.join(f':{name}' for name in step)})", step)
    file = db.execute(
        "INSERT INTO files (uuid, run, card, file_name, s3_url, file_size, content_type, uploaded_by, created_at) "
        "VALUES (?, ?, ?, 'measurements.csv', ?, 2000, 'text/csv', 'bench@example.com', ?)",
        (_uuid(4, run * 100_000 + first), run, card, f"s3://bucket/{run}/{first}-measurements.csv", at),
    ).lastrowid
    assert file is not None
    write_values(db, file, measured, "")


def _steps(shape: Shape, number: int, begun_s: int, session: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    for n in range(shape.steps):
        at_s = begun_s + n
        nodeid = f"tests/hil/test_{n // shape.steps_per_card * shape.steps_per_card}.py::TestTrip::test_trip[{n}]"
        value = round(80 + n % 15 + 3 * math.sin(number / 50) + chance.gauss(0, 1.5), 2)
        is_failed = value > LIMIT_MS
        shown = measurement("trip time", f"{value} ms", f"≤ {LIMIT_MS:g} ms", "fail" if is_failed else "pass")
        text = f"trip time: {value} ms is {value - LIMIT_MS:.2f} ms above the high limit of {LIMIT_MS:g} ms"
        result = [*([render_failure(Failure(text, "tests/hil/test_trip.py:42", "call"))] if is_failed else [])]
        result.append(render_measurement(shown))
        outcome = "failed" if is_failed else "passed"
        attempt = Attempt(at_s, f"bench-{number % 3} gw{n % shape.workers}", session, outcome, shown.text)  # type: ignore[arg-type]
        listed = render_attempts(Attempts(outcome, (attempt,)))
        description = join_description(f"Apply {n} V and measure the trip time.", result, step_identity_line(nodeid), listed)
        at = at_s * 1_000_000
        yield {
            "uuid": _uuid(3, number * 100_000 + n),
            "position": 1000 * (n + 1),
            "step_type": "passfail",
            "execution_status": outcome,
            "started_at": at,
            "ended_at": at + 900_000,
            "created_at": at,
            "updated_at": at,
            "title": f"Apply {n} V to the input rail",
            "description": description,
            **step_columns(description),
            "measured": (
                *(nodeid, "trip time", value, str(value), "ms", None, LIMIT_MS, None, "fail" if is_failed else "pass"),
                *(at, 1, session_id(session), True, None, f"SN-{number % 4}", f"B{number % 3}", f"2.{number // 400}"),
            ),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path)
    for name in ("runs", "steps", "systems"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Shape, name, None) or getattr(Shape(), name))
    given = parser.parse_args()
    path = make(given.directory, Shape(runs=given.runs, steps=given.steps, systems=given.systems))
    sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.0f} MB\n")


if __name__ == "__main__":
    main()
