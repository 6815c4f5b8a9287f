"""HTTP/1.1 for many small requests at once: an httpx transport over asyncio's streams and h11, without proxies.

httpx's own asyncio transport costs some 1.5 ms of processor time for each request at 32 in flight (its pool looks through
all connections, and asks the kernel about each, for every request), this one a sixth of it: `python -m benchmarks.client`.
It knows only what the Atlas client needs: requests in one piece, answers read whole, as many connections as there are
requests under way. Where a proxy is set, httpx's transport is used. Errors are httpx's.
"""

import asyncio
import select
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.request import getproxies, proxy_bypass

import h11
import httpx

from .body import MAX_BODY_BYTES, MAX_ERROR_BYTES, too_large

_READ = 64 * 1024
_EYEBALLS_S = 0.25
"""Seconds after which the next address of a host is tried as well (RFC 8305)."""


def is_proxied(url: str) -> bool:
    """Whether the environment (on Windows and macOS the system's settings too) sends `url` through a proxy."""
    target = httpx.URL(url)
    proxies = getproxies()
    return bool(proxies.get(target.scheme) or proxies.get("all")) and not proxy_bypass(target.host)


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))
    idle_since: float = 0.0  # seconds of time.monotonic

    def is_dead(self) -> bool:
        """Whether the server has closed it, or spoken unasked; the kernel knows it before asyncio does."""
        return self.reader.at_eof() or self.writer.is_closing() or _is_readable(self.writer.get_extra_info("socket").fileno())

    def abort(self) -> None:
        # Not close(): over TLS that would wait for the server's farewell, and nothing is under way that could be lost.
        self.writer.transport.abort()


def _is_readable(fd: int) -> bool:
    if sys.platform == "win32":  # it has no poll()
        return bool(select.select([fd], [], [], 0)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


class _Received(httpx.AsyncByteStream):
    """A body as the server sent it: the client decodes it. (httpx would decode bytes at once, without a limit.)"""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class DirectTransport(httpx.AsyncBaseTransport):
    """A connection for each request under way; unused ones are kept for `keepalive_s` seconds and the latest is used first.

    Raises OSError where SSL_CERT_FILE or SSL_CERT_DIR, which it honours, can't be read.
    """

    def __init__(self, keepalive_s: float) -> None:
        self._keepalive_s = keepalive_s
        self._idle: list[_Connection] = []
        self._tls = httpx.create_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and read the answer whole. Raises httpx's errors, each for the same cause as httpx does."""
        limits_s: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = self._kept() or await self._connected(request.url, limits_s.get("connect"))
        try:
            await self._write(connection, request, limits_s.get("write"))
            response = await self._read(connection, limits_s.get("read"))
        except BaseException:  # cancelled too: half an exchange is on it, so nobody else may use it
            connection.abort()
            raise
        self._keep(connection)
        return response

    async def aclose(self) -> None:
        """Close the unused connections, and those in use when their request is over."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            connection.abort()
            with suppress(OSError):  # what a connection died of does not matter any more
                await connection.writer.wait_closed()

    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.idle_since < self._keepalive_s and not connection.is_dead():
                return connection
            connection.abort()
        return None

    def _keep(self, connection: _Connection) -> None:
        done = connection.http.our_state is h11.DONE and connection.http.their_state is h11.DONE
        if self._closed or not done:
            connection.abort()
            return
        connection.http.start_next_cycle()
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    async def _connected(self, url: httpx.URL, limit_s: float | None) -> _Connection:
        secure = url.scheme == "https"
        async with _within(limit_s, httpx.ConnectTimeout, httpx.ConnectError):
            reader, writer = await asyncio.open_connection(
                url.raw_host.decode("ascii"),
                url.port or (443 if secure else 80),
                ssl=self._tls if secure else None,
                happy_eyeballs_delay=_EYEBALLS_S,
            )
        return _Connection(reader, writer)

    # ── one exchange ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _write(self, connection: _Connection, request: httpx.Request, limit_s: float | None) -> None:
        http = connection.http
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            events = (head, h11.Data(data=request.content), h11.EndOfMessage())
            connection.writer.write(b"".join(http.send(event) or b"" for event in events))
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        async with _within(limit_s, httpx.WriteTimeout, httpx.WriteError):
            await connection.writer.drain()

    async def _read(self, connection: _Connection, limit_s: float | None) -> httpx.Response:
        head: h11.Response | None = None
        body: list[bytes] = []
        size = 0
        while True:
            event = await self._event(connection, limit_s)
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data) and head is not None:
                body.append(bytes(event.data))
                size += len(event.data)
                if size > MAX_BODY_BYTES:
                    raise too_large()
                if head.status_code >= 400 and size >= MAX_ERROR_BYTES:  # the rest is not read, the connection not kept
                    return _response(head, body)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _response(head, body)
            elif not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("the server speaks something else than HTTP/1.1")

    async def _event(self, connection: _Connection, limit_s: float | None) -> h11.Event | type[h11.PAUSED]:
        http = connection.http
        while True:
            try:
                event = http.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # h11's sentinels are classes that mypy can't tell apart
            async with _within(limit_s, httpx.ReadTimeout, httpx.ReadError):
                data = await connection.reader.read(_READ)
            if not data and http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("the server closed the connection without an answer")
            http.receive_data(data)


def _response(head: h11.Response, body: list[bytes]) -> httpx.Response:
    return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=_Received(body))


@asynccontextmanager
async def _within(
    limit_s: float | None, late: type[httpx.TimeoutException], broken: type[httpx.NetworkError]
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:  # ours, or the kernel's
        raise late(str(error) or f"more than {limit_s} s") from error
    except OSError as error:
        raise broken(str(error)) from error
