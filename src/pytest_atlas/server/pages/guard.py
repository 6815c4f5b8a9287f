"""Access to the pages, and response headers that restrict what browsers do with them.

Without a token, only requests to a name of this machine pass: the domain of another site can point here (DNS rebinding). With a
token, a browser needs the cookie of a session. In both cases a page of another site may only link here, and a form must be sent
from these pages.
"""

from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pytest_atlas.server.guard import is_loopback_host, with_headers
from pytest_atlas.server.logins import Logins, cookie_name

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
"""Default headers of all pages. A page can replace them, for example for a data file."""

PUBLIC = ("/login", "/open")
PUBLIC_BELOW = "/static/"


class PageGuard:
    """Let a request to the pages pass, or answer it with 403, 401 or a redirection to the login page."""

    def __init__(self, app: ASGIApp, logins: Logins | None) -> None:
        self._app = app
        self._logins = logins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject the request, or pass it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        refusal = self._refusal(HTTPConnection(scope), scope["method"])
        await (refusal or self._app)(scope, receive, with_headers(send, HEADERS))

    def _refusal(self, request: HTTPConnection, method: str) -> Response | None:
        host = request.headers.get("host", "")
        if self._logins is None and not is_loopback_host(host):
            return _rejected(f"Without a token this server answers only to localhost, not to {host!r}")
        is_read = method in ("GET", "HEAD")
        if not _is_same_site(request.headers) and not (is_read and _is_navigation(request.headers)):
            return _rejected("Pages of other sites may only link to this one")
        if not is_read and not _is_origin(request.headers.get("origin"), host):
            return _rejected("A form must be sent from a page of this server: the Origin header must be its address")
        if self._logins is None or _is_public(request.url.path) or self._has_session(request):
            return None
        if is_read and request.headers.get("sec-fetch-mode", "navigate") == "navigate":
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(target, safe='/')}", 303)
        return PlainTextResponse("Log in at /login\n", 401)

    def _has_session(self, request: HTTPConnection) -> bool:
        return self._logins is not None and self._logins.is_valid(session_of(request))


def session_of(request: HTTPConnection) -> str:
    """Return the session in the cookie of a request; empty without one."""
    return request.cookies.get(cookie_of(request), "")


def cookie_of(request: HTTPConnection) -> str:
    """Return the name of the cookie for the server of this request."""
    return cookie_name(request.url.scheme, request.scope["server"][1] or 0)


def _rejected(reason: str) -> Response:
    return PlainTextResponse(f"{reason}\n", 403)


def _is_public(path: str) -> bool:
    return path in PUBLIC or path.startswith(PUBLIC_BELOW)


def _is_same_site(headers: Headers) -> bool:
    """Return whether no page of another site caused the request, by the headers of browsers.

    Source: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    """
    origin = headers.get("origin")
    is_own = origin is None or _is_origin(origin, headers.get("host", ""))
    return is_own and headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _is_navigation(headers: Headers) -> bool:
    """Return whether a browser opens the page in a tab: a followed link, for example from a ticket."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"


def _is_origin(origin: str | None, host: str) -> bool:
    scheme, separator, rest = (origin or "").partition("://")
    return bool(separator) and scheme in ("http", "https") and rest.lower() == host.lower() and bool(host)
