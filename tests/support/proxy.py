"""The fault injector on a socket: a proxy that lets requests fail like networks, gateways and servers do.

with proxy(served.url) as way:
    way.fail(FAULTS["reset after"], "POST", "/steps$")  # the next matching request
    …  # ATLAS_URL = way.url
    way.happened  # number of faults by name
"""

import asyncio
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal, TypeVar

import h11
import httpx

T = TypeVar("T")

PATIENCE_S = 60.0
READ = 1 << 16
HOP_BY_HOP = {b"transfer-encoding", b"connection", b"keep-alive", b"expect", b"content-length"}


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request."""

    method: str
    target: str  # path and query
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    @property
    def path(self) -> str:
        """Return the target without the query."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one request: whether the server receives it, and the response that the client receives."""

    name: str
    reaches: Literal["never", "at once", "later"] = "never"  # "later": when `release` is called
    sees: Literal["given", "real", "half", "drip", "reset", "silence"] = "given"  # "given": the fields below
    status: int = 503
    body: bytes = b'{"detail": "not now"}'
    content_type: str = "application/json"
    retry_after_s: float | None = None
    retry_after_is_date: bool = False
    delay_s: float = 0.0  # before the response; of a drip: between two pieces

    def given(self) -> Answer:
        """Return the response that the fault defines."""
        headers = [(b"content-type", self.content_type.encode())]
        if self.retry_after_s is not None:
            date = format_datetime(datetime.now(UTC) + timedelta(seconds=self.retry_after_s), usegmt=True)
            headers.append((b"retry-after", (date if self.retry_after_is_date else f"{self.retry_after_s:g}").encode()))
        return Answer(self.status, tuple(headers), self.body)


HTML = b"<html><body>Please log in</body></html>"


def _table() -> Iterator[Fault]:
    yield Fault("latency", "at once", "real", delay_s=0.1)
    yield Fault("slow drip", "at once", "drip", delay_s=0.002)
    yield Fault("reset before", "never", "reset")
    yield Fault("reset after", "at once", "reset")
    yield Fault("half a response", "at once", "half")
    yield Fault("hangs before", "never", "silence")
    yield Fault("hangs after", "at once", "silence")
    yield Fault("429 seconds", status=429, retry_after_s=0.05)
    yield Fault("429 date", status=429, retry_after_s=1, retry_after_is_date=True)
    yield Fault("503 seconds", status=503, retry_after_s=0.05)
    for status in (408, 425, 429, 500, 502, 503, 504):
        yield Fault(f"{status}", status=status)
    for status in (408, 500, 502, 504):
        yield Fault(f"{status} after", "at once", status=status)
        yield Fault(f"{status} late", "later", status=status)
    yield Fault("html", status=200, body=HTML, content_type="text/html")
    yield Fault("html after", "at once", status=200, body=HTML, content_type="text/html")
    yield Fault("502 html", status=502, body=HTML, content_type="text/html")
    yield Fault("empty", status=200, body=b"")
    yield Fault("redirect", status=307, body=HTML, content_type="text/html")


FAULTS = {fault.name: fault for fault in _table()}
"""Transient faults: the publisher recovers from each of them without help."""

EXPIRED = {status: Fault(f"{status}", status=status, body=b'{"detail": "token expired"}') for status in (401, 403)}
REJECTED = Fault("422", status=422, body=b'{"detail": "invalid text"}')


ENDLESS_DRIP = Fault("endless drip", sees="drip", status=200, body=b" " * 100, delay_s=1.0)
"""A response that arrives byte by byte and takes 40 s."""


@dataclass
class _Rule:
    fault: Fault
    method: str
    path: re.Pattern[str]
    times: int

    def takes(self, request: Request) -> bool:
        return request.method == self.method and bool(self.path.search(request.path))


@dataclass
class Proxy:
    """Forwards requests to `upstream`. Call its methods from any thread except the thread of the proxy."""

    upstream: str
    choose: Callable[[Request], Fault | None] = lambda _: None
    """Select the fault of a request that no call of `fail` matches. Runs in the thread of the proxy."""
    requests: list[Request] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    _rules: list[_Rule] = field(default_factory=list)
    _releases: list[tuple[str, re.Pattern[str]]] = field(default_factory=list)
    _late: list[Request] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S))

    @property
    def url(self) -> str:
        """Return the URL of the proxy."""
        return f"http://127.0.0.1:{self._port}"

    def fail(self, fault: Fault, method: str, path: str, *, times: int = 1) -> None:
        """Let the next requests with this method fail if `path` matches their path."""
        self._rules.append(_Rule(fault, method, re.compile(path), times))

    def release_after(self, method: str, path: str) -> None:
        """Forward the delayed requests after the server has responded to the next matching request."""
        self._releases.append((method, re.compile(path)))

    def release(self) -> int:
        """Forward the delayed requests. Return their number."""
        return self._do(self._release())

    def go_away(self) -> None:
        """Close all connections and refuse new ones until `come_back` is called."""
        self._do(self._stop())

    def come_back(self) -> None:
        """Listen on the same port again."""
        self._do(self._start())

    def healthy(self) -> None:
        """Remove all faults, and drop the delayed requests."""
        self._rules.clear()
        self._releases.clear()
        self._late.clear()
        self.choose = lambda _: None

    @property
    def left(self) -> int:
        """Return the number of requested faults that did not happen yet."""
        return sum(rule.times for rule in self._rules)

    # ── in the proxy's thread ────────────────────────────────────────────────────────────────────────────────────────

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server:
            self._server.close()
        self._server = None
        for writer in list(self._writers):
            _reset(writer)

    async def _release(self) -> int:
        late, self._late = self._late, []
        for request in late:
            with suppress(httpx.HTTPError):
                await self._forward(request)
        return len(late)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        http = h11.Connection(h11.SERVER)
        try:
            while request := await _read(http, reader, writer):
                if not await self._treat(request, http, reader, writer):
                    break
                if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                    break
                http.start_next_cycle()
        except (OSError, h11.RemoteProtocolError):
            pass  # the client was killed or timed out
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _treat(
        self, request: Request, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Respond or inject the fault. Return whether the connection can be reused."""
        self.requests.append(request)
        fault = self._fault(request)
        if fault:
            self.happened[fault.name] += 1
        if fault and fault.reaches == "later":
            self._late.append(request)
        answer = fault.given() if fault else None
        if fault is None or fault.reaches == "at once":
            real = await self._answered(request)
            answer = real if fault is None or fault.sees != "given" else answer
        if fault is None:
            return await _send(answer, http, writer)
        if fault.sees == "silence":
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), PATIENCE_S)  # until the client closes the connection
            return False
        return await _show(fault, answer, http, writer)

    def _fault(self, request: Request) -> Fault | None:
        for rule in self._rules:
            if rule.takes(request):
                rule.times -= 1
                if not rule.times:
                    self._rules.remove(rule)
                return rule.fault
        return self.choose(request)

    async def _answered(self, request: Request) -> Answer | None:
        """Return the response of the server; None if it died before it responded."""
        try:
            answer = await self._forward(request)
        except httpx.ConnectError:
            return Fault("no server", status=502).given()
        except httpx.HTTPError:
            return None
        for wanted in self._releases:
            if request.method == wanted[0] and wanted[1].search(request.path) and self._late:
                self._releases.remove(wanted)
                await self._release()
                break
        return answer

    async def _forward(self, request: Request) -> Answer:
        headers = [pair for pair in request.headers if pair[0].lower() not in HOP_BY_HOP]
        sent = httpx.Request(request.method, self.upstream + request.target, headers=headers, content=request.body)
        got = await self._client.send(sent)
        keep = {*HOP_BY_HOP} - ({b"content-length"} if request.method == "HEAD" else set())
        return Answer(got.status_code, tuple(pair for pair in got.headers.raw if pair[0].lower() not in keep), got.content)


async def _read(http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    head: h11.Request | None = None
    body: list[bytes] = []
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                writer.write(http.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")) or b"")
            http.receive_data(await reader.read(READ))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and head:
            headers = tuple((bytes(name), bytes(value)) for name, value in head.headers)
            return Request(head.method.decode(), head.target.decode(), headers, b"".join(body))
        else:  # the client closed the connection
            return None


def _bytes(answer: Answer, http: h11.Connection) -> bytes:
    headers = list(answer.headers)
    if answer.status >= 200 and answer.status not in (204, 304) and b"content-length" not in {n.lower() for n, _ in headers}:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    events = (h11.Response(status_code=answer.status, headers=headers), h11.Data(data=answer.body), h11.EndOfMessage())
    return b"".join(http.send(event) or b"" for event in events if not (isinstance(event, h11.Data) and not answer.body))


async def _send(answer: Answer | None, http: h11.Connection, writer: asyncio.StreamWriter) -> bool:
    if answer is None:
        return _reset(writer)
    writer.write(_bytes(answer, http))
    await writer.drain()
    return True


async def _show(fault: Fault, answer: Answer | None, http: h11.Connection, writer: asyncio.StreamWriter) -> bool:
    if fault.sees == "reset" or answer is None:
        return _reset(writer)
    if fault.sees == "half":
        whole = _bytes(replace(answer, body=answer.body or b"{}") if answer.status == 200 else answer, http)
        writer.write(whole[: len(whole) - max(1, len(answer.body) // 2)])
        await writer.drain()
        return False
    if fault.sees == "drip":
        for piece in (whole := _bytes(answer, http))[:-40], *(whole[-40:][n : n + 1] for n in range(40)):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(fault.delay_s)
        return True
    await asyncio.sleep(fault.delay_s)
    return await _send(answer, http, writer)


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Reset the connection with RST, as firewalls do, and systems whose process died."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """Run a proxy for the server at `upstream` on a free local port until the block ends."""
    way = Proxy(upstream)
    thread = threading.Thread(target=way._loop.run_forever, daemon=True)
    thread.start()
    try:
        way.come_back()
        yield way
    finally:
        way.go_away()
        way._do(_end(way._client))
        way._loop.call_soon_threadsafe(way._loop.stop)
        thread.join(PATIENCE_S)
        way._loop.close()


@contextmanager
def slow_server(*, drips: bool) -> Iterator[str]:
    """Yield the URL of a server that never responds, or with `drips` sends a byte of its response each second."""
    with proxy("http://127.0.0.1:9") as way:
        way.choose = lambda _: ENDLESS_DRIP if drips else FAULTS["hangs before"]
        yield way.url


async def _end(client: httpx.AsyncClient) -> None:
    """Cancel all tasks of the loop, and close the client."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await client.aclose()
