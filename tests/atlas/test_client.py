"""Both clients with httpx: requests, responses, errors, and the secrecy of the token."""

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import respx
from pydantic import SecretStr
from tests.atlas.document import ENDPOINTS, Endpoint

from pytest_atlas import __version__
from pytest_atlas.atlas import (
    AsyncAtlasClient,
    AtlasClient,
    AtlasError,
    BadAnswer,
    Closed,
    CreateStep,
    GetRun,
    Operation,
    Unavailable,
    Unreachable,
)

ORIGIN = "https://atlas.example.com"
TOKEN = "t0ken-nobody-may-see"
Send = Callable[[Operation[Any]], Any]


def send_sync(operation: Operation[Any]) -> Any:
    with AtlasClient(ORIGIN, TOKEN) as atlas:
        return atlas.send(operation)


def send_async(operation: Operation[Any]) -> Any:
    async def main() -> Any:
        # respx supports the transport of httpx; test_transport.py tests DirectTransport with real servers
        async with AsyncAtlasClient(ORIGIN, TOKEN, transport=httpx.AsyncHTTPTransport()) as atlas:
            return await atlas.send(operation)

    return asyncio.run(main())


both = pytest.mark.parametrize("send", [send_sync, send_async], ids=["sync", "async"])
STEP = CreateStep(run_id=uuid4(), card_id=uuid4(), title="Apply 13V to input rail")
STEPS_URL = f"{ORIGIN}/api/v1{STEP.url_path()}"


@both
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.name)
def test_every_operation_is_sent_and_read_as_in_the_api_document(endpoint: Endpoint, send: Send) -> None:
    example = endpoint.answer()
    reply = httpx.Response(204) if example is None else httpx.Response(200, json=example)
    with respx.mock:
        route = respx.request(endpoint.method, f"{ORIGIN}/api/v1{endpoint.url}").mock(reply)
        answer = send(endpoint.example())
    request = route.calls.last.request
    assert str(request.url) == f"{ORIGIN}/api/v1{endpoint.url}"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["user-agent"] == f"pytest-atlas/{__version__}"
    if endpoint.example_body is None:
        assert request.content == b""
    else:
        assert json.loads(request.content) == endpoint.example_body
        assert request.headers["content-type"] == "application/json"
    assert answer == (None if example is None else endpoint.operation.answer.model_validate(example))


@both
@respx.mock
def test_redirect_is_not_followed_and_the_token_is_not_sent_elsewhere(send: Send) -> None:
    respx.post(STEPS_URL).mock(httpx.Response(302, headers={"Location": "https://elsewhere.example.com/login"}))
    elsewhere = respx.route(host="elsewhere.example.com").mock(httpx.Response(200, json={"uuid": "u"}))
    with pytest.raises(BadAnswer, match=r"https://elsewhere\.example\.com/login"):
        send(STEP)
    assert not elsewhere.called


@both
@respx.mock
def test_retry_after_is_an_attribute_of_the_error(send: Send) -> None:
    respx.post(STEPS_URL).mock(httpx.Response(429, headers={"Retry-After": "17"}, text="slow down"))
    with pytest.raises(Unavailable, match="slow down") as caught:
        send(STEP)
    assert caught.value.retry_after_s == 17.0


FAILURES: list[tuple[type[httpx.HTTPError], bool]] = [
    (httpx.ConnectError, False),
    (httpx.ConnectTimeout, False),
    (httpx.PoolTimeout, False),
    (httpx.ProxyError, False),
    (httpx.UnsupportedProtocol, False),
    (httpx.ReadTimeout, True),
    (httpx.ReadError, True),
    (httpx.WriteTimeout, True),
    (httpx.WriteError, True),
    (httpx.CloseError, True),
    (httpx.RemoteProtocolError, True),
    (httpx.LocalProtocolError, True),
    (httpx.DecodingError, True),
]


@both
@pytest.mark.parametrize(("error", "in_doubt"), FAILURES, ids=[row[0].__name__ for row in FAILURES])
@respx.mock
def test_missing_response_is_an_error_with_the_cause_and_in_doubt(
    send: Send, error: type[httpx.HTTPError], in_doubt: bool
) -> None:
    respx.post(STEPS_URL).mock(side_effect=error("the cable is cut"))
    with pytest.raises(Unreachable) as caught:
        send(STEP)
    assert caught.value.in_doubt is in_doubt
    for part in (str(STEP), error.__name__, "the cable is cut", "Check ATLAS_URL and the network"):
        assert part in str(caught.value)
    assert isinstance(caught.value.__cause__, error)


def test_every_error_of_httpx_is_translated() -> None:
    known = {kind for kind, _ in FAILURES} | {httpx.TooManyRedirects}  # none is followed
    leaves = [kind for kind in _below(httpx.RequestError) if not kind.__subclasses__()]
    assert set(leaves) <= known


def _below(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(leaf for sub in kind.__subclasses__() for leaf in _below(sub))]


def all_frames(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def raises_before_sending(request: httpx.Request) -> httpx.Response:
    headers = list(request.headers.raw)  # httpcore and h11 have such local variables when a connection fails
    raise httpx.WriteError(f"broken after {len(headers)} headers")


def test_no_frame_of_a_traceback_shows_the_token() -> None:
    atlas = AtlasClient(ORIGIN, SecretStr(TOKEN), transport=httpx.MockTransport(raises_before_sending))
    with pytest.raises(Unreachable) as caught:
        atlas.send(STEP)
    assert "the connection failed" in str(caught.value)
    shown = all_frames(caught.value)
    assert "WriteError" in shown
    assert TOKEN not in shown
    assert TOKEN not in "".join(map(repr, (atlas, vars(atlas), caught.value, caught.value.__cause__)))


@pytest.mark.parametrize("client", [AtlasClient, AsyncAtlasClient])
def test_invalid_url_or_token_is_an_error_without_the_token(client: type[AtlasClient | AsyncAtlasClient]) -> None:
    for url, token in ((" nowhere", TOKEN), (ORIGIN, TOKEN + "\nx")):
        with pytest.raises(ValueError, match=r"ATLAS_URL|token") as caught:
            client(url, token)
        frames = caught.value.__traceback__
        assert frames
        assert TOKEN not in all_frames(caught.value.with_traceback(frames.tb_next))  # the frame of this test has the token


def test_repr_has_the_url_and_not_the_token() -> None:
    assert repr(AtlasClient(ORIGIN + "/", TOKEN)) == "<AtlasClient https://atlas.example.com/api/v1>"
    assert repr(AsyncAtlasClient(ORIGIN, TOKEN)) == "<AsyncAtlasClient https://atlas.example.com/api/v1>"


@pytest.mark.parametrize("client", [AtlasClient, AsyncAtlasClient])
@pytest.mark.parametrize(("name", "value"), [("HTTPS_PROXY", "nonsense://proxy:1"), ("SSL_CERT_FILE", "/no/such/ca.pem")])
def test_invalid_proxy_or_certificate_in_the_environment_is_an_error_with_the_variable(
    client: type[AtlasClient | AsyncAtlasClient], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"Correct or unset .*{name}"):
        client(ORIGIN, TOKEN)


def test_response_type_depends_on_the_operation() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"uuid": "u", "test_run_id": "TR-0042"}))
    with AtlasClient(ORIGIN, TOKEN, transport=transport) as atlas:
        assert atlas.send(GetRun(run_id=uuid4())).test_run_id == "TR-0042"  # mypy knows that it is a Run
    with pytest.raises(Closed, match="closed"):
        atlas.send(GetRun(run_id=uuid4()))


def test_closed_client_raises_our_error() -> None:
    operation = GetRun(run_id=uuid4())
    client = AtlasClient(ORIGIN, TOKEN)
    client.close()
    client.close()
    with pytest.raises(Closed, match=rf"{operation}: the client of {ORIGIN}/api/v1 is closed") as caught:
        client.send(operation)
    assert not caught.value.in_doubt


@pytest.mark.parametrize("transport", [None, httpx.MockTransport(lambda _: httpx.Response(500))])
def test_closed_asynchronous_client_raises_our_error(transport: httpx.MockTransport | None) -> None:
    async def send() -> None:
        async with AsyncAtlasClient(ORIGIN, TOKEN, transport=transport) as client:
            pass
        await client.send(GetRun(run_id=uuid4()))

    with pytest.raises(Closed, match="is closed"):
        asyncio.run(send())


def test_errors_have_one_base_class() -> None:
    for kind in (Unreachable, BadAnswer, Unavailable):
        assert issubclass(kind, AtlasError)
