"""`pytest-atlas runs`: list the test runs of an Atlas as a table or JSON. Runs of several systems have the column SYSTEM."""

import json
import sys
from argparse import Namespace
from collections.abc import Mapping

from pytest_atlas.atlas.models import RunSummary
from pytest_atlas.atlas.statuses import COUNTED, label

from . import reading
from .terminal import Terminal, local_time, table

HEADINGS = ("RUN", "CREATED", "SYSTEM", "COMPLETE", "STEPS", "TITLE")
SYSTEM = HEADINGS.index("SYSTEM")


def run(arguments: Namespace) -> int:
    """List runs, the newest first."""
    out = Terminal(sys.stdout)
    with reading.opened(arguments) as library:
        found = library.runs(arguments.system)
    if arguments.json:
        shown = found[: arguments.limit or None]
        print(json.dumps([run.model_dump(mode="json") for run in shown], indent=2))
        return 0
    if not found:
        out.print([f"no runs in {library.label}" + (f" of system {arguments.system}" if arguments.system else "")])
        return 0
    shown = found[: arguments.limit or None]
    rows = [HEADINGS, *map(_row, shown)]
    if len({run.system_id for run in shown}) == 1:
        rows = [(*row[:SYSTEM], *row[SYSTEM + 1 :]) for row in rows]
    heading, *lines = table(rows)
    out.print([out.paint("bold", heading), *lines])
    if left := len(found) - len(shown):
        out.print([out.paint("dim", f"… and {left} older run{'s' * (left != 1)}: --limit 0 shows all")])
    return 0


def _row(it: RunSummary) -> tuple[str, ...]:
    complete = f"{int(100 * it.completion_pct)} %".rjust(len("COMPLETE"))
    system = it.system_name or it.system_id
    return it.test_run_id or it.uuid, local_time(it.created_at), system, complete, counts(it.step_status_counts), it.title


def counts(by_status: Mapping[str, int]) -> str:
    """Format the counts, for example `3 passed, 1 to do`, in the order of the page of a run."""
    statuses = dict.fromkeys([*COUNTED, *by_status])
    words = (f"{by_status[s]} {label(s)}" for s in statuses if by_status.get(s))
    return ", ".join(words) or "none"
