"""The API and the pages in one application: paths below /api belong to the API, all others to the pages."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from pytest_atlas.atlas.address import API
from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views.connection import Views

from .app import app
from .logins import Logins
from .pages.app import page_app
from .pages.frame import Pages, Streams
from .recordings import Recordings

API_ROOT = API.removesuffix("/v1") + "/"


class Site:
    """Pass a request to the API or to the pages. Each has its own guard: a cookie is valid for the pages only."""

    def __init__(self, api: ASGIApp, pages: ASGIApp, streams: Streams) -> None:
        self._api = api
        self._pages = pages
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose by the path."""
        chosen = self._api if scope.get("path", "").startswith(API_ROOT) else self._pages
        await chosen(scope, receive, send)

    def end_streams(self) -> None:
        """End all live updates: the server stops, and an open one would delay it."""
        self._streams.are_closing = True


@contextmanager
def site(atlas: LocalAtlas, token: str | None, *, key: str = "", read_only: bool = False) -> Iterator[Site]:
    """Return the whole server; the block ends its connections to the store.

    `key`: of one-time codes; `read_only`: without forms that write.
    """
    views = Views(atlas.path)
    logins = Logins(token, key) if token else None
    try:
        pages = Pages(atlas, views, read_only=read_only, logins=logins, recordings=Recordings(atlas.path.parent))
        yield Site(app(atlas, token), page_app(pages), pages.streams)
    finally:
        views.close()
