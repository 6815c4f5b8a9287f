"""The page of all measurements of a system: margin, trend and capability, the smallest margin first."""

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pytest_atlas.analysis.capability import Capability, NoCapability
from pytest_atlas.analysis.figures import Bar, Spark, bar, spark
from pytest_atlas.analysis.history import MeasurementHistory, history
from pytest_atlas.analysis.measurements import Key, Series, series_by_run
from pytest_atlas.local.views import measurements as view
from pytest_atlas.local.views.measurement import system_name

from .frame import NotFound, Pages, render, route
from .measured import RunLine, amount, in_one_unit, limits, measurement_url

PAGE_ROWS = 50
MAX_ANALYSED = 300
"""Largest number of measurements that are sorted by trend or capability: those with the smallest margins."""


@dataclass(frozen=True)
class Line:
    """A measurement with its values in the last runs, in the order of measuring."""

    test: str
    name: str
    url: str
    series: tuple[Series, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Test and name."""
        return self.test, self.name

    @property
    def last(self) -> Series:
        """The newest series."""
        return self.series[-1]

    @property
    def run(self) -> RunLine:
        """The newest run: status, value and bar."""
        return RunLine(self.last, None)

    @property
    def bar(self) -> Bar | None:
        """The newest value, and the one before it."""
        worst = self.last.worst
        assert worst is not None
        before = self.series[-2].worst if len(self.series) > 1 else None
        was = before.number if before else None
        return bar(worst.number, worst.low, worst.high, was=was, is_waived=worst.verdict == "waived")

    @property
    def share(self) -> float | None:
        """The margin of the newest value, as a share of the range."""
        worst = self.last.worst
        return worst.margin.share if worst and worst.margin else None

    @property
    def spark(self) -> Spark | None:
        """The medians of the runs."""
        values = [median(one.values) if one.values else None for one in self.series]
        return spark(values, self.last.low, self.last.high)

    @cached_property
    def history(self) -> MeasurementHistory | None:
        """The newest series, compared with those before it."""
        finite = [one for one in self.series if one.values]
        return history(Key("", self.test, self.name), finite[-1], finite[:-1], by_origin=False) if finite else None

    @property
    def ppk(self) -> float | None:
        """Ppk, if the values have one."""
        found = self.history.capability if self.history else None
        return found.ppk if isinstance(found, Capability) else None

    @property
    def no_ppk(self) -> str:
        """The reason against Ppk."""
        found = self.history.capability if self.history else None
        return found.reason if isinstance(found, NoCapability) else ""

    @property
    def runs_left(self) -> float:
        """The number of runs until the trend reaches a limit; infinite without a trend towards one."""
        left = self.history.runs_left if self.history else None
        return math.inf if left is None else left

    @property
    def change(self) -> str:
        """The newest step change, or the drift; empty without one."""
        found = self.history
        if found is None:
            return ""
        unit = found.series.unit
        if drift := found.drift:
            text = f"{'+' if drift.slope > 0 else ''}{amount(drift.slope, unit, 3)} a run"
            ahead = self.runs_left
            return (
                text
                if math.isinf(ahead) or ahead > 1000
                else f"{text}, at its limit in {ahead:.0f}"
                if ahead
                else f"{text}, at its limit"
            )
        if found.changes.steps:
            step = found.changes.steps[-1]
            difference = step.after - step.before
            return (
                f"{'+' if difference > 0 else ''}{amount(difference, unit, 3)} since {found.run_of(step) or found.series.run}"
            )
        return ""


_Sort = Callable[[Line], Any]
SORTS: dict[str, tuple[str, _Sort, bool]] = {
    "margin": ("Margin", lambda line: line.run.series.worst.urgency if line.run.series.worst else (9, 0.0), False),
    "name": ("Measurement", lambda line: (line.name, line.test), False),
    "change": ("Change", lambda line: (line.runs_left, not line.change), True),
    "ppk": ("Ppk", lambda line: math.inf if line.ppk is None else line.ppk, True),
}
"""Sort orders: heading of the column, key, and whether the key needs the analysis of all values."""


def page(request: Request, pages: Pages) -> Response:
    """Return the page of all measurements of a system."""
    system = request.path_params["system"]
    text, sort = request.query_params.get("text", ""), request.query_params.get("sort", "")
    sort = sort if sort in SORTS else "margin"
    number = request.query_params.get("page", "1")
    start = PAGE_ROWS * (max(1, int(number)) - 1 if number.isdecimal() and len(number) < 6 else 0)
    with pages.views.read() as db:
        name = system_name(db, system)
        if name is None:
            raise NotFound("This system has no runs", system, "The page of measurements lists all systems.")
        runs = view.read_last_runs(db, system)
        groups = view.read_values(db, runs.recent)
    wanted = [key for key in groups if text.lower() in f"{key[1]} {key[0]}".lower()]
    newest = sorted((_line(system, key, view.newest_of(groups[key])) for key in wanted), key=SORTS["margin"][1])
    candidates = _candidates(newest, sort, start)
    with pages.views.read() as db:  # again, because the time limit is that of a block
        if not runs.are_all:
            groups = view.read_history(db, runs, [groups[line.key][0]["quantity"] for line in candidates])
        titles = view.read_titles(db, runs, (line.test for line in candidates))
    shown = [_line(system, line.key, groups[line.key]) for line in candidates]
    if SORTS[sort][2]:
        shown = sorted(shown, key=SORTS[sort][1])[start : start + PAGE_ROWS]
    number_of_rows = min(len(newest), MAX_ANALYSED) if SORTS[sort][2] else len(newest)
    query = {"text": text} if text else {}

    def url(**changes: object) -> str:
        return f"{request.url.path}?{urlencode({**query, **changes})}"

    return render(
        request,
        "measurements.html",
        page="measurements",
        system=system,
        name=name,
        lines=shown,
        titles=titles,
        total=len(newest),
        out=sum(line.run.status == "failed" for line in newest),
        runs=runs,
        text=text,
        sort=sort,
        sorts={key: (heading, url(sort=key)) for key, (heading, _, _) in SORTS.items()},
        is_cut=SORTS[sort][2] and len(newest) > MAX_ANALYSED,
        max_analysed=MAX_ANALYSED,
        newer=url(sort=sort, page=start // PAGE_ROWS) if start else "",
        older=url(sort=sort, page=start // PAGE_ROWS + 2) if start + PAGE_ROWS < number_of_rows else "",
        required=pages.atlas.required_ppk(),
        amount=amount,
        limits=limits,
    )


def _line(system: str, key: tuple[str, str], rows: Sequence[sqlite3.Row]) -> Line:
    return Line(*key, measurement_url(system, *key), in_one_unit(series_by_run(view.rows_of(rows)))[0])


def _candidates(newest: list[Line], sort: str, start: int) -> list[Line]:
    """The lines of the page; if all values are needed to sort, all that are analysed."""
    _, key, is_costly = SORTS[sort]
    return newest[:MAX_ANALYSED] if is_costly else sorted(newest, key=key)[start : start + PAGE_ROWS]


def systems(request: Request, pages: Pages) -> Response:
    """Return the list of the systems that have measurements, or the page of the only one."""
    with pages.views.read() as db:
        found = view.read_systems(db)
    if len(found) == 1:
        return RedirectResponse(f"/systems/{found[0][0]}/measurements", 303)
    return render(request, "systems.html", page="measurements", systems=found)


ROUTES = [route("/systems/{system}/measurements", page), route("/measurements", systems)]
