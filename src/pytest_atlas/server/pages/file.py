"""The page of a data file: `/files/<uuid>`, its content, and the windows of a trace."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.descriptions import TraceLimits, is_trace_limits
from pytest_atlas.local.views import files as view
from pytest_atlas.local.views.files import DataFile
from pytest_atlas.server import logs, previews
from pytest_atlas.server.traces.plot import MAX_PANELS, WIDTH, plot
from pytest_atlas.server.traces.pyramid import MAX_WIDTH, Array, Pyramid

from .frame import NotFound, PageError, Pages, render, route
from .trace import is_trace, open_trace, read_limits, trace_view

CHUNK = 256 << 10
MAX_FILES = 500
"""Most files of one owner among which the limits of a trace are searched."""
SAFE = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
"""Headers of the content of a file: a browser must not run it as a page of this server."""
FIRST_PAGE_BYTES = 64 << 20
"""The lines of a larger text are not counted before another page than its first one is opened."""


def page(request: Request, pages: Pages) -> Response:
    """Return the page of a file with a preview."""
    with pages.views.read() as db:
        file = _find(db, request)
        owner = view.read_owner(db, file)
        limits = read_limits(pages, view.files_with_owner(db, file, limit=MAX_FILES), file)
    where = _where(pages, file)
    preview = {} if where else _preview(request, pages, file, limits)
    context = {
        "picture": None,
        "svg": False,
        "trace": None,
        "table": None,
        "tree": None,
        "text": None,
        "problem": "",
        **preview,
    }
    return render(request, "file.html", file=file, owner=owner, where=where, split_at=logs.split_at, **context)


def content(request: Request, pages: Pages) -> Response:
    """Return the content of a file: pictures and plain text to be shown, everything else as a download."""
    with pages.views.read() as db:
        file = _find(db, request)
    opened = _open(pages, file)
    size = opened.seek(0, 2)
    picture = previews.picture(opened)
    opened.seek(0)
    head = opened.read(previews.HEAD)
    opened.seek(0)
    is_plain = file.content_type.partition(";")[0].strip() == "text/plain" and previews.is_text(head)
    if picture:
        kind = picture.type
    elif previews.is_svg(file.name, file.content_type):
        kind = "image/svg+xml"
    else:
        kind = "text/plain; charset=utf-8" if is_plain else "application/octet-stream"
    shown = "inline" if (picture or is_plain) and "download" not in request.query_params else "attachment"
    headers = {
        **SAFE,
        "Content-Length": str(size),
        "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(file.name, safe='')}",
    }
    return StreamingResponse(_chunks(opened), media_type=kind, headers=headers)


def window(request: Request, pages: Pages) -> Response:
    """Return a window of a trace as JSON, for the plot in the browser."""
    with pages.views.read() as db:
        file = _find(db, request)
        owned = view.files_with_owner(db, file, limit=MAX_FILES)
    try:
        pyramid = open_trace(pages, file)
        columns = _columns(request, pyramid)
        width = min(int(_float(request, "width") or WIDTH), MAX_WIDTH)
        found = pyramid.window(columns, _float(request, "from"), _float(request, "to"), width)
    except FileNotFoundError:
        return _json({"error": "the content of this file is missing", "file": file.name}, 404)
    except (UnreadableError, OSError, ValueError) as error:
        return _json({"error": str(error), "file": file.name}, 422)
    axes = plot(pyramid.description, columns, found, read_limits(pages, owned, file), has_paths=False)
    return _json(
        {
            "start": found.start,
            "end": found.end,
            "samples": found.samples,
            "exact": found.is_exact,
            "at": _numbers(found.at),
            "low": [_numbers(values) for values in found.low],
            "high": [] if found.is_exact else [_numbers(values) for values in found.high],
            "unit": axes.unit,
            "origin": axes.origin,
            "scale": axes.scale,
            "ticks": [(tick.value, tick.text) for tick in axes.ticks],
            "ranges": [panel.range for panel in axes.panels],
            "levels": [[(tick.value, tick.text) for tick in panel.ticks] for panel in axes.panels],
        }
    )


# ── the preview ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _preview(request: Request, pages: Pages, file: DataFile, limits: TraceLimits) -> dict[str, Any]:
    """Return the variables of the template for the content of a file."""
    with _open(pages, file) as opened:
        if not opened.seek(0, 2):
            return {"problem": "The file is empty."}
        if picture := previews.picture(opened):
            return {"picture": picture}
        opened.seek(0)
        if previews.is_svg(file.name, file.content_type):
            return {"svg": True}
        if previews.is_table(file.name):
            return _table(request, pages, file, limits)
        if not (previews.is_json(file.name, file.content_type) or is_trace_limits(file.name)):
            return _text(request, pages, file, opened)
        tree = previews.json_tree(opened)
        is_tree = not isinstance(tree, str)
        text = {} if is_tree else _text(request, pages, file, opened)
        return {"tree": tree} if is_tree else {**text, "problem": f"The file is shown as text: {tree}."}


def _table(request: Request, pages: Pages, file: DataFile, limits: TraceLimits) -> dict[str, Any]:
    period = (_float(request, "from"), _float(request, "to"))
    trace = trace_view(pages, file, limits, period=period, starts=True) if is_trace(file) else None
    try:
        with previews.decompressed(_open(pages, file), file.name) as opened:
            table = previews.table(opened)
    except (OSError, EOFError) as error:
        return {"problem": f"The file can't be read: {error}."}
    if trace and trace.problem:
        return {"problem": f"No plot: {trace.problem}.", "table": table}
    return {"trace": trace, "table": table}


@dataclass(frozen=True, slots=True)
class TextView:
    """A page of a text, or the lines that a search found."""

    lines: Sequence[logs.Line]
    page: int  # from 1
    pages: int | None  # None: not counted yet
    count: int | None  # number of lines
    query: str = ""
    next_page: int | None = None  # the page from which the search continues; None if it is complete


def _text(request: Request, pages: Pages, file: DataFile, opened: BinaryIO) -> dict[str, Any]:
    opened.seek(0)
    if not previews.is_text(opened.read(previews.HEAD)):
        return {"problem": "There is no preview of this kind of file."}
    size = opened.seek(0, 2)
    opened.seek(0)
    asked, query = request.query_params.get("page", "1"), request.query_params.get("q", "").strip()[:200]
    if asked == "1" and (query or (size > FIRST_PAGE_BYTES and not pages.lines.is_known(file.url, opened))):
        return {"text": _found(opened, query, 1) if query else TextView(logs.read_first_page(opened), 1, None, None)}
    index = pages.lines.get(file.url, opened)
    number = index.pages if asked == "last" else min(max(int(asked), 1), index.pages) if asked.isdecimal() else 1
    if query:
        opened.seek(index.offsets[number - 1])
        return {"text": _found(opened, query, number)}
    return {"text": TextView(logs.read_page(opened, index, number - 1), number, index.pages, index.lines)}


def _found(opened: BinaryIO, query: str, page: int) -> TextView:
    """Return the lines that contain `query`, from the start of a page on, which is the position of the file."""
    found = logs.search(opened, query, first=(page - 1) * logs.LINES + 1)
    next_page = (found.next_line - 1) // logs.LINES + 1
    # A page with more matches than a search returns would be searched forever.
    return TextView(found.lines, page, None, None, query, None if found.is_complete else max(next_page, page + 1))


# ── access ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _find(db: Any, request: Request) -> DataFile:
    uuid = request.path_params["file"]
    found = view.find_file(db, uuid.lower())
    if found is None:
        raise NotFound("There is no data file with this UUID", uuid, "It may have been deleted with its run.")
    return found


def _where(pages: Pages, file: DataFile) -> dict[str, str]:
    """Return problem and remedy if the content is not in the local store; empty if it is."""
    path = pages.atlas.objects.path(file.url)
    if path is None:
        return {"problem": "The content of this file is not in the local Atlas", "place": file.url, "command": _copy(file)}
    if not pages.atlas.objects.exists(file.url):
        return {"problem": "The content of this file is missing in the local Atlas", "place": str(path), "command": ""}
    return {}


def _copy(file: DataFile) -> str:
    return f"aws s3 cp '{file.url}' ." if file.url.startswith("s3://") and "'" not in file.url else ""


def _open(pages: Pages, file: DataFile) -> BinaryIO:
    try:
        return pages.atlas.objects.open(file.url)
    except FileNotFoundError:
        where = _where(pages, file)
        raise NotFound(where.get("problem", "The content of this file is missing"), where.get("place", file.url)) from None
    except OSError as error:
        raise PageError("The content of this file can't be read", file.name, str(error)) from error


def _chunks(opened: BinaryIO) -> Iterator[bytes]:
    with opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def _columns(request: Request, pyramid: Pyramid) -> list[int]:
    """Return the numbers of the columns of a request. Raises ValueError."""
    known = len(pyramid.description.columns)
    given = request.query_params.get("columns", "")
    found = [int(text) for text in given.split(",")] if given else list(range(min(known, MAX_PANELS)))
    if not all(0 <= number < known for number in found) or len(found) > known:
        raise ValueError(f"columns: {given!r} has other numbers than 0 to {known - 1}")
    return found


def _float(request: Request, name: str) -> float | None:
    """Return a number of the query; None if it is missing or not finite."""
    with suppress(ValueError):
        number = float(request.query_params.get(name, ""))
        return number if np.isfinite(number) else None
    return None


def _numbers(values: Array) -> list[float | None]:
    found: list[float | None] = values.tolist()
    return found if np.isfinite(values).all() else [x if x is not None and np.isfinite(x) else None for x in found]


def _json(value: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(value, allow_nan=False), status, media_type="application/json")


ROUTES = [route("/files/{file}", page), route("/files/{file}/content", content), route("/files/{file}/window", window)]
