"""DirectTransport with real sockets and real TLS."""

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import trustme
from tests.atlas.scripted_server import HANG_UP, Server, answer, serving

from pytest_atlas.atlas import AsyncAtlasClient, AtlasClient, BadAnswer, CreateStep, Invalid, Step, Unreachable
from pytest_atlas.atlas.transport import DirectTransport, is_proxied

STEP = CreateStep(run_id=uuid4(), card_id=uuid4(), title="Apply 13V to input rail")
GOOD = answer(b'{"uuid": "u"}')


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def with_server(
    use: Callable[[AsyncAtlasClient, Server], Awaitable[Any]], *answers: bytes | None, timeout_s: float = 20, **options: Any
) -> Server:
    """Run `use` with a client of a server that gives `answers`."""

    async def main() -> Server:
        async with serving(*answers, **options) as server:
            async with AsyncAtlasClient(f"http://127.0.0.1:{server.port}", "t0ken", timeout_s=timeout_s) as atlas:
                await use(atlas, server)
            return server

    return asyncio.run(main())


async def send_one(atlas: AsyncAtlasClient, _: Server) -> Step:
    return await atlas.send(STEP)


async def send_two(atlas: AsyncAtlasClient, _: Server) -> None:
    await atlas.send(STEP)
    await atlas.send(STEP)


def test_request_is_sent_completely() -> None:
    [(_, request)] = with_server(send_one, GOOD).requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST /api/v1{STEP.url_path()} HTTP/1.1"
    assert "Authorization: Bearer t0ken" in lines
    assert body == b'{"title":"Apply 13V to input rail"}'


def test_sequential_requests_share_a_connection() -> None:
    assert with_server(send_two, GOOD).connections == 1


def test_concurrent_requests_have_separate_connections_that_are_reused() -> None:
    async def use(atlas: AsyncAtlasClient, _: Server) -> None:
        for _round in range(3):
            await asyncio.gather(*(atlas.send(STEP) for _ in range(5)))

    server = with_server(use, GOOD)
    assert (server.connections, len(server.requests)) == (5, 15)


ANSWERS = {
    "in chunks": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"uuid":\r\n4\r\n"u"}\r\n0\r\n\r\n',
    "behind a 100 and a 103": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + GOOD,
    "compressed": answer(gzip.compress(b'{"uuid": "u"}'), "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("reply", ANSWERS.values(), ids=ANSWERS)
def test_response_is_read_in_every_form_and_the_connection_is_reused(reply: bytes) -> None:
    async def use(atlas: AsyncAtlasClient, _: Server) -> None:
        assert (await atlas.send(STEP)).uuid == "u"
        assert (await atlas.send(STEP)).uuid == "u"

    assert with_server(use, reply).connections == 1


@pytest.mark.parametrize("reply", [b'HTTP/1.1 200 OK\r\n\r\n{"uuid": "u"}', answer(b'{"uuid": "u"}', "Connection: close")])
def test_connection_that_ends_with_its_response_is_not_reused(reply: bytes) -> None:
    assert with_server(send_two, reply, hang_up_after=True).connections == 2


def test_connection_that_the_server_closed_is_replaced_without_an_error() -> None:
    async def use(atlas: AsyncAtlasClient, server: Server) -> None:
        for _ in range(20):
            await atlas.send(STEP)
            for writer in list(server.open):
                # the client's kernel knows at once, its asyncio has had no chance to
                writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    server = with_server(use, GOOD)
    assert (server.connections, len(server.requests)) == (20, 20)


def test_connection_that_was_idle_for_too_long_is_not_reused() -> None:
    async def main() -> int:
        async with serving(GOOD) as server, httpx.AsyncClient(transport=DirectTransport(keepalive_s=0)) as http:
            for _ in range(3):
                await http.get(f"http://127.0.0.1:{server.port}/")
            return server.connections

    assert asyncio.run(main()) == 3


BROKEN: dict[str, tuple[bytes | None, type[httpx.HTTPError]]] = {
    "no answer": (HANG_UP, httpx.RemoteProtocolError),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", httpx.RemoteProtocolError),
    "half a body": (b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"uuid"', httpx.RemoteProtocolError),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", httpx.RemoteProtocolError),
    "another protocol": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        httpx.RemoteProtocolError,
    ),
    "headers without end": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, httpx.RemoteProtocolError),
    "no gzip": (answer(b"plain", "Content-Encoding: gzip"), httpx.DecodingError),
}


@pytest.mark.parametrize(("reply", "error"), BROKEN.values(), ids=BROKEN)
def test_broken_response_is_an_error_in_doubt(reply: bytes, error: type[httpx.HTTPError]) -> None:
    async def use(atlas: AsyncAtlasClient, _: Server) -> None:
        with pytest.raises(Unreachable) as caught:
            await atlas.send(STEP)
        assert caught.value.in_doubt
        assert type(caught.value.__cause__) is error

    with_server(use, reply, hang_up_after=True)


def test_closed_connection_without_a_response_is_named() -> None:
    async def use(atlas: AsyncAtlasClient, _: Server) -> None:
        with pytest.raises(Unreachable, match="the server closed the connection without a response"):
            await atlas.send(STEP)

    with_server(use, HANG_UP)


def test_timeout_is_an_error_in_doubt_and_closes_the_connection() -> None:
    async def use(atlas: AsyncAtlasClient, server: Server) -> None:
        with pytest.raises(Unreachable, match=r"no response before the timeout \(ReadTimeout: more than 0\.2 s\)") as caught:
            await atlas.send(STEP)
        assert caught.value.in_doubt
        await server.closed.wait()

    with_server(use, None, timeout_s=0.2)


def test_cancelled_request_closes_its_connection() -> None:
    async def use(atlas: AsyncAtlasClient, server: Server) -> None:
        under_way = asyncio.ensure_future(atlas.send(STEP))
        await server.asked.wait()
        under_way.cancel()
        await server.closed.wait()
        assert (await atlas.send(STEP)).uuid == "u"

    assert with_server(use, None, GOOD).connections == 2


def test_refused_connection_is_not_in_doubt() -> None:
    async def main() -> None:
        async with serving(GOOD) as server:
            port = server.port  # free again when the server is gone
        async with AsyncAtlasClient(f"http://127.0.0.1:{port}", "t0ken") as atlas:
            with pytest.raises(Unreachable, match="can't connect") as caught:
                await atlas.send(STEP)
        assert not caught.value.in_doubt

    asyncio.run(main())


def test_response_before_the_end_of_the_request_is_read() -> None:
    async def main() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(b"too much", "Connection: close", status="413 Content Too Large"))
                writer.write_eof()
                await reader.read()  # to its end: closing with unread bytes is a reset, which may overtake the answer
            finally:
                writer.transport.abort()

        listener = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with listener, AsyncAtlasClient(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", "t0ken") as atlas:
            with pytest.raises(Invalid, match="413: too much"):
                await atlas.send(STEP.model_copy(update={"description": "x" * 3_000_000}))

    asyncio.run(main())


def test_redirect_is_not_followed() -> None:
    async def use(atlas: AsyncAtlasClient, server: Server) -> None:
        with pytest.raises(BadAnswer, match="redirect to '/elsewhere'"):
            await atlas.send(STEP)
        assert len(server.requests) == 1

    with_server(use, answer(b"", "Location: /elsewhere", status="302 Found"), GOOD)


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tls_server(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", True), ("127.0.0.1", False), ("other.example.com", True)])
def test_only_certificates_of_the_authority_in_ssl_cert_file_are_trusted(
    name: str, trusted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    if trusted:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def main() -> None:
        async with serving(GOOD, tls=tls_server(authority, name)) as server:  # noqa: SIM117  # the client needs its port
            async with AsyncAtlasClient(f"https://127.0.0.1:{server.port}", "t0ken") as atlas:
                if trusted and name == "127.0.0.1":
                    await send_two(atlas, server)
                    assert server.connections == 1
                else:
                    with pytest.raises(Unreachable, match="certificate is not trusted: set SSL_CERT_FILE") as caught:
                        await atlas.send(STEP)
                    assert not caught.value.in_doubt
                    assert not server.requests

    asyncio.run(main())


async def ask_as(client: type[AtlasClient | AsyncAtlasClient], url: str) -> None:
    atlas = client(url, "t0ken")
    if isinstance(atlas, AtlasClient):
        with atlas:
            await asyncio.to_thread(atlas.send, STEP)
    else:
        async with atlas:
            await atlas.send(STEP)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the files of SSL_CERT_DIR are named by openssl's hash")
@pytest.mark.parametrize("client", [AtlasClient, AsyncAtlasClient])
def test_certificates_in_ssl_cert_dir_are_trusted(
    client: type[AtlasClient | AsyncAtlasClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    named = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", tmp_path / "ca.pem"], capture_output=True, check=True)
    (tmp_path / "ca.pem").rename(tmp_path / f"{named.stdout.decode().strip()}.0")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    async def main() -> None:
        async with serving(GOOD, tls=tls_server(authority, "127.0.0.1")) as server:
            await ask_as(client, f"https://127.0.0.1:{server.port}")
            assert len(server.requests) == 1

    asyncio.run(main())


@pytest.mark.parametrize("client", [AtlasClient, AsyncAtlasClient])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_no_redirect_takes_the_token_to_another_host(client: type[AtlasClient | AsyncAtlasClient], status: str) -> None:
    async def main() -> None:
        async with serving(GOOD) as other:
            away = f"Location: http://localhost:{other.port}/api/v1/test-runs"
            async with serving(answer(b"", away, status=status)) as server:
                with pytest.raises(BadAnswer, match=r"a redirect to 'http://localhost.*which is not followed"):
                    await ask_as(client, f"http://127.0.0.1:{server.port}")
            assert other.connections == 0

    asyncio.run(main())


# ── Proxies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("client", [AtlasClient, AsyncAtlasClient])
def test_proxy_in_the_environment_is_used(
    client: type[AtlasClient | AsyncAtlasClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with serving(GOOD) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            atlas = client("http://atlas.invalid", "t0ken")
            if isinstance(atlas, AtlasClient):
                await asyncio.to_thread(atlas.send, STEP)
                atlas.close()
            else:
                await atlas.send(STEP)
                await atlas.aclose()
            [(_, request)] = proxy.requests
            assert request.startswith(f"POST http://atlas.invalid/api/v1{STEP.url_path()} HTTP/1.1\r\n".encode())

    asyncio.run(main())


ENVIRONMENTS: dict[str, tuple[dict[str, str], bool]] = {
    "none": ({}, False),
    "for https": ({"HTTPS_PROXY": "http://proxy:3128"}, True),
    "for all": ({"ALL_PROXY": "http://proxy:3128"}, True),
    "for http only": ({"HTTP_PROXY": "http://proxy:3128"}, False),
    "but not for this host": ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "localhost,.example.com"}, False),
    "but not for another host": ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org"}, True),
    "for nothing": ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, False),
}


@pytest.mark.parametrize(("environment", "proxied"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_proxy_is_read_from_the_environment(
    environment: dict[str, str], proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_proxied("https://atlas.example.com/api/v1") is proxied
