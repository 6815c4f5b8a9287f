"""The search in all runs: one result per test."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pytest_atlas.analysis import figures
from pytest_atlas.local.views import search as view

from .frame import Pages, render, route

PAGE_SIZE = 20
MAX_OFFSET = 10_000
"""Results from here on are not shown."""

LABELS = {"step": "steps", "report": "reports", "card": "cards", "run": "runs"}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that narrows the results."""

    label: str
    url: str
    count: int
    is_chosen: bool = False
    status: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A result as it is shown."""

    result: view.Result
    url: str
    strip: figures.Strip | None
    failed: int  # number of failures in the strip


def search_page(request: Request, pages: Pages) -> Response:
    """Show the results of a query."""
    given = request.query_params
    query = given.get("q", "").strip()
    chosen = view.Filter(kind=given.get("in", ""), system_id=given.get("system", ""), status=given.get("status", ""))
    offset = _offset(given.get("offset", ""))
    with pages.views.read() as db:
        found = view.search(db, query, chosen, offset=offset, limit=PAGE_SIZE)
    parameters = {"q": query, "in": chosen.kind, "system": chosen.system_id, "status": chosen.status}
    end = offset + len(found.results)
    return render(
        request,
        "search.html",
        query=query,
        found=found,
        first=offset + 1,
        last=end,
        rows=[_row(result) for result in found.results],
        facets=_facets(found, parameters),
        everything=Link("everything", _url(parameters | {"in": ""}), found.everything, not chosen.kind),
        previous=_url(parameters | {"offset": str(max(0, offset - PAGE_SIZE))}) if offset else "",
        more=_url(parameters | {"offset": str(end)}) if end < min(found.total, MAX_OFFSET) else "",
    )


def _offset(text: str) -> int:
    return min(int(text), MAX_OFFSET) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


def _row(result: view.Result) -> Row:
    strip = figures.strip(result.statuses) if result.statuses else None
    return Row(result, _place(result), strip, result.statuses.count("failed"))


def _place(result: view.Result) -> str:
    run = f"/runs/{result.run}"
    match result.kind:
        case "step":
            return f"{run}/steps/{result.uuid}"
        case "report":
            return f"{run}/reports/{result.uuid}"
        case _:
            return run


def _facets(found: view.Found, parameters: dict[str, str]) -> list[tuple[str, list[Link]]]:
    """Return the headings and links next to the results. A link of a chosen value removes the filter."""
    groups = (("Found in", "in", found.kinds), ("System", "system", found.systems), ("Last outcome", "status", found.statuses))
    return [
        (heading, [_link(facet, name, parameters, has_status=name == "status") for facet in facets])
        for heading, name, facets in groups
        if facets
    ]


def _link(facet: view.Facet, name: str, parameters: dict[str, str], *, has_status: bool) -> Link:
    is_chosen = parameters[name] == facet.value
    url = _url(parameters | {name: "" if is_chosen else facet.value})
    label = LABELS.get(facet.label, facet.label) if name == "in" else facet.label
    if name == "system" and facet.label == facet.value:
        label = f"System {facet.value[:8]}"  # without a name, as in the API
    return Link(label, url, facet.count, is_chosen, facet.value if has_status else "")


def _url(parameters: dict[str, str]) -> str:
    return "/search?" + urlencode({name: value for name, value in parameters.items() if value})


ROUTES = [route("/search", search_page)]
