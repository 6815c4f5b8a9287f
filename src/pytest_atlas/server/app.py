"""The 18 routes of the API, generated from the table of operations, for every object with `send`."""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pytest_atlas.atlas.address import API
from pytest_atlas.atlas.errors import AtlasError, ErrorResponse
from pytest_atlas.atlas.operations import Operation, operations
from pytest_atlas.atlas.protocols import SyncAtlas

from .guard import Guard
from .reading import UnreadableError, read_operation

MOST_BYTES = 16 * 2**20
"""The largest body of a request. No text of the API is nearly as large."""


def app(atlas: SyncAtlas, token: str | None) -> Starlette:
    """The application. With a token, requests must bear it; without one, they must come to a name of this machine.

    Bad input is answered with 4xx and FastAPI's `{"detail": …}`; what `atlas` refuses, with its status and words.
    `atlas` is used in several threads.
    """
    in_table_order = groupby(sorted(operations(), key=_route_key), key=lambda kind: kind.path)
    made = Starlette(
        routes=[_route(atlas, path, kinds) for path, kinds in in_table_order],
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={
            UnreadableError: _unreadable,
            AtlasError: _refused,
            ClientDisconnect: _gone,
            HTTPException: _http_error,
        },
    )
    made.router.redirect_slashes = False  # a redirected POST would lose its body
    return made


def _route_key(kind: type[Operation[Any]]) -> tuple[int, str]:
    # A path without ids comes before one that has an id in that place (/test-runs/search, /test-runs/{run_id}).
    return len(kind.path_fields()), kind.path


def _route(atlas: SyncAtlas, path: str, kinds: Iterable[type[Operation[Any]]]) -> Route:
    """One path with all its methods, so that 405 can name them."""
    by_method = {kind.method: kind for kind in kinds}

    async def answer(request: Request) -> Response:
        kind = by_method["GET" if request.method == "HEAD" else request.method]
        content_type = request.headers.get("content-type", "")
        query = request.query_params.multi_items()
        op = read_operation(kind, request.path_params, query, content_type, await _body(request))
        return await run_in_threadpool(_answer, atlas, op)

    return Route(API + path, answer, methods=list(by_method))


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"The body is larger than {MOST_BYTES} bytes")
    return bytes(body)


def _answer(atlas: SyncAtlas, op: Operation[Any]) -> Response:
    answer = atlas.send(op)
    if answer is None:
        return Response(status_code=204)
    return Response(answer.model_dump_json(), 201 if op.creates else 200, media_type="application/json")


async def _unreadable(_: Request, error: Exception) -> Response:
    assert isinstance(error, UnreadableError)
    return JSONResponse({"detail": error.problems}, 422)


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, ErrorResponse):  # the Atlas of this server can't be reached, or its response is invalid
        return JSONResponse({"detail": str(error)}, 502)
    headers = {} if error.retry_after_s is None else {"Retry-After": f"{error.retry_after_s:.0f}"}
    return JSONResponse(_as_body(error.words), error.status, headers)


def _as_body(words: str) -> Any:
    """Return the body of an error. The text of a LocalAtlas is a complete body; the text of another Atlas may be cut."""
    try:
        body = json.loads(words)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"detail": words}


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # the client has disconnected
