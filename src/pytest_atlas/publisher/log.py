"""publisher.log: what the publisher did and why. It goes to standard error, which is that file; secrets are redacted."""

import io
import logging
import sys
from collections.abc import Callable
from typing import TextIO

log = logging.getLogger("pytest_atlas.publisher")


class _Redacting(io.TextIOBase):
    """Hands whole lines on, without secrets: tracebacks and other libraries' words go the same way as our own."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            self._stream.write(self._redact("\n".join(lines)) + "\n")
            self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing waits but half a line, in which half a secret could be."""

    def close(self) -> None:
        self._stream.write(self._redact(self._rest))
        self._stream.flush()
        self._rest = ""

    def fileno(self) -> int:
        return self._stream.fileno()


def log_to_stderr(redact: Callable[[str], str]) -> None:
    """Begin to log, and let nothing reach standard output and standard error with a secret in it."""
    sys.stdout, sys.stderr = _Redacting(sys.stdout, redact), _Redacting(sys.stderr, redact)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
