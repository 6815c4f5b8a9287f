"""Invalid requests over a socket: 4xx or a closed connection, never a 500, and the next request is served."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.served_atlas import TOKEN, ServedAtlas, served_atlas

PATIENCE_S = 20.0
NEW = b'{"title": "x", "system_id": "00000000-0000-0000-0000-000000000001"}'
AUTHORIZED = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
CLOSE = b"Host: localhost\r\nConnection: close\r\n" + AUTHORIZED
HEAD = b"POST /api/v1/test-runs HTTP/1.1\r\nContent-Type: application/json\r\n" + CLOSE


def response_to(served: ServedAtlas, request: bytes) -> bytes:
    """Send `request`, and return everything that the server sends."""
    address = urlsplit(served.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), PATIENCE_S) as connection:
        answer = b""
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            raise
        except OSError:  # the server closed the connection early
            pass
    return answer


def is_well(served: ServedAtlas) -> bool:
    return httpx.get(f"{served.url}/api/v1/test-runs", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


ODD = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /api/v1/test-runs HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a strange method": b"BREW /api/v1/test-runs HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "CONNECT": b"CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\n" + AUTHORIZED + b"\r\n",
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZED + b"\r\n",
    "a whole URL": b"GET http://evil/api/v1/test-runs/x HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZED + b"\r\n",
    "NUL in the path": b"GET /api/v1/test-runs/%00 HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZED + b"\r\n",
    "no UTF-8 in the path": b"GET /api/v1/test-runs/%ff%c0%af HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZED + b"\r\n",
    "raw bytes in the path": b"GET /api/v1/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZED + b"\r\n",
    "a way up": b"GET /api/v1/../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n" + AUTHORIZED + b"\r\n",
    "no UTF-8 in the query": b"GET /api/v1/test-runs/search?q=%ff&q=%00 HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "a path of 100 kB": b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header of 1 MB": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "10,000 headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    "a header that goes on": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n",
    "a header with NUL": b"GET / HTTP/1.1\r\nHost: local\x00host\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a huge length": HEAD + b"Content-Length: 99999999999999999999\r\n\r\nx",
    "a body shorter than its length": HEAD + b"Content-Length: 500\r\n\r\n" + NEW,
    "chunks and a length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nhello\r\n",
    "a chunk that claims much": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "an unknown encoding": HEAD + b"Transfer-Encoding: gzip\r\n\r\nx",
    "a compressed body": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    "another request inside": HEAD + b"Content-Length: 3\r\n\r\n{}\nGET / HTTP/1.1\r\n\r\n",
    "an upgrade": b"GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("request_bytes", ODD.values(), ids=ODD)
def test_invalid_request_is_rejected_and_the_next_is_served(served: ServedAtlas, request_bytes: bytes) -> None:
    answer = response_to(served, request_bytes)
    assert all(400 <= status < 500 or (status == 200 and b"search?" in request_bytes) for status in statuses(answer)), answer
    assert is_well(served)


PIECES = (
    *(b"GET ", b"POST ", b"/api/v1/test-runs", b"?q=%22*", b" HTTP/1.1\r\n", b"Host: localhost\r\n", AUTHORIZED, b"\r\n", NEW),
    *(b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\x00", b"\xff", b": "),
)
LINES = st.sampled_from(PIECES)


@given(st.binary(max_size=300) | st.lists(LINES, max_size=12).map(b"".join) | st.binary(max_size=200).map(HEAD.__add__))
@example(HEAD + b"Content-Length: " + str(len(NEW)).encode() + b"\r\n\r\n" + NEW)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_bytes_cause_a_500(served: ServedAtlas, request_bytes: bytes) -> None:
    assert all(status < 500 for status in statuses(response_to(served, request_bytes)))


def test_silent_clients_do_not_block_other_clients(served: ServedAtlas) -> None:
    address = urlsplit(served.url)
    waiting = [socket.create_connection((str(address.hostname), int(address.port or 0))) for _ in range(100)]
    for n, connection in enumerate(waiting):
        connection.sendall(HEAD[: n % 50] if n % 2 else HEAD + b"Content-Length: 500\r\n\r\n{")
    assert is_well(served)
    for connection in waiting:
        connection.close()
    assert is_well(served)


SIGNS = st.sampled_from([*"abc \"'*()-+:^{}~%&|<>,.;\\/#\x00\n", "é", "😀"])


@given(st.text(SIGNS, min_size=1, max_size=40))
@example("NEAR(a b, 5) OR title:x AND NOT *")
@example('" OR 1=1; DROP TABLE runs; --')
@example("a* " * 3000)
@example('"' * 999)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_search_text_is_accepted(http: httpx.Client, words: str) -> None:
    assert http.get("/test-runs/search", params={"q": words}).status_code == 200


def test_damaged_store_is_503_with_the_remedy(tmp_path: Path) -> None:
    with (
        served_atlas(tmp_path) as served,
        httpx.Client(base_url=f"{served.url}/api/v1", headers={"Authorization": f"Bearer {TOKEN}"}) as http,
    ):
        new = {"title": "x" * 5000, "system_id": "00000000-0000-0000-0000-000000000001"}
        assert http.post("/test-runs", json=new).status_code == 201
        served.atlas._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        served.atlas._db.execute("PRAGMA cache_size = 0")
        damaged = (tmp_path / "atlas.db").read_bytes()
        (tmp_path / "atlas.db").write_bytes(damaged[:8192] + b"\xa5" * (len(damaged) - 8192))
        served.atlas._db.execute("PRAGMA shrink_memory")
        answer = http.get("/test-runs")
        assert answer.status_code == 503
        assert "Move the file away" in answer.json()["detail"]
