"""Parse an HTTP request into an operation, or into errors in FastAPI's format. Pure: independent of the server.

Strict, as the API document permits: unlisted fields and query parameters are rejected. Null means an omitted field, because
the document does not define it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import from_json

from pytest_atlas.atlas.operations import Operation

Problems = list[dict[str, Any]]
"""The items of FastAPI's `detail`: location (`loc`), message (`msg`) and kind (`type`)."""


class UnreadableError(Exception):
    """A request that the document does not describe. The response is 422."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__(problems)


def read_operation(
    kind: type[Operation[Any]], path: Mapping[str, str], query: Sequence[tuple[str, str]], content_type: str, body: bytes
) -> Operation[Any]:
    """Parse a request for the operation `kind`. Raises UnreadableError."""
    if kind.method == "GET":
        place, given = "query", _read_query(kind, query)
    elif kind.method == "DELETE":
        place, given = "body", {}
    else:
        place, given = "body", _read_body(content_type, body)
    unknown = [name for name in given if name not in kind.other_fields()]
    if unknown:
        raise UnreadableError([_problem("extra_forbidden", "Extra inputs are not permitted", place, name) for name in unknown])
    try:
        return kind.model_validate({**given, **path})
    except ValidationError as error:
        raise UnreadableError(_problems(error, place, path)) from error


def _problem(kind: str, message: str, *place: str | int) -> dict[str, Any]:
    return {"loc": list(place), "msg": message, "type": kind}


def _problems(error: ValidationError, place: str, path: Mapping[str, str]) -> Problems:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [_problem(e["type"], e["msg"], *_place(e["loc"], place, path)) for e in found]


def _place(loc: tuple[str | int, ...], place: str, path: Mapping[str, str]) -> tuple[str | int, ...]:
    return ("path" if loc and loc[0] in path else place, *loc)


def _read_query(kind: type[Operation[Any]], query: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the query parameters. Only list parameters may be repeated; for the others, the last value counts."""
    given: dict[str, Any] = {}
    for name, value in query:
        if _is_list(kind, name):
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    return given


def _is_list(kind: type[Operation[Any]], name: str) -> bool:
    field = kind.model_fields.get(name)
    return field is not None and any(get_origin(option) is tuple for option in get_args(field.annotation))


def _read_body(content_type: str, body: bytes) -> dict[str, Any]:
    # A page of another site can send every other content type without a preflight request (CORS).
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnreadableError([_problem("content_type", "Content-Type should be application/json", "header", "content-type")])
    try:
        given = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise UnreadableError([_problem("json_invalid", f"JSON decode error: {error}", "body")]) from error
    if not isinstance(given, dict):
        raise UnreadableError([_problem("dict_type", "Input should be a valid dictionary", "body")])
    return given
