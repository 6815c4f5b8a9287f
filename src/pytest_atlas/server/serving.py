"""Serve the local Atlas of a directory until the process is stopped."""

import logging
import platform
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from pytest_atlas.local import LocalAtlas

from .connections import LimitedProtocol
from .guard import is_loopback
from .running import RunningServer, announced
from .site import site

LOG = logging.getLogger(__name__)

STORE = "atlas.db"
"""The file of the local Atlas in its directory."""

MOST_PORT = 65535

INDEX_S = 5.0
"""Seconds between two searches for files that are not indexed."""


class ServeError(Exception):
    """The server can't be started. The message has the problem and the remedy."""


def serve(
    atlas_dir: Path,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    announce: Callable[[str], None] = print,
    *,
    read_only: bool = False,
) -> None:
    """Serve the local Atlas in `atlas_dir` until Ctrl-C. `announce` is called with the URL when connections are accepted.

    `read_only`: the pages have no form that writes. The API is the same.

    Port 0 takes any free one. Raises ServeError: an address for others without a token, an address that can't be had;
    StoreError: a store that can't be opened.
    """
    if not is_loopback(host) and not token:
        raise ServeError(f"other machines can reach {host}. Set ATLAS_TOKEN to the token that they must send, or use 127.0.0.1")
    with LocalAtlas(atlas_dir / STORE, create=True) as atlas, listen(host, port) as listening:
        server = RunningServer(url_of(listening), requires_login=bool(token))
        pages = site(atlas, token or None, key=server.key, read_only=read_only)
        with indexing(atlas), announced(atlas.path.parent, server), pages as whole:
            _Server(config(whole), lambda: announce(server.url), whole.end_streams).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Calls `announce` when it accepts connections and handles SIGINT.

    Before, Ctrl-C raises KeyboardInterrupt anywhere in the start of the event loop, and Python prints a traceback of it.
    """

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None], end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce
        self._end_streams = end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then wait for the other requests."""
        self._end_streams()
        await super().shutdown(sockets)


@contextmanager
def indexing(atlas: LocalAtlas, every_s: float = INDEX_S) -> Iterator[None]:
    """Index pending runs and files during the block: those of an earlier version, and large measurement files."""
    stop = threading.Event()

    def update() -> None:
        while True:
            try:
                atlas.update_index()
            except sqlite3.Error as error:  # the next round tries again
                LOG.warning("%s: not all runs were indexed: %s", atlas.path, error)
            if stop.wait(every_s):
                return

    thread = threading.Thread(target=update, name="index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises ServeError."""
    if not 0 <= port <= MOST_PORT:
        raise ServeError(f"invalid port {port}. Use a port up to {MOST_PORT}, or 0 for any free port")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ServeError(f"can't listen on {host} port {port}: {error}. Use another port, or 0 for any free port") from error
    # asyncio disables Nagle's algorithm only if the protocol is named, and create_server doesn't name it: each response would
    # wait 40 ms for the client's delayed acknowledgement.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listening.detach())


def url_of(listening: socket.socket) -> str:
    """Return the ATLAS_URL of this socket. If it listens at all addresses, the URL has the name of this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = platform.node() or host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


SHUTDOWN_S = 1
"""Seconds after Ctrl-C in which running requests can end. A live page never ends its request."""


def config(application: ASGIApp) -> uvicorn.Config:
    """Return the configuration of uvicorn: warnings only, no features that the API doesn't use, limits for connections."""
    return uvicorn.Config(
        application,
        http=LimitedProtocol,
        log_level="warning",
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
