"""Who may ask: the bearer token, or, without one, this machine only."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without port) is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Let a request pass if it has the token: 401 else.

    Without a token, if it is addressed to this machine by one of its own names: 403 else. A web page of a stranger, whose
    domain was made to point here (DNS rebinding), is thus kept out.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the refusal, or hand the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        if self._token is None:
            name, _, port = headers.get("host", "").rpartition(":")
            if is_loopback(name if name and port.isdigit() else headers.get("host", "")):
                return None
            return JSONResponse({"detail": "Without a token this Atlas answers only to localhost"}, 403)
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("latin-1"), self._token.encode()):
            return None
        return JSONResponse({"detail": "Not authenticated"}, 401, {"WWW-Authenticate": "Bearer"})
