"""The errors of the Atlas API, as one small tree. The caller decides how to handle each.

    AtlasError
    ├── Closed              the client or local Atlas is closed
    ├── RunNotFound         find_run() found no run, or several
    ├── Unreachable         no response: connection refused, reset, timed out
    ├── BadAnswer           a response that the API document does not describe: HTML, empty, other JSON, a redirect
    └── ErrorResponse             a response with an error status: `status`, `words`
        ├── Unauthorized    401, 403
        ├── NotFound        404
        ├── Unavailable     408, 425, 429, 5xx: retry, after `retry_after_s` if the server gives it
        └── Invalid         any other 4xx: a retry would fail again

No error and no `repr` of an error contains the token. Imports the standard library only.
"""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .operations import Operation

EXCERPT = 300
"""Maximum number of characters of a response in an error."""


def excerpt(text: str) -> str:
    """Return the start of a response body on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


class AtlasError(Exception):
    """The base class of all errors of `send`, with the operation that failed."""

    remedy: ClassVar[str] = ""
    in_doubt: bool = False
    """Whether the operation may have had an effect, or still can: never repeat such a create without reading the run."""

    def __init__(self, operation: "Operation[Any]", what: str) -> None:
        self.operation = operation
        self.what = what
        super().__init__(f"{operation}: {what}" + (f". {self.remedy}" if self.remedy else ""))


class Closed(AtlasError):  # noqa: N818  # named after the problem, like all errors here
    """The client or the local Atlas is closed. Nothing was sent."""

    remedy = "Open a new one, or send before it is closed"


class RunNotFound(AtlasError):  # noqa: N818  # named after the problem, like all errors here
    """No run has the given reference, or several have it. `operation` is the one that listed the runs."""


class DownloadError(Exception):
    """A data file can't be downloaded. The message names the file, the cause and the remedy."""


class Unreachable(AtlasError):  # noqa: N818  # named after the problem, like all errors here
    """There is no response. `in_doubt` is true if the server may have received the request."""

    remedy = "Check ATLAS_URL and the network"

    def __init__(self, operation: "Operation[Any]", what: str, *, in_doubt: bool) -> None:
        self.in_doubt = in_doubt
        super().__init__(operation, what)


class BadAnswer(AtlasError):  # noqa: N818  # named after the problem, like all errors here
    """The API document does not describe the response; `words` is its start."""

    remedy = "Check that ATLAS_URL is the URL of an Atlas"

    @property
    def in_doubt(self) -> bool:  # type: ignore[override]
        """False for redirects that have no effect; a 303 and all other responses may have had one."""
        return self.status not in (301, 302, 307, 308)

    def __init__(self, operation: "Operation[Any]", status: int, what: str, words: str = "") -> None:
        self.status = status
        self.words = excerpt(words)
        super().__init__(operation, f"{what} (status {status}): {self.words!r}" if words else f"{what} (status {status})")


class ErrorResponse(AtlasError):  # noqa: N818  # named after the problem, like all errors here
    """A response with an error status. `words` is its body, which the API document does not describe, shortened to a line."""

    def __init__(self, operation: "Operation[Any]", status: int, words: str, retry_after_s: float | None = None) -> None:
        self.status = status
        self.words = excerpt(words)
        self.retry_after_s = retry_after_s
        super().__init__(operation, f"status {status}: {self.words or 'no reason given'}")


class Unauthorized(ErrorResponse):
    """401 or 403."""

    remedy = "Check ATLAS_TOKEN and its rights"


class NotFound(ErrorResponse):
    """404: the run, card, step, file or report does not exist."""


class Invalid(ErrorResponse):
    """Any other 4xx: the same request would be rejected again."""


class Unavailable(ErrorResponse):
    """408, 425, 429 or 5xx: the Atlas is temporarily unavailable."""

    @property
    def in_doubt(self) -> bool:  # type: ignore[override]
        """False for 425 and 429, which have no effect. A gateway can send 408 or 5xx after the server has processed it."""
        return self.status not in (425, 429)


_BY_STATUS: dict[int, type[ErrorResponse]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    408: Unavailable,
    425: Unavailable,
    429: Unavailable,
}


def error_response(operation: "Operation[Any]", status: int, words: str, retry_after_s: float | None = None) -> ErrorResponse:
    """Return the error for a response with status 4xx or 5xx."""
    kind = Unavailable if status >= 500 else _BY_STATUS.get(status, Invalid)
    return kind(operation, status, words, retry_after_s)
