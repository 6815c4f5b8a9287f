"""What can go wrong between here and an Atlas, as one small tree; what follows from each is the caller's decision.

    AtlasError
    ├── Closed              the Atlas object was closed before the call
    ├── RunNotFound         find_run() found no run, or several
    ├── Unreachable         no answer came: refused, reset, timed out
    ├── BadAnswer           an answer that the document does not describe: HTML, empty, another shape, a redirect
    └── ErrorResponse             the Atlas answered and said no: `status`, `words`
        ├── Unauthorized    401, 403
        ├── NotFound        404
        ├── Unavailable     408, 425, 429, 5xx: try again, after `retry_after_s` where the server gave one
        └── Invalid         any other 4xx: this request will never be accepted

None of them, nor their `repr`, ever holds the token. Imports nothing heavy, so that anybody may catch them.
"""

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .operations import Operation

EXCERPT = 300
"""Most characters of a server's answer that an error shows."""


def excerpt(text: str) -> str:
    """The start of what a server sent, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


class AtlasError(Exception):
    """Something went wrong with `operation`. Catch this to catch all."""

    remedy: ClassVar[str] = ""
    in_doubt: bool = False
    """Whether the operation may have taken effect, or still may: a create in doubt is never blindly sent again."""

    def __init__(self, operation: "Operation[Any]", what: str) -> None:
        self.operation = operation
        self.what = what
        super().__init__(f"{operation}: {what}" + (f". {self.remedy}" if self.remedy else ""))


class Closed(AtlasError):  # noqa: N818  # as all others here, named after the problem
    """The client or the local Atlas is closed. Nothing was sent."""

    remedy = "Open a new one, or send before it is closed"


class RunNotFound(AtlasError):  # noqa: N818  # as all others here, named after the problem
    """No run has the given reference, or several have it. `operation` is the one that listed the runs."""


class DownloadError(Exception):
    """A data file can't be downloaded. The message names the file, the cause and the remedy."""


class Unreachable(AtlasError):  # noqa: N818  # the name says what happened, as its base says that it is an error
    """No answer came. `in_doubt` tells whether the request had left."""

    remedy = "Check ATLAS_URL and the network"

    def __init__(self, operation: "Operation[Any]", what: str, *, in_doubt: bool) -> None:
        self.in_doubt = in_doubt
        super().__init__(operation, what)


class BadAnswer(AtlasError):  # noqa: N818  # the name says what happened, as its base says that it is an error
    """The answer is none that the document describes; `words` is its start."""

    remedy = "Is ATLAS_URL the address of an Atlas?"

    @property
    def in_doubt(self) -> bool:  # type: ignore[override]
        """These redirects say that nothing was done here (a 303 says that it was); of anything else nobody knows."""
        return self.status not in (301, 302, 307, 308)

    def __init__(self, operation: "Operation[Any]", status: int, what: str, words: str = "") -> None:
        self.status = status
        self.words = excerpt(words)
        super().__init__(operation, f"{what} (status {status}): {self.words!r}" if words else f"{what} (status {status})")


class ErrorResponse(AtlasError):  # noqa: N818  # the name says what happened, as its base says that it is an error
    """The Atlas said no. `words` is what it said, as it came (its form is not documented), cut to a line."""

    def __init__(self, operation: "Operation[Any]", status: int, words: str, retry_after_s: float | None = None) -> None:
        self.status = status
        self.words = excerpt(words)
        self.retry_after_s = retry_after_s
        super().__init__(operation, f"status {status}: {self.words or 'no reason given'}")


class Unauthorized(ErrorResponse):
    """401 or 403."""

    remedy = "Check ATLAS_TOKEN and its rights"


class NotFound(ErrorResponse):
    """404: the run, card, step, file or report is not there, or not there any more."""


class Invalid(ErrorResponse):
    """Any other 4xx: the request will never be accepted as it is."""


class Unavailable(ErrorResponse):
    """The Atlas can't answer now: 408, 425, 429 or 5xx."""

    @property
    def in_doubt(self) -> bool:  # type: ignore[override]
        """A gateway's 5xx or a 408 says nothing of what the server behind it did; 425 and 429 say that it did nothing."""
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
    """The error of a 4xx or 5xx answer."""
    kind = Unavailable if status >= 500 else _BY_STATUS.get(status, Invalid)
    return kind(operation, status, words, retry_after_s)
