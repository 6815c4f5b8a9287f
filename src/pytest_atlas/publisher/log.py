"""publisher.log: what the publisher did and why. It goes to standard error, which is that file; secrets are redacted."""

import logging
import sys
from collections.abc import Callable

log = logging.getLogger("pytest_atlas.publisher")


class _RedactingFormatter(logging.Formatter):
    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def log_to_stderr(redact: Callable[[str], str]) -> None:
    """Begin to log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_RedactingFormatter(redact))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
