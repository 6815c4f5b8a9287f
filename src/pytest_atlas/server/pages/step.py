"""The page of a step: the decisive value, traces, failure, output, measurements, inner steps, attempts and history."""

import shlex
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pytest_atlas.analysis import history_plot
from pytest_atlas.analysis.figures import STRIP_RUNS, Bar, bar, strip
from pytest_atlas.analysis.outcome_history import failing_runs
from pytest_atlas.base.quantities import quantity
from pytest_atlas.descriptions import (
    Failure,
    function_of,
    is_trace_limits,
    parse_attempts,
    parse_failures,
    parse_measurement,
    split_result,
    test_of,
    without_attempts,
    without_identity,
)
from pytest_atlas.local.views import files as file_view
from pytest_atlas.local.views import run as run_view
from pytest_atlas.local.views import step as view
from pytest_atlas.local.views.files import DataFile
from pytest_atlas.local.views.run import RunHead
from pytest_atlas.local.views.step import PastStep, StepHead
from pytest_atlas.server import logs, previews

from .frame import NotFound, Pages, environment, render, route
from .live import stream
from .measured_lines import MeasuredLine, measured_lines, recorded_lines
from .run import find_run, run_url, step_line
from .trace import TraceView, is_trace, read_limits, trace_view

MAX_FILES = 200
MAX_TRACES, MAX_PICTURES = 4, 12
"""Plots and pictures on the page; the others are links."""
MAX_INNER, MAX_SAME = 500, 50
MAX_VALUES = 2000
PLOT_HEIGHT = 150
HISTORY_VALUES = 400
"""Values of the decisive measurement in all runs that are read."""
PARTS = ("state", "verdict", "result", "measurements", "inner", "facts", "files")
"""The macros in `_step_parts.html`: parts of the page that change while the session runs."""
OUTPUT = "output.txt"
MAX_OUTPUT_LINES = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """The measurement that decides the step, with its values in other runs."""

    line: MeasuredLine
    bar: Bar | None  # with the previous value
    previous: str  # 110.5 ms in TR-0028; empty without one
    plot: history_plot.Plot | None  # of the last runs
    runs: int  # number of runs with values


@dataclass(frozen=True, slots=True)
class History:
    """The outcomes of the test in the last runs, newest first."""

    runs: Sequence[PastStep]
    failing: int  # number of runs in a row in which it has failed, up to this run
    since: PastStep | None  # the first of them; None if it is older
    passed_before: tuple[int, int]  # number of passed ones among the runs before


def page(request: Request, pages: Pages) -> Response:
    """Show a step."""
    context = step_context(pages, request)
    return render(request, "step.html", page="runs", shown=context, **context)


def step_context(pages: Pages, request: Request) -> dict[str, Any]:
    """Return all that the page of a step shows. The live updates render parts of the same page from it."""
    with pages.views.read() as db:
        run = find_run(db, request.path_params["run"])
        head = view.find_step(db, run.id, request.path_params["step"].lower())
        if head is None:
            raise NotFound("There is no such step in this run", request.path_params["step"], "It may have been deleted.")
        lines = measured_lines(run, head, view.read_measured(db, head, run.system_id, limit=MAX_VALUES))
        history = history_of(view.read_history(db, run.system_id, head, limit=STRIP_RUNS)) if head.step.test else None
        files = file_view.files_of_step(db, head.step.id, limit=MAX_FILES)
        previous, following = view.read_failures_around(db, head)
        same = view.read_same_test(db, head, function_of(head.step.test), limit=MAX_SAME) if head.step.test else []
        context: dict[str, Any] = {
            "verdict": _verdict(db, head, run, lines),
            "inner": [step_line(run, one) for one in view.read_inner_steps(db, head, limit=MAX_INNER)],
            "card_files": file_view.files_of_card(db, head.card, limit=MAX_FILES),
        }
    if not lines and run.is_running:
        lines = recorded_lines(pages, run, head)
    doc, result = _texts(head, lines)
    attempts = parse_attempts(head.step.description)
    return context | {
        "run": run,
        "url": run_url(run.reference),
        "head": head,
        "step": head.step,
        "doc": doc,
        "result": result,
        "failures": [(failure, marked_lines(failure)) for failure in parse_failures(head.step.description)],
        "lines": lines,
        "traces": _traces(pages, files),
        "pictures": _pictures(pages, files),
        "output": _output(pages, files),
        "same": [step_line(run, one) for one in same],
        "attempts": attempts if attempts and len(attempts.attempts) > 1 else None,
        "history": history,
        "strip": strip([past.status for past in history.runs][::-1]) if history and len(history.runs) > 1 else None,
        "previous": previous,
        "following": following,
        "command": run_again(head.step.test),
        "files": [file for file in files if not is_trace_limits(file.name)],
    }


@dataclass
class LiveStep:
    """The page of a step. New traces and pictures appear when it is loaded again; their files are listed at once."""

    request: Request
    pages: Pages

    def look(self) -> object:
        """Return the version of the store."""
        return self.pages.views.version()

    def change(self) -> object:
        """Return the change number of the run; None if it was deleted."""
        with self.pages.views.read() as db:
            run = run_view.find_run(db, self.request.path_params["run"])
            return None if run is None else run_view.change_number(db, run)

    def parts(self) -> dict[str, str]:
        """Return the parts of the page that change."""
        shown = step_context(self.pages, self.request)
        module = environment().get_template("_step_parts.html").make_module()
        return {f"#step-{name}": str(getattr(module, name)(shown)) for name in PARTS}


# ── measurements ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _verdict(db: sqlite3.Connection, head: StepHead, run: RunHead, lines: Sequence[MeasuredLine]) -> Verdict | None:
    """Return the most urgent measurement; None for a failure that has another reason."""
    line = next((line for line in lines if line.distance_text), None)
    if line is None or (head.step.status == "failed" and line.verdict != "fail"):
        return None
    if not line.quantity:
        return Verdict(line, line.bar, "", None, 0)
    values = [value for value in view.read_values(db, line.quantity, limit=HISTORY_VALUES) if value.value is not None]
    by_run = {value.run: value for value in reversed(values)}  # the last value of each run, oldest run first
    earlier = [value for value in by_run.values() if _number(value.run) < _number(run.reference)]
    was = earlier[-1] if earlier else None
    points = [
        history_plot.Point(value.run, value.value, value.low, value.high, value.verdict in ("fail", "waived"))
        for value in list(by_run.values())[-STRIP_RUNS:]
        if value.value is not None
    ]
    return Verdict(
        line=line,
        bar=bar(line.value, line.low, line.high, was=was.value if was else None, is_waived=line.verdict == "waived"),
        previous=f"{quantity(was.value, was.unit)} in {was.run}" if was and was.value is not None else "",
        plot=history_plot.plot(points, height=PLOT_HEIGHT) if len(points) > 1 else None,
        runs=len(by_run),
    )


def _number(reference: str) -> int:
    return int(reference.removeprefix("TR-"))


# ── history ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def history_of(runs: Sequence[PastStep]) -> History:
    """Return since when the test has failed. `runs`: newest first; those after the run of the page don't count."""
    until = runs[next((n for n, past in enumerate(runs) if past.is_this), 0) :]
    ran = [past for past in until if past.status not in ("todo", "running")]
    failing = failing_runs(past.status for past in ran)
    before = ran[failing:]
    since = ran[failing - 1] if failing and (before or len(runs) < STRIP_RUNS) else None
    return History(runs, failing, since, (sum(past.status != "failed" for past in before), len(before)))


# ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _texts(head: StepHead, lines: Iterable[MeasuredLine]) -> tuple[str, str]:
    """Return the docstring and the result without failures and measurements, which the page shows separately."""
    text = without_identity(without_attempts(head.step.description))
    doc, result = split_result(head.step.description) if head.step.status in ("failed", "todo") else (text, "")
    names = tuple(f"{line.name}: " for line in lines)
    doc = "\n".join(line for line in doc.split("\n") if not (line.startswith(names) or parse_measurement(line)))
    return doc.strip(), "" if parse_failures(head.step.description) else result.strip()


def marked_lines(failure: Failure) -> list[tuple[str, bool]]:
    """Return the lines of a failure message, and whether each is the reason: the first one, or those below a heading.

    The lines of measurements that follow the message in a description are left out: the page has a table of them.
    """
    lines = [line for line in failure.message.rstrip().split("\n") if line[:1].isspace() or not parse_measurement(line)] or [""]
    has_heading = lines[0].rstrip().endswith(":") and len(lines) > 1
    return [(line, (n > 0) if has_heading else n == 0) for n, line in enumerate(lines)]


def run_again(step: str) -> str:
    """Return the command that runs the test of a step; empty if it does not belong to pytest."""
    nodeid = test_of(step)
    if not nodeid:
        return ""
    return f'pytest "{nodeid}"' if not set(nodeid) & set('"\\$`!%') else f"pytest {shlex.quote(nodeid)}"


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _traces(pages: Pages, files: Sequence[DataFile]) -> list[TraceView]:
    """Return the plots of the first traces."""
    traces = [file for file in files if is_trace(file)][:MAX_TRACES]
    return [trace_view(pages, file, read_limits(pages, files, file)) for file in traces]


def _pictures(pages: Pages, files: Iterable[DataFile]) -> list[tuple[DataFile, str]]:
    """Return the first pictures in the local store, and the problem of each; empty without one."""
    found: list[tuple[DataFile, str]] = []
    for file in files:
        if len(found) < MAX_PICTURES and file.content_type.startswith("image/"):
            with suppress(OSError), pages.atlas.objects.open(file.url) as opened:
                if picture := previews.picture(opened):
                    found.append((file, picture.problem))
                elif previews.is_svg(file.name, file.content_type):
                    found.append((file, ""))
    return found


def _output(pages: Pages, files: Sequence[DataFile]) -> tuple[DataFile, list[logs.Line], bool] | None:
    """Return the captured output, its first lines, and whether there are more."""
    file = next((file for file in reversed(files) if file.name == OUTPUT), None)
    if file is None:
        return None
    try:
        with pages.atlas.objects.open(file.url) as opened:
            if not previews.is_text(opened.read(previews.HEAD)):
                return None
            lines = logs.read_first_page(opened)
    except OSError:  # the file is listed, and its page has the reason
        return None
    return file, lines[:MAX_OUTPUT_LINES], len(lines) > MAX_OUTPUT_LINES


ROUTES = [route("/runs/{run}/steps/{step}", page), Route("/runs/{run}/steps/{step}/live", stream(LiveStep))]
