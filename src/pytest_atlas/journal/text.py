"""Texts made safe for JSON, for Atlas and for other eyes, once, where they are written. Standard library only.

A lone surrogate, NUL or another control character becomes its escape, so that two ids that differ only there stay two.
Colours of a terminal go. The values of secrets that the environment holds become `[redacted]` (contract C4).
"""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

_COLOUR = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff￾￿]")
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY", re.IGNORECASE)
_NO_SECRET_NAME = re.compile(r"_(FILE|PATH|URL|URI|DIR|ID|NAME|EXPIRE\w*|TYPE|ENDPOINT)$", re.IGNORECASE)
SHORTEST_SECRET = 8
"""Shorter values of variables that only sound secret are left: they would redact half of every text."""
REDACTED = "[redacted]"


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The texts that must not be written, longest first: the token's always, others where name and length say so.

    Each also as Python, JSON and URLs escape it, since that is how an assertion, a request or a link shows it.
    """
    found = {
        form
        for name, value in environment.items()
        if value.strip() and (name == "ATLAS_TOKEN" or (len(value) >= SHORTEST_SECRET and _sounds_secret(name)))
        for form in _forms(value)
    }
    return tuple(sorted(found, key=len, reverse=True))


def _forms(secret: str) -> Iterator[str]:
    for text in (secret, secret.strip()):
        yield from (text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text, safe="", errors="replace"))


def _sounds_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _NO_SECRET_NAME.search(name)


class Cleaner:
    """`clean(text)`: what may be written of it. Knows the secrets of the environment that it was made with."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._secrets = secrets_of(environment)

    def __repr__(self) -> str:
        return f"<Cleaner of {len(self._secrets)} secrets>"

    def __call__(self, text: str) -> str:
        """`text`, safe and without secrets. Most texts come back as they are, within a microsecond."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        if text.isascii() and text.isprintable():
            return text
        return _UNSAFE.sub(_escape, _COLOUR.sub("", text.replace("\r\n", "\n")))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
