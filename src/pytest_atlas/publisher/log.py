"""publisher.log: what the publisher did and why. It goes to standard error, which is that file; secrets are redacted."""

import io
import logging
import sys
from collections.abc import Callable
from typing import TextIO

from pytest_atlas.base.sanitize import log_text

log = logging.getLogger("pytest_atlas.publisher")


class RedactedStream(io.TextIOBase):
    """Writes complete lines, clean: tracebacks and texts of other libraries too. No line is a command to a CI."""

    def __init__(self, stream: TextIO, clean: Callable[[str], str]) -> None:
        self._stream = stream
        self._clean = clean
        self._rest = ""

    def write(self, text: str) -> int:
        """Write the lines that are complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            self._stream.write(log_text(self._clean("\n".join(lines))) + "\n")
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing waits but half a line, in which half a secret could be."""

    def close(self) -> None:
        """Write the last line, even if it is not complete. Call it before the stream below is closed."""
        if self.closed:  # Python calls this again at the end of the object
            return
        rest, self._rest = self._rest, ""
        if rest:
            self._stream.write(log_text(self._clean(rest)))
            self._stream.flush()
        super().close()

    def fileno(self) -> int:
        """The file below."""
        return self._stream.fileno()


class _OneLine(logging.Formatter):
    """A message has one line, whatever titles it contains; only a traceback has more."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


def log_handler(stream: RedactedStream) -> logging.Handler:
    """A handler that writes to `stream`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    return handler


def log_to_stderr(clean: Callable[[str], str]) -> None:
    """Begin to log. Standard output and standard error are written through `clean`."""
    errors = RedactedStream(sys.stderr, clean)
    sys.stdout, sys.stderr = RedactedStream(sys.stdout, clean), errors
    log.addHandler(log_handler(errors))
    log.setLevel(logging.INFO)
