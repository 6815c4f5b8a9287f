"""The application of the pages: all routes, and one page for each kind of error."""

import logging
import sqlite3
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pytest_atlas.local import StoreError
from pytest_atlas.local.views.connection import TooSlow

from . import compare, file, live, login, measurement, measurements, reports, run, runs, search, static, step
from .frame import NotFound, PageError, Pages, render_error
from .guard import PageGuard

LOG = logging.getLogger(__name__)


ROUTES: list[Route] = [
    static.ROUTE,
    *login.ROUTES,
    *compare.ROUTES,
    *file.ROUTES,
    *reports.ROUTES,
    *search.ROUTES,
    *measurement.ROUTES,
    *measurements.ROUTES,
    *runs.ROUTES,
    *run.ROUTES,
    *step.ROUTES,
    *live.ROUTES,
]
"""All routes. The first one that matches is used."""


def page_app(pages: Pages, routes: Sequence[Route] = ROUTES) -> ASGIApp:
    """Return the application of the pages. The guard is outside of it, so that the pages of all errors have its headers."""
    made = Starlette(
        routes=routes,
        exception_handlers={
            PageError: _page_error,
            HTTPException: _http_error,
            TooSlow: _too_slow,
            StoreError: _store_error,
            sqlite3.DatabaseError: _database_error,
            ClientDisconnect: _gone,
            Exception: _internal_error,
        },
    )
    made.state.pages = pages
    made.router.redirect_slashes = False
    return PageGuard(made, pages.logins)


async def _page_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PageError)
    return render_error(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return render_error(request, NotFound("There is no such page", request.url.path, "All runs are on the first page."))
    return render_error(request, PageError(error.detail, status=error.status_code, headers=dict(error.headers or {})))


async def _too_slow(request: Request, _: Exception) -> Response:
    return render_error(
        request,
        PageError(
            "The search in the store took longer than a second and was stopped",
            str(request.url.path),
            "Restrict it, for example to a system or a date, and try again.",
            503,
        ),
    )


async def _store_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    return render_error(request, PageError("The store of the local Atlas can't be read", str(error.path), error.problem, 503))


async def _database_error(request: Request, error: Exception) -> Response:
    LOG.warning("%s: %s", request.url.path, error)
    path = str(request.app.state.pages.atlas.path)
    remedy = (
        f"SQLite reports: {error}. If the file is damaged, stop pytest-atlas serve, move the file away, and publish the "
        "recorded sessions again with: pytest-atlas push"
    )
    return render_error(request, PageError("The store of the local Atlas can't be read", path, remedy, 503))


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # the client has disconnected


async def _internal_error(request: Request, error: Exception) -> Response:
    """Return the page of an unexpected error. Starlette raises it again, so that the server logs the traceback."""
    problem, name = "This page can't be shown because of an error in pytest-atlas", f"{type(error).__name__}: {error}"
    remedy = "The output of pytest-atlas serve has the traceback. Please report it; the other pages work."
    return render_error(request, PageError(problem, name, remedy))
