"""Conversion of operations to HTTP requests, and of HTTP responses to models or errors. Pure: no network, no httpx."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from .errors import BadAnswer, error_response
from .operations import Operation

R = TypeVar("R")


class HttpRequest(NamedTuple):
    """The HTTP request of an operation."""

    method: str
    target: str
    """Path and query, below /api/v1."""
    body: bytes | None
    """JSON; None for GET and DELETE."""


def request_of(operation: Operation[Any]) -> HttpRequest:
    """Return the request of `operation`. In a query, lists are repeated parameters, and booleans are `true` and `false`."""
    path = operation.url_path()
    if operation.method == "GET":
        return HttpRequest("GET", path + _query(operation.payload()), None)
    if operation.method == "DELETE":
        return HttpRequest("DELETE", path, None)
    return HttpRequest(operation.method, path, operation.body())


def _query(payload: Mapping[str, Any]) -> str:
    if not payload:
        return ""
    values = {name: [_text(v) for v in (value if isinstance(value, list) else [value])] for name, value in payload.items()}
    return "?" + urlencode(values, doseq=True)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def answer_of(
    operation: Operation[R],
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    *,
    secret: str = "",
    now: datetime | None = None,
) -> R:
    """Parse the response to `operation`.

    The names in `headers` are in lower case. `secret` is replaced by `***` in errors. `now` is compared with a date in
    `Retry-After` (default: the current time). Raises ErrorResponse for 4xx and 5xx, and BadAnswer if the API document does not
    describe the response: another status than 2xx, or a body that doesn't match the model of the operation.
    """
    if 200 <= status < 300:
        return _read(operation, status, content, secret)
    words = _words(content, secret)
    if status >= 400:
        raise error_response(operation, status, words, retry_after_s(headers.get("retry-after"), now or datetime.now(UTC)))
    place = _hide(headers.get("location", ""), secret)
    raise BadAnswer(
        operation, status, f"a redirect to {place!r}, which is not followed" if place else "an unknown status", words
    )


def _read(operation: Operation[R], status: int, content: bytes, secret: str) -> R:
    if operation.answer is None:
        return None  # type: ignore[return-value]  # R is None; a body is undocumented and ignored
    if not content.strip():
        raise BadAnswer(operation, status, "an empty response")
    try:
        answer: R = operation.answer.model_validate_json(content)
    except ValidationError as error:
        raise BadAnswer(operation, status, _complaint(error), _words(content, secret)) from None
    return answer


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "a response that is not JSON"
    where = ".".join(map(str, first["loc"])) or "top level"
    return f"unexpected JSON, {where}: {first['msg']}"


def _words(content: bytes, secret: str) -> str:
    return _hide(content.decode("utf-8", "replace"), secret)


def _hide(text: str, secret: str) -> str:
    """Replace the secret in `text`, also in its URL-encoded form."""
    return text.replace(secret, "***").replace(quote(secret, safe=""), "***") if secret else text


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the delay of a `Retry-After` header (seconds or an HTTP date) in seconds, at least 0; None if invalid."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(date)
        return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError, TypeError, IndexError):  # raised by the parser for invalid dates
        return math.nan
