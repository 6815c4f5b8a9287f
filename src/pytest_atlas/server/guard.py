"""Authentication by bearer token, or loopback clients only; response headers that prevent rendering in a browser."""

import hmac
import ipaddress
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def is_loopback(host: str) -> bool:
    """Return whether a host name or address (without port) is a loopback name of this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_loopback_host(host: str) -> bool:
    """Return whether a Host header, with or without a port, names this machine."""
    name, _, port = host.rpartition(":")
    return is_loopback(name if name and port.isdigit() else host)


HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Default headers of all responses: a browser must not run, frame or cache the content."""


def with_headers(send: Send, defaults: Mapping[str, str]) -> Send:
    """Return a `send` that adds these headers to a response, except those that it has."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in defaults.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


class Guard:
    """Pass requests that have the token; others get 401.

    Without a token, pass requests that are addressed to a loopback name and not sent by a page of another site; others get
    403. This rejects pages of other sites, also with a domain that resolves to this machine (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject the request, or pass it to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, with_headers(send, HEADERS))

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        if self._token is None:
            host = headers.get("host", "")
            if is_loopback_host(host) and not _is_from_another_site(headers, host):
                return None
            return JSONResponse({"detail": "Without a token this Atlas answers only to localhost"}, 403)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), self._token.encode()):
            return None
        return JSONResponse({"detail": "Not authenticated"}, 401, {"WWW-Authenticate": "Bearer"})


def _is_from_another_site(headers: Headers, host: str) -> bool:
    """Return whether a page of another site sent the request, by the headers of browsers.

    Source: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
    """
    origin = headers.get("origin")
    return (origin is not None and origin != f"http://{host}") or headers.get("sec-fetch-site") in ("cross-site", "same-site")
