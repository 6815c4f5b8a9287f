"""A server with scripted responses, given as bytes, for behaviour that real servers do not offer."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
HANG_UP = b""
"""A response: close the connection."""


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a complete response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Server:
    """Sends the next of `answers` for each request, and repeats the last. None: no response."""

    answers: list[bytes | None]
    hang_up_after: bool = False
    port: int = 0
    requests: list[tuple[int, bytes]] = field(default_factory=list)
    """Number of the connection, from 1, and the complete request."""
    connections: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there was a request."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has closed a connection."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        self.connections += 1
        number = self.connections
        self.open.add(writer)
        try:
            while request := await _request(reader):
                self.requests.append((number, request))
                self.asked.set()
                reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if reply == HANG_UP:
                    break
                writer.write(reply or b"")
                await writer.drain()
                if self.hang_up_after:
                    break
        except OSError:  # some tests abort the connection
            pass
        finally:
            self.open.discard(writer)
            writer.close()
            self.closed.set()


async def _request(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        return head + await reader.readexactly(int(length[1]) if length else 0)
    except asyncio.IncompleteReadError:
        return b""


@asynccontextmanager
async def serving(
    *answers: bytes | None, hang_up_after: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Run a Server on a free port of 127.0.0.1."""
    server = Server(list(answers), hang_up_after)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in list(server.open):
            writer.transport.abort()
