"""Shared by all pages: the local Atlas that they show, templates, errors, routes.

A page is a plain function `page(request: Request, pages: Pages) -> Response`. It runs in a thread of the server's pool. It
raises NotFound or PageError; `app.page_app` renders both with the same frame.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views.connection import Views
from pytest_atlas.server.logins import Logins
from pytest_atlas.server.recordings import Recordings

from . import formats
from .static import ASSETS

if TYPE_CHECKING:  # numpy takes 0.1 s to import, and only some pages need it
    from pytest_atlas.server.logs import LineIndexes
    from pytest_atlas.server.traces.cache import TraceCache

MAX_FORM_BYTES = 64 << 10
"""The largest body of a form."""

NAVIGATION = (("runs", "/", "Runs"), ("measurements", "/measurements", "Measurements"), ("compare", "/compare", "Compare"))
"""Name, path and title of the pages in the header."""


MAX_STREAMS = 32
"""Largest number of open pages with live updates. The response to a further one is 503."""


@dataclass
class Streams:
    """The open streams of live updates."""

    open: int = 0  # number of streams
    most: int = MAX_STREAMS
    are_closing: bool = False  # whether the server stops


@dataclass(frozen=True)
class Pages:
    """The local Atlas of the pages, and the options of the server."""

    atlas: LocalAtlas
    views: Views
    read_only: bool = False  # without the form that requests a report
    logins: Logins | None = None  # None if no token is required
    streams: Streams = field(default_factory=Streams)
    recordings: Recordings | None = None  # the sessions on this machine

    @cached_property
    def traces(self) -> "TraceCache":
        """The traces of data files."""
        from pytest_atlas.server.traces.cache import DIRECTORY, TraceCache

        return TraceCache(self.atlas.path.parent / DIRECTORY)

    @cached_property
    def lines(self) -> "LineIndexes":
        """The positions of the lines of text files."""
        from pytest_atlas.server.logs import LineIndexes

        return LineIndexes()

    @property
    def can_write(self) -> bool:
        """Whether forms that write are shown. The guard has already rejected clients that must log in."""
        return not self.read_only


@dataclass(eq=False)
class PageError(Exception):
    """The page can't be shown. It is rendered as problem, object and remedy."""

    problem: str
    object: str = ""  # for example a run, a file or a path
    remedy: str = ""
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)


class NotFound(PageError):  # noqa: N818 - the name says the status
    """The run, step, file or page does not exist."""

    def __init__(self, problem: str, object: str = "", remedy: str = "") -> None:  # noqa: A002 - the name of the field
        super().__init__(problem, object, remedy, 404)


Page = Callable[[Request, Pages], Response]


def route(path: str, page: Page, *, methods: tuple[str, ...] = ("GET",)) -> Route:
    """Return the route of a page. `form(request)` has the fields of a POST."""

    async def endpoint(request: Request) -> Response:
        if request.method == "POST":
            request.state.form = await _read_form(request)
        return await run_in_threadpool(page, request, pages_of(request))

    return Route(path, endpoint, methods=list(methods))


def pages_of(request: Request) -> Pages:
    """Return the Pages of the application that serves this request."""
    pages: Pages = request.app.state.pages
    return pages


def form(request: Request) -> QueryParams:
    """Return the fields of a form that was sent with POST."""
    fields: QueryParams = request.state.form
    return fields


async def _read_form(request: Request) -> QueryParams:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, f"The form is larger than {MAX_FORM_BYTES} bytes")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and content_type != "application/x-www-form-urlencoded":
        raise HTTPException(415, "A form must have the content type application/x-www-form-urlencoded")
    try:
        return QueryParams(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError as error:
        raise HTTPException(400, f"The form can't be read: {error}") from None


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
    """Return a page from a template. Templates get the context, `pages`, `request`, and the functions of `formats`."""
    return HTMLResponse(render_text(request, template, **context), status)


def render_text(request: Request, template: str, **context: Any) -> str:
    """Return the text of a template; see `render`."""
    return environment().get_template(template).render(request=request, pages=pages_of(request), **context)


@cache
def environment() -> Environment:
    """Return the Jinja environment. Everything is escaped, and an unknown name in a template is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(formats.GLOBALS, asset=ASSETS.url, navigation=NAVIGATION)
    made.filters.update(formats.FILTERS)
    return made


def render_error(request: Request, error: PageError) -> Response:
    """Return the page of an error, in the same frame as the others."""
    response = render(request, "error.html", status=error.status, error=error)
    response.headers.update(error.headers)
    return response
