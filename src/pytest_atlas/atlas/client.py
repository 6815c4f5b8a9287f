"""HTTP clients that send operations to an Atlas: `AtlasClient`, and `AsyncAtlasClient` for concurrent requests.

`wire` builds requests and reads responses; this module sends them with httpx and translates the exceptions of httpx to
AtlasError. Importing this module imports httpx. The clients retry nothing: this is the caller's decision.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import httpx
from pydantic import SecretStr

from pytest_atlas import __version__

from .address import api_url, bearer
from .body import ENCODINGS, Body
from .daemon import OutOfTime, within
from .errors import Closed, Unreachable
from .operations import Operation
from .transport import DirectTransport, is_proxied
from .wire import answer_of, request_of

R = TypeVar("R")

TIMEOUT_S = 30.0
"""Timeout in seconds for the connection, and for each read of the response."""

WHOLE = 4
"""A response must be complete after this many timeouts."""

KEEPALIVE_S = 4.0
"""Seconds that an idle connection is kept. Common servers (uvicorn, Node) close it after 5 s. A create that is sent on a
connection that the server closes at the same time would be unconfirmed."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_S)

_FAILURES: tuple[tuple[type[Exception], bool, str], ...] = (
    (httpx.ConnectTimeout, False, "the connection timed out"),
    (httpx.PoolTimeout, False, "no free connection before the timeout"),
    (httpx.ConnectError, False, "can't connect"),
    (httpx.ProxyError, False, "the proxy did not connect"),
    (httpx.UnsupportedProtocol, False, "the URL is invalid"),
    (httpx.InvalidURL, False, "the URL is invalid"),
    (httpx.ReadTimeout, True, "no response before the timeout"),
    (httpx.WriteTimeout, True, "sending the request timed out"),
    (httpx.DecodingError, True, "the response can't be read"),
    (httpx.HTTPError, True, "the connection failed"),
)
"""Exception of httpx, whether the server may have received the request, message. The first match counts."""


class _Response(NamedTuple):
    status: int
    headers: httpx.Headers
    content: bytes


class _Link:
    """The common part of both clients: URL, token, requests and responses, without input and output."""

    url: str = "(no URL)"

    def __init__(self, url: str, token: str | SecretStr, timeout_s: float) -> None:
        self._token = bearer(token)
        del token  # a traceback with local variables would show it
        self.url = api_url(url)
        self._timeout = httpx.Timeout(timeout_s)
        self._whole_s = WHOLE * timeout_s

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def _headers(self) -> httpx.Headers:
        return httpx.Headers(
            {
                "Authorization": f"Bearer {self._token.get_secret_value()}",
                "User-Agent": f"pytest-atlas/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": ENCODINGS,
            }
        )

    def _request(self, operation: Operation[Any], http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        if http.is_closed:
            raise Closed(operation, f"the client of {self.url} is closed")
        method, target, body = request_of(operation)
        headers = {"Content-Type": "application/json"} if body is not None else None
        return http.build_request(method, self.url + target, content=body, headers=headers)

    def _answer(self, operation: Operation[R], response: _Response) -> R:
        secret = self._token.get_secret_value()
        return answer_of(operation, response.status, response.headers, response.content, secret=secret)

    def _too_slow(self) -> httpx.ReadTimeout:
        return httpx.ReadTimeout(f"the response was not complete after {self._whole_s:g} s")


@contextmanager
def _translated(operation: Operation[Any]) -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        in_doubt, what = next((in_doubt, what) for kind, in_doubt, what in _FAILURES if isinstance(error, kind))
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            what = "the certificate is not trusted: set SSL_CERT_FILE to the file of its authority, or SSL_CERT_DIR"
        detail = f"{what} ({type(error).__name__}: {error})" if str(error) else f"{what} ({type(error).__name__})"
        raise Unreachable(operation, detail, in_doubt=in_doubt) from _without_frames(error)


def _without_frames(error: BaseException) -> BaseException:
    """Remove the tracebacks of `error` and its causes: their frames contain the headers of the request, with the token."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _body(response: httpx.Response) -> Body:
    """Return a Body for `response`. A replaced transport may have decoded the content already."""
    encoding = "" if response.is_stream_consumed else response.headers.get("content-encoding", "")
    return Body(response.status_code, encoding)


@contextmanager
def _setting_up() -> Iterator[None]:
    try:
        yield
    except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:  # raised by httpx for an invalid proxy or certificate
        what = f"{type(error).__name__}: {error}"
        remedy = "Correct or unset HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        raise ValueError(f"Invalid proxy or certificate settings in the environment ({what}). {remedy}.") from None


class AtlasClient(_Link):
    """An Atlas over HTTP: `client.send(CreateStep(...))` returns the Step. Use it as a context manager, or close it.

    `url` is the origin of the deployment, such as `https://atlas.example.com`; `/api/v1` is appended if it is missing.
    `token` is sent to this origin only: redirects are not followed. `timeout_s` is the timeout in seconds for the connection,
    and for each read of the response. `transport` replaces httpx's transport, which supports HTTPS_PROXY, NO_PROXY,
    SSL_CERT_FILE and related variables. Raises ValueError, with the remedy, if the URL, token, proxy or certificate is invalid.
    """

    def __init__(
        self, url: str, token: str | SecretStr, *, timeout_s: float = TIMEOUT_S, transport: httpx.BaseTransport | None = None
    ) -> None:
        secret = SecretStr(token) if isinstance(token, str) else token
        del token
        super().__init__(url, secret, timeout_s)
        with _setting_up():
            self._http = httpx.Client(headers=self._headers(), timeout=self._timeout, limits=_LIMITS, transport=transport)

    def send(self, operation: Operation[R]) -> R:
        """Send `operation` once and return its response. Raises AtlasError for a missing, invalid or error response."""
        request = self._request(operation, self._http)
        with _translated(operation):
            try:
                response = within(self._whole_s, lambda: self._exchange(request))
            except OutOfTime:
                raise self._too_slow() from None
        return self._answer(operation, response)

    def _exchange(self, request: httpx.Request) -> _Response:
        with closing(self._http.send(request, follow_redirects=False, stream=True)) as response:
            body = _body(response)
            for piece in (response.content,) if response.is_stream_consumed else response.iter_raw():
                body.feed(piece)
                if body.is_full:
                    break
        return _Response(response.status_code, response.headers, body.content())

    def close(self) -> None:
        """Close the connections. After this, `send` raises Closed."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncAtlasClient(_Link):
    """The same as `AtlasClient` for asyncio: any number of `await client.send(...)` can run concurrently."""

    def __init__(
        self,
        url: str,
        token: str | SecretStr,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        secret = SecretStr(token) if isinstance(token, str) else token
        del token
        super().__init__(url, secret, timeout_s)
        with _setting_up():
            if transport is None and not is_proxied(self.url):
                transport = DirectTransport(KEEPALIVE_S)
            self._http = httpx.AsyncClient(headers=self._headers(), timeout=self._timeout, limits=_LIMITS, transport=transport)

    async def send(self, operation: Operation[R]) -> R:
        """Send `operation` once and return its response. Raises AtlasError for a missing, invalid or error response."""
        request = self._request(operation, self._http)
        with _translated(operation):
            try:
                async with asyncio.timeout(self._whole_s):
                    response = await self._exchange(request)
            except TimeoutError:
                raise self._too_slow() from None
        return self._answer(operation, response)

    async def _exchange(self, request: httpx.Request) -> _Response:
        async with aclosing(await self._http.send(request, follow_redirects=False, stream=True)) as response:
            body = _body(response)
            if response.is_stream_consumed:
                body.feed(response.content)
            else:
                async for piece in response.aiter_raw():
                    body.feed(piece)
                    if body.is_full:
                        break
        return _Response(response.status_code, response.headers, body.content())

    async def aclose(self) -> None:
        """Close the connections. After this, `send` raises Closed."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
