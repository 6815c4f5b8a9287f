"""An operation as an HTTP request, an HTTP response as the operation's answer or error. Pure: no network, no httpx."""

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
    """What an operation asks of a server."""

    method: str
    target: str
    """Path and query, below /api/v1."""
    body: bytes | None
    """JSON; None where the operation has none (GET, DELETE)."""


def request_of(operation: Operation[Any]) -> HttpRequest:
    """Write `operation` as a request. Lists in a query are repeated parameters, booleans are true and false."""
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
    """Read a server's response as the answer of `operation`.

    `headers` is looked up in lower case. `secret` is hidden where the server repeats it; `now` is the time that a
    `Retry-After` date is compared with (default: the clock). Raises ErrorResponse for 4xx and 5xx, BadAnswer for what the
    document does not describe: any status but 2xx, and, where the operation has an answer, any body but its JSON.
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
        return None  # type: ignore[return-value]  # R is None then; a body, if there is one, is nothing the document knows
    if not content.strip():
        raise BadAnswer(operation, status, "an empty answer")
    try:
        answer: R = operation.answer.model_validate_json(content)
    except ValidationError as error:
        raise BadAnswer(operation, status, _complaint(error), _words(content, secret)) from None
    return answer


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return "an answer that is no JSON"
    where = ".".join(map(str, first["loc"])) or "the whole"
    return f"JSON of another shape, {where}: {first['msg']}"


def _words(content: bytes, secret: str) -> str:
    return _hide(content.decode("utf-8", "replace"), secret)


def _hide(text: str, secret: str) -> str:
    """`text` without the secret, also as a URL escapes it."""
    return text.replace(secret, "***").replace(quote(secret, safe=""), "***") if secret else text


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """How long a `Retry-After` header asks to wait: seconds or an HTTP date, never below 0; None where it says neither."""
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
    except (ValueError, OverflowError, TypeError, IndexError):  # what the standard library's parser raises for nonsense
        return math.nan
