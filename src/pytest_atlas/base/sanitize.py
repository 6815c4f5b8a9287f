"""Texts made safe for JSON, for Atlas and for other eyes, once, where they are written. Standard library only.

A lone surrogate, NUL or another control character becomes its escape, so that two ids that differ only there stay two.
Colours of a terminal go. The values of secrets that the environment holds become `[redacted]` (contract C4).
"""

import re
from collections.abc import Mapping

from .secrets import REDACTED, longest_pieces, secrets_of, without_piece

_COLOUR = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff￾￿]")


class Cleaner:
    """`clean(text)`: what may be written of it. Knows the secrets of the environment that it was made with."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._secrets = secrets_of(environment)
        self._long = longest_pieces(self._secrets)

    def __repr__(self) -> str:
        return f"<Cleaner of {len(self._secrets)} secrets>"

    def __call__(self, text: str) -> str:
        """`text`, safe and without secrets. Most texts come back as they are, within a microsecond."""
        text = self.redact(text)
        if text.isascii() and text.isprintable():
            return text
        return _UNSAFE.sub(_escape, _COLOUR.sub("", text.replace("\r\n", "\n")))

    def redact(self, text: str) -> str:
        """`text` without secrets, and else as it is."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        for start, end, secret in self._long:
            if start in text or end in text:
                text = without_piece(text, secret)
        return text


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
