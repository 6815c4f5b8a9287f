"""Serve a LocalAtlas on a socket, for tests that send HTTP requests to an Atlas.

with served_atlas(tmp_path) as served:
    client = AtlasClient(served.url, served.token)
    served.atlas.send(GetRun(run_id=…))  # the same store, without HTTP
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from pytest_atlas.local import LocalAtlas
from pytest_atlas.server.app import app
from pytest_atlas.server.serving import STORE, config, listen, url_of

TOKEN = "a-token-for-tests"
PATIENCE_S = 30


@dataclass(frozen=True)
class ServedAtlas:
    """The URL, the token and the store of a served Atlas."""

    url: str
    token: str | None
    atlas: LocalAtlas


class _Server(uvicorn.Server):
    """A server that sets `accepts` as soon as it accepts connections."""

    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.accepts = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepts.set()


@contextmanager
def served_atlas(
    directory: Path, *, token: str | None = TOKEN, around: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> Iterator[ServedAtlas]:
    """Serve the local Atlas in `directory` on a free local port until the block ends. `around` wraps the application."""
    with LocalAtlas(directory / STORE, create=True) as atlas, listen("127.0.0.1", 0) as listening:
        server = _Server(config(around(app(atlas, token))))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            assert server.accepts.wait(PATIENCE_S), "the server did not start"
            yield ServedAtlas(url_of(listening), token, atlas)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "the server did not stop"
