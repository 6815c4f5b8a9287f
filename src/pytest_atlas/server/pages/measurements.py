"""The page of all measurements of a system: margin, trend and capability, the smallest margin first."""

import math
from collections.abc import Callable
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

PAGE_ROWS = 200
MAX_ANALYSED = 500
"""Most measurements whose trend and capability are computed to sort by them: those with the smallest margins."""


@dataclass(frozen=True)
class Line:
    """A measurement with its values in the last runs, in the order of measuring."""

    test: str
    name: str
    url: str
    series: tuple[Series, ...]

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
            raise NotFound("There is no such system", system, "The page of measurements lists all systems.")
        runs = view.read_last_runs(db, system)
        lines = [
            Line(test, quantity, measurement_url(system, test, quantity), in_one_unit(series_by_run(rows))[0])
            for (test, quantity), rows in view.read_values(db, runs).items()
            if text.lower() in f"{quantity} {test}".lower()
        ]
        shown = _sorted(lines, sort)[start : start + PAGE_ROWS]
        titles = view.read_titles(db, runs, (line.test for line in shown))
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
        total=len(lines),
        out=sum(line.run.status == "failed" for line in lines),
        runs=runs,
        text=text,
        sort=sort,
        sorts={key: (heading, url(sort=key)) for key, (heading, _, _) in SORTS.items()},
        is_cut=SORTS[sort][2] and len(lines) > MAX_ANALYSED,
        max_analysed=MAX_ANALYSED,
        newer=url(sort=sort, page=start // PAGE_ROWS) if start else "",
        older=url(sort=sort, page=start // PAGE_ROWS + 2) if start + PAGE_ROWS < len(lines) else "",
        required=pages.atlas.required_ppk(),
        amount=amount,
        limits=limits,
    )


def _sorted(lines: list[Line], sort: str) -> list[Line]:
    by_margin = sorted(lines, key=SORTS["margin"][1])
    _, key, is_costly = SORTS[sort]
    if not is_costly:
        return sorted(by_margin, key=key)
    return sorted(by_margin[:MAX_ANALYSED], key=key) + by_margin[MAX_ANALYSED:]


def systems(request: Request, pages: Pages) -> Response:
    """Return the list of the systems that have measurements, or the page of the only one."""
    with pages.views.read() as db:
        found = view.read_systems(db)
    if len(found) == 1:
        return RedirectResponse(f"/systems/{found[0][0]}/measurements", 303)
    return render(request, "systems.html", page="measurements", systems=found)


ROUTES = [route("/systems/{system}/measurements", page), route("/measurements", systems)]
