"""Clients that send half a request, or don't read their response: their connections are closed, and others are served."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from tests.support.served_atlas import TOKEN, ServedAtlas, served_atlas

from pytest_atlas.atlas import CreateRun
from pytest_atlas.server import connections

PATIENCE_S = 30.0
HALF_A_HEAD = b"GET /api/v1/test-runs HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
HEAD = (
    b"POST /api/v1/test-runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 1000\r\n\r\n"
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedAtlas]:
    with served_atlas(tmp_path) as running:
        yield running


def connect(served: ServedAtlas, sent: bytes) -> socket.socket:
    address = urlsplit(served.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)), PATIENCE_S)
    connection.sendall(sent)
    return connection


def received(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection; fails if it doesn't."""
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def status(served: ServedAtlas) -> int:
    return httpx.get(f"{served.url}/api/v1/test-runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code


def test_half_a_head_is_answered_with_408_in_time(served: ServedAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.05)
    with ExitStack() as stack:
        half = [stack.enter_context(connect(served, HALF_A_HEAD)) for _ in range(20)]
        silent = stack.enter_context(connect(served, b""))
        for connection in (*half, silent):
            assert received(connection).startswith(b"HTTP/1.1 408 ")
    assert status(served) == 200


def test_a_second_request_on_a_connection_has_the_same_time(served: ServedAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.05)
    whole = b"GET /api/v1/test-runs HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(served, whole + HALF_A_HEAD) as connection:
        first, _, rest = received(connection).partition(b"HTTP/1.1 408 ")
    assert first.startswith(b"HTTP/1.1 401 ")
    assert rest


def test_half_a_body_closes_the_connection_in_time(served: ServedAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.05)
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_S", 0.1)
    with connect(served, HEAD + b'{"title"') as connection:
        assert received(connection) == b""
    assert status(served) == 200


def test_more_connections_than_the_limit_close_those_that_wait_longest(
    served: ServedAtlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 50)
    with ExitStack() as stack:
        half = [stack.enter_context(connect(served, HALF_A_HEAD)) for _ in range(300)]
        assert status(served) == 200
        for connection in half[:250]:
            assert received(connection) == b""
        half[-1].settimeout(0.01)
        with pytest.raises(TimeoutError):  # among the newest, so still open
            half[-1].recv(1)


def test_a_client_that_does_not_read_its_response_is_closed(served: ServedAtlas, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()
    lost = connections.LimitedProtocol.connection_lost

    def connection_lost(self: connections.LimitedProtocol, exc: Exception | None) -> None:
        lost(self, exc)
        closed.set()

    monkeypatch.setattr(connections.LimitedProtocol, "connection_lost", connection_lost)
    monkeypatch.setattr(connections, "STALLED_S", 0.05)
    run = served.atlas.send(CreateRun(title="large", system_id=UUID(int=1), description="x" * 15_000_000))
    request = f"GET /api/v1/test-runs/{run.uuid} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    with connect(served, request.encode()) as slow:
        assert closed.wait(PATIENCE_S)
        assert len(received(slow)) < 15_000_000
    assert status(served) == 200
