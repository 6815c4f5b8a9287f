"""Send operations to an Atlas over HTTP: `AtlasClient`, and `AsyncAtlasClient` for many at once.

Both are thin: `wire` writes the request and reads the response, this module carries them with httpx and turns its
exceptions into ours. Importing it imports httpx. Nothing is retried here: whether to is the caller's decision.
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
"""Most seconds to wait for a connection, and for each next piece of an answer."""

WHOLE = 4
"""A response must be complete after so many timeouts, however slowly the server sends it."""

KEEPALIVE_S = 4.0
"""Seconds that an unused connection is kept. Below the 5 of common servers (uvicorn, Node), so that a request
seldom finds its connection closed: a create that did would be in doubt."""

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_S)

_FAILURES: tuple[tuple[type[Exception], bool, str], ...] = (
    (httpx.ConnectTimeout, False, "no connection in time"),
    (httpx.PoolTimeout, False, "no free connection in time"),
    (httpx.ConnectError, False, "can't connect"),
    (httpx.ProxyError, False, "the proxy gave no connection"),
    (httpx.UnsupportedProtocol, False, "the URL can't be used"),
    (httpx.InvalidURL, False, "the URL can't be used"),
    (httpx.ReadTimeout, True, "no answer in time"),
    (httpx.WriteTimeout, True, "the request could not be sent in time"),
    (httpx.DecodingError, True, "the response can't be read"),
    (httpx.HTTPError, True, "the connection broke"),
)
"""What httpx raises, whether the request may have reached the server then, and what that means. The first that fits."""


class _Response(NamedTuple):
    status: int
    headers: httpx.Headers
    content: bytes


class _Link:
    """What both clients share: where the Atlas is, the token, and all but the waiting."""

    url: str = "(no address yet)"

    def __init__(self, url: str, token: str | SecretStr, timeout_s: float) -> None:
        self._token = bearer(token)
        del token  # else a traceback that shows locals would show it
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
    """The same error without its traceback, nor its causes': their frames hold the request's headers, and so the token."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _body(response: httpx.Response) -> Body:
    """Return what collects the body of `response`; a stand-in for httpx's transport may have decoded it already."""
    encoding = "" if response.is_stream_consumed else response.headers.get("content-encoding", "")
    return Body(response.status_code, encoding)


@contextmanager
def _setting_up() -> Iterator[None]:
    try:
        yield
    except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:  # what httpx raises for a proxy or a certificate
        what = f"{type(error).__name__}: {error}"
        remedy = "Mend or unset HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        raise ValueError(f"The proxy or certificate settings of the environment can't be used ({what}). {remedy}.") from None


class AtlasClient(_Link):
    """An Atlas over HTTP: `client.send(CreateStep(...))` gives the Step. Use it as a context manager, or close it.

    `url` is the deployment's origin, such as `https://atlas.example.com`; `/api/v1` is appended where it is not there.
    `token` goes there alone: redirects are not followed. `timeout_s` is the most seconds to wait for a connection, and for
    each next piece of an answer. `transport` stands in for httpx's own, which honours HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE
    and the like. Raises ValueError for a URL, a token, a proxy or a certificate that can't be used, and says what to do.
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
        """Send `operation` once and give its answer. Raises an AtlasError: no answer, none that is known, or a no."""
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
        """Close the connections. The client can't be used any more."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncAtlasClient(_Link):
    """As `AtlasClient`, for asyncio: any number of `await client.send(...)` may be under way at once."""

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
        """Send `operation` once and give its answer. Raises an AtlasError: no answer, none that is known, or a no."""
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
        """Close the connections. The client can't be used any more."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
