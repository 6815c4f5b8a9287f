"""An httpx transport for many small concurrent HTTP/1.1 requests, with asyncio streams and h11, without proxies.

The asyncio transport of httpx needs about 1.5 ms of processor time per request with 32 in flight, because its connection pool
checks every connection for every request. This transport needs a sixth of it: `python -m benchmarks.client`. It supports only
the requests of the Atlas client: complete requests, complete responses, and one connection per request in flight. If a proxy is
set, the transport of httpx is used. Errors are those of httpx.
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
"""Delay in seconds until the next address of a host is tried concurrently (RFC 8305)."""


def is_proxied(url: str) -> bool:
    """Return whether the environment (on Windows and macOS also the system settings) has a proxy for `url`."""
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
        """Return whether the server has closed the connection or sent data without a request; asks the kernel."""
        return self.reader.at_eof() or self.writer.is_closing() or _is_readable(self.writer.get_extra_info("socket").fileno())

    def abort(self) -> None:
        # Not close(): it would wait for the TLS shutdown of the server, although no request is in flight.
        self.writer.transport.abort()


def _is_readable(fd: int) -> bool:
    if sys.platform == "win32":  # Windows has no poll()
        return bool(select.select([fd], [], [], 0)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


class _Received(httpx.AsyncByteStream):
    """A body as received. The client decodes it, because httpx decodes without a size limit."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class DirectTransport(httpx.AsyncBaseTransport):
    """One connection per request in flight. Idle connections are kept for `keepalive_s` seconds; the newest is used first.

    Raises OSError if SSL_CERT_FILE or SSL_CERT_DIR can't be read.
    """

    def __init__(self, keepalive_s: float) -> None:
        self._keepalive_s = keepalive_s
        self._idle: list[_Connection] = []
        self._tls = httpx.create_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and read the complete response. Raises the same errors as the transports of httpx."""
        limits_s: dict[str, float | None] = request.extensions.get("timeout", {})
        connection = self._kept() or await self._connected(request.url, limits_s.get("connect"))
        try:
            await self._write(connection, request, limits_s.get("write"))
            response = await self._read(connection, limits_s.get("read"))
        except BaseException:  # also if cancelled: an incomplete exchange makes the connection unusable
            connection.abort()
            raise
        self._keep(connection)
        return response

    async def aclose(self) -> None:
        """Close idle connections now, and the others after their request."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            connection.abort()
            with suppress(OSError):  # errors of a closed connection are irrelevant
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
                if head.status_code >= 400 and size >= MAX_ERROR_BYTES:  # the rest is not read, and the connection is closed
                    return _response(head, body)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _response(head, body)
            elif not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("the server does not use HTTP/1.1")

    async def _event(self, connection: _Connection, limit_s: float | None) -> h11.Event | type[h11.PAUSED]:
        http = connection.http
        while True:
            try:
                event = http.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # the sentinels of h11 are classes, which mypy can't narrow
            async with _within(limit_s, httpx.ReadTimeout, httpx.ReadError):
                data = await connection.reader.read(_READ)
            if not data and http.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("the server closed the connection without a response")
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
    except TimeoutError as error:  # of this timeout, or of the kernel
        raise late(str(error) or f"more than {limit_s} s") from error
    except OSError as error:
        raise broken(str(error)) from error
