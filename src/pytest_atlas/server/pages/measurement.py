"""The page of one measurement: its values over the runs of a system, with limits, levels, capability and distribution."""

import csv
import io
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from starlette.requests import Request
from starlette.responses import Response

from pytest_atlas.analysis.measurements import Origin, Row, series_by_run
from pytest_atlas.analysis.outliers import factor
from pytest_atlas.local.views import measurement as view

from .frame import NotFound, Pages, render, route
from .measured import RunLine, Shown, amount, capability_texts, in_one_unit, limits, measurement_url

LAST = (24, 100, 1000)
"""The numbers of runs that can be selected."""
MAX_ROWS, MAX_LINKED = 50, 100
"""Most runs in the table, and most points that are links."""
MAX_SIBLINGS = 6
FILTERS = ("device", "firmware", "bench")
"""The parts of the origin by which the page can be filtered."""

Rows = list[tuple[str, Row]]
"""Values with their runs (TR-0042)."""


def _chosen(request: Request) -> tuple[int, dict[str, str]]:
    text = request.query_params.get("last", "")
    last = int(text) if text.isdecimal() and int(text) in LAST else LAST[0]
    return last, {name: request.query_params.get(name, "") for name in FILTERS}


def _matching(rows: Rows, chosen: Mapping[str, str]) -> Rows:
    wanted = {name: text for name, text in chosen.items() if text}
    return [(run, row) for run, row in rows if all(getattr(row.origin, name) == text for name, text in wanted.items())]


def choices_of(rows: Rows) -> dict[str, list[str]]:
    """Return the values of each filter."""
    columns = zip(*{row.origin for _, row in rows}, strict=True)
    return {name: sorted({*texts} - {""}) for name, texts in zip(Origin._fields, columns, strict=False)}


def shown_of(quantity: view.Quantity, rows: Rows, runs: Mapping[str, view.RunInfo]) -> Shown | None:
    """Return the series of these rows; None without rows."""
    series = series_by_run(rows)
    if not series:
        return None
    shown, others = in_one_unit(series)
    return Shown(quantity, shown, runs, others)


def _find(request: Request, db: sqlite3.Connection) -> view.Quantity:
    system, test, name = (
        request.path_params["system"],
        request.query_params.get("test", ""),
        request.query_params.get("name", ""),
    )
    quantity = view.find_quantity(db, system, test, name)
    if quantity is None:
        raise NotFound(
            "This system has no such measurement", f"{name or '(no name)'} of {test or '(no test)'}",
            "The list of measurements has all names. A test records a value with: atlas.measure(name, value)",
        )  # fmt: skip
    return quantity


def page(request: Request, pages: Pages) -> Response:
    """Return the page of one measurement."""
    last, chosen = _chosen(request)
    with pages.views.read() as db:
        quantity = _find(request, db)
        every = view.read_values(db, quantity.id, runs=last)
        rows = _matching(every, chosen)
        listed = list(dict.fromkeys(run for run, _ in rows))[-MAX_LINKED:]
        runs = view.read_runs(db, quantity.system_id, quantity.test, listed)
        others = [
            (parameters, one, view.read_values(db, one.id, runs=LAST[0]))
            for one, parameters in view.siblings(db, quantity, limit=MAX_SIBLINGS)
        ]
    shown = shown_of(quantity, rows, runs)
    siblings = [(text, one, found) for text, one, values in others if (found := shown_of(one, values, {}))]
    lines = [RunLine(series, shown.runs.get(series.run)) for series in reversed(shown.series)] if shown else []
    required = pages.atlas.required_ppk()
    return render(
        request,
        "measurement.html",
        page="measurements",
        quantity=quantity,
        shown=shown,
        chart=shown.plot(430) if shown else None,
        newest=lines[0] if lines else None,
        lines=lines[:MAX_ROWS],
        more=max(0, len(lines) - MAX_ROWS),
        capability=capability_texts(shown.history, required) if shown else {},
        siblings=[
            (text, one, found, found.plot(140), capability_texts(found.history, required)) for text, one, found in siblings
        ],
        last=last,
        lasts=LAST,
        chosen=chosen,
        choices=choices_of(every),
        amount=amount,
        limits=limits,
        measurement_url=measurement_url,
        links=_links(shown) if shown and len(shown.finite) <= MAX_LINKED else None,
        numbers=shown.numbers() if shown else {},
        histogram=shown.histogram if shown else None,
        band_factor=factor(shown.history.family.n) if shown and shown.history and shown.history.family else 0.0,
        found_value=lambda found: RunLine(found.last, None).value,
        csv_url=f"/systems/{quantity.system_id}/measurement.csv?{request.url.query}",
    )


@dataclass(frozen=True, slots=True)
class _Link:
    url: str
    text: str


def _links(shown: Shown) -> list[_Link]:
    """Return the step of each point in the plot, with its value as text."""
    links = []
    for series in shown.finite:
        line = RunLine(series, shown.runs.get(series.run))
        remark = ", out of limits" if line.status == "failed" else ""
        links.append(_Link(line.url, f"{series.run}: {amount(median(series.values), series.unit)}{remark}"))
    return links


def download(request: Request, pages: Pages) -> Response:
    """Return the values as CSV. A cell that a spreadsheet would take for a formula starts with an apostrophe."""
    last, chosen = _chosen(request)
    with pages.views.read() as db:
        quantity = _find(request, db)
        rows = _matching(view.read_values(db, quantity.id, runs=last), chosen)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "time", "value", "unit", "low", "high", "verdict", "device", "firmware", "bench"))
    for run, row in rows:
        value = row.value if row.number is not None else _harmless(row.value)
        texts = map(_harmless, (row.verdict, *row.origin))
        writer.writerow((run, row.at, value, _harmless(row.unit), _cell(row.low), _cell(row.high), *texts))
    headers = {"Content-Disposition": 'attachment; filename="measurement.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(limit: float | None) -> str:
    return "" if limit is None else repr(limit)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


ROUTES = [
    route("/systems/{system}/measurement", page),
    route("/systems/{system}/measurement.csv", download),
]
