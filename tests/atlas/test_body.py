"""Responses that are too large, too slow or extremely compressed, from real servers."""

import asyncio
import gzip
import socket
import subprocess
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.atlas.scripted_server import answer

from pytest_atlas.atlas import AsyncAtlasClient, AtlasClient, GetRun, Invalid, Unreachable, body
from pytest_atlas.atlas.body import MAX_BODY_BYTES, MAX_ERROR_BYTES, Body

RUN = GetRun(run_id=UUID(int=1))
MIB = 1 << 20
Serve = Callable[[socket.socket], object]


def zeros(size: int) -> bytes:
    """`size` zero bytes as gzip, made without having them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


@contextmanager
def raw_server(serve: Serve) -> Iterator[str]:
    """A server that calls `serve` with each connection, after the head of a request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):  # the test is over
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65536)
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def send_sync(url: str, timeout_s: float) -> Any:
    with AtlasClient(url, "t0ken", timeout_s=timeout_s) as atlas:
        return atlas.send(RUN)


def send_async(url: str, timeout_s: float) -> Any:
    async def main() -> Any:
        async with AsyncAtlasClient(url, "t0ken", timeout_s=timeout_s) as atlas:
            return await atlas.send(RUN)

    return asyncio.run(main())


both = pytest.mark.parametrize("send", [send_sync, send_async], ids=["sync", "async"])


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@both
def test_response_that_decompresses_to_more_than_the_limit_is_an_error(send: Callable[[str, float], Any]) -> None:
    bomb = answer(zeros(4 * MAX_BODY_BYTES), "Content-Encoding: gzip")
    with raw_server(lambda c: c.sendall(bomb)) as url, pytest.raises(Unreachable, match="larger than 128 MiB") as caught:
        send(url, 20)
    assert caught.value.in_doubt


BOMB = """
import re, resource, sys
from tests.atlas.test_body import answer, raw_server, send_async, send_sync, zeros
from pytest_atlas.atlas import Unreachable
bomb = answer(zeros(1200 << 20), "Content-Encoding: gzip")
assert len(bomb) < 2 << 20
for send in (send_sync, send_async):
    with raw_server(lambda c: c.sendall(bomb)) as url:
        try:
            send(url, 60)
        except Unreachable as error:
            print(error)
if sys.platform == "linux":  # ru_maxrss counts the memory of the process that started this one, too
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak memory is read as Linux counts it")
def test_decompression_of_a_megabyte_needs_limited_memory() -> None:
    done = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=True)
    *errors, peak_mib = done.stdout.splitlines()
    assert len(errors) == 2
    assert int(peak_mib) < 450  # 1.2 GB when unpacked whole


@both
def test_endless_response_is_an_error(send: Callable[[str, float], Any]) -> None:
    sent = 0

    def endless(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(MIB))
            sent += MIB

    with raw_server(endless) as url, pytest.raises(Unreachable, match="larger than 128 MiB"):
        send(url, 20)
    assert sent < 2 * MAX_BODY_BYTES


@both
def test_only_the_start_of_an_error_response_is_read(send: Callable[[str, float], Any]) -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 422 No\r\n\r\ntoo long a title")
        while True:
            connection.sendall(b" " * MIB)

    with raw_server(endless) as url, pytest.raises(Invalid) as caught:
        send(url, 20)
    assert caught.value.words == "too long a title"


def drip_a_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        threading.Event().wait(0.02)


def drip_a_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        threading.Event().wait(0.02)


@both
@pytest.mark.parametrize("drip", [drip_a_body, drip_a_head])
def test_response_that_arrives_byte_by_byte_has_a_timeout(drip: Serve, send: Callable[[str, float], Any]) -> None:
    with raw_server(drip) as url, pytest.raises(Unreachable, match=r"not complete after 0\.4 s"):
        send(url, 0.1)


def test_name_resolution_without_result_has_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(60))
    try:
        with pytest.raises(Unreachable, match=r"not complete after 0\.4 s"):
            send_sync("http://atlas.example.com", 0.1)
    finally:
        released.set()


def test_error_in_the_thread_is_raised_unchanged() -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("a bug")

    with (
        AtlasClient("http://x", "t0ken", transport=httpx.MockTransport(fail)) as atlas,
        pytest.raises(RuntimeError, match="a bug"),
    ):
        atlas.send(RUN)


# ── the body alone ───────────────────────────────────────────────────────────────────────────────────────────────────


def collect(data: bytes, encoding: str, *, status: int = 200, step: int = 1000) -> bytes:
    body = Body(status, encoding)
    for start in range(0, len(data), step):
        body.feed(data[start : start + step])
    return body.content()


@pytest.mark.parametrize("step", [1, 7, 10_000_000])
def test_gzip_is_decoded_in_pieces_of_any_size(step: int) -> None:
    text = b"0123456789" * 30_000
    assert collect(gzip.compress(text) + gzip.compress(b"end"), "GZip", step=step) == text + b"end"


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_unsupported_encoding_is_an_error_with_its_name(encoding: str) -> None:
    with pytest.raises(httpx.DecodingError, match=repr(encoding)):
        collect(b"x", encoding)


def test_incomplete_gzip_is_an_error() -> None:
    with pytest.raises(httpx.DecodingError, match="ends in the middle"):
        collect(gzip.compress(b"text" * 1000)[:-9], "gzip")


def test_too_many_gzip_members_are_an_error() -> None:
    with pytest.raises(httpx.DecodingError, match="more than 16 gzip members"):
        collect(gzip.compress(b"") * 1000, "gzip")


def test_body_of_an_error_is_cut() -> None:
    assert len(collect(zeros(8 * MIB), "gzip", status=500)) == MAX_ERROR_BYTES


def test_size_limit_includes_gzip_that_decompresses_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_BODY_BYTES", 1000)
    empty_block = b"\x00\x00\x00\xff\xff"  # of deflate, stored
    head = gzip.compress(b"")[:10]
    with pytest.raises(httpx.DecodingError, match="larger than"):
        collect(head + empty_block * 300, "gzip")


def test_large_gzip_is_decompressed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "MAX_BODY_BYTES", MIB)
    bomb = zeros(128 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(httpx.DecodingError, match="larger than"):
            body.Body(200, "gzip").feed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
