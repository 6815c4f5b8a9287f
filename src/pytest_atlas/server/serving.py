"""Serve the local Atlas of a folder, until the process is stopped."""

import platform
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from pytest_atlas.local import LocalAtlas

from .app import app
from .connections import LimitedProtocol
from .guard import is_loopback

STORE = "atlas.db"
"""The local Atlas's file in its folder."""

MOST_PORT = 65535


class ServeError(Exception):
    """The server can't be started as asked. Says why, and what to do."""


def serve(
    atlas_dir: Path,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve `atlas_dir`'s local Atlas until Ctrl-C. `announce` is told the URL as soon as connections are accepted.

    Port 0 takes any free one. Raises ServeError: an address for others without a token, an address that can't be had;
    StoreError: a store that can't be opened.
    """
    if not is_loopback(host) and not token:
        raise ServeError(f"{host} can be reached by others: set ATLAS_TOKEN to the token that they must know, or use 127.0.0.1")
    with LocalAtlas(atlas_dir / STORE, create=True) as atlas, listen(host, port) as listening:
        announce(url_of(listening))
        uvicorn.Server(config(app(atlas, token or None))).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections at once. Raises ServeError."""
    if not 0 <= port <= MOST_PORT:
        raise ServeError(f"There is no port {port}: choose one up to {MOST_PORT}, or 0 for any that is free")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ServeError(f"Can't listen on {host} port {port}: {error}. Choose another port, or 0 for any") from error
    # asyncio turns Nagle's algorithm off only where the protocol is named, and create_server does not name it: each answer
    # would wait 40 ms for the client's delayed acknowledgement.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listening.detach())


def url_of(listening: socket.socket) -> str:
    """What ATLAS_URL is to be, to reach this socket: of one that listens at all addresses, by this machine's name."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = platform.node() or host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def config(application: ASGIApp) -> uvicorn.Config:
    """How uvicorn serves it: quiet, without what this API has no use for, with limits for each connection."""
    return uvicorn.Config(
        application, http=LimitedProtocol, log_level="warning", lifespan="off", ws="none", server_header=False
    )
