"""The log of the publisher. It is written to standard error, which is publisher.log; secrets are redacted."""

import io
import logging
import sys
from collections.abc import Callable
from typing import TextIO

from pytest_atlas.base.sanitize import log_text

log = logging.getLogger("pytest_atlas.publisher")


class RedactedStream(io.TextIOBase):
    """Writes complete lines, cleaned, also tracebacks and texts of other libraries. No line is a command to a CI provider."""

    def __init__(self, stream: TextIO, clean: Callable[[str], str]) -> None:
        self._stream = stream
        self._clean = clean
        self._rest = ""

    def write(self, text: str) -> int:
        """Write the complete lines."""
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            self._stream.write(log_text(self._clean("\n".join(lines))) + "\n")
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Do nothing: only an incomplete line is buffered, and it could contain a part of a secret."""

    def close(self) -> None:
        """Write the last line, even if it is not complete. Call it before the stream below is closed."""
        if self.closed:  # Python calls this again when it deletes the object
            return
        rest, self._rest = self._rest, ""
        if rest:
            self._stream.write(log_text(self._clean(rest)))
            self._stream.flush()
        super().close()

    def fileno(self) -> int:
        """Return the descriptor of the underlying file."""
        return self._stream.fileno()


class _OneLine(logging.Formatter):
    """Formats a message as one line, also if it contains titles with line breaks; a traceback follows on further lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


def log_handler(stream: RedactedStream) -> logging.Handler:
    """Return a handler that writes to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    return handler


def log_to_stderr(clean: Callable[[str], str]) -> None:
    """Start the log. Standard output and standard error are written through `clean`."""
    errors = RedactedStream(sys.stderr, clean)
    sys.stdout, sys.stderr = RedactedStream(sys.stdout, clean), errors
    log.addHandler(log_handler(errors))
    log.setLevel(logging.INFO)
