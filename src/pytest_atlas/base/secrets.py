"""Which texts are secret, as far as the environment says (contract C4): by a variable's name, or as a password inside a URL.

A name tells by its words, whatever its CI or cloud: GITHUB_TOKEN, CI_JOB_JWT, AWS_SECRET_ACCESS_KEY, DB_PASS. Of a URL in any
variable (PIP_INDEX_URL, HTTPS_PROXY, CI_REPOSITORY_URL, …) the password is one, and what its query calls a token or signature.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from urllib.parse import quote, unquote

_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|CONNECTION_?STRING|COOKIE|(^|_)JWT(_|$)|(^|_)PAT$|_(PASS|PWD|AUTH)$"
    r"|(API|PRIVATE|ACCESS|ACCOUNT|SIGNING|ENCRYPTION|DEPLOY|MASTER)_?KEY",
    re.IGNORECASE,
)
_NO_NAME = re.compile(r"(_(FILE|PATH|URL|URI|DIR|NAME|EXPIRE\w*|TYPE|ENDPOINT)|(?<!SECRET)_ID)$", re.IGNORECASE)
_URL_USER = re.compile(r"://([^/?#\s\"'<>]+)@")
_URL_QUERY = re.compile(r"[?&;][\w-]*(?:token|secret|passw|signature|sig|api_?key)[\w-]*=([^&;#\s\"'<>]+)", re.IGNORECASE)
SHORTEST = 8
"""Shorter values of variables that only sound secret are left: they would redact half of every text."""
LONGEST_NAME = 20
"""A user's name in a URL that is longer, and without a password, is a token."""
LONG = 64
"""Characters of a secret from which on others show it cut in the middle: pytest's own reprs are, say."""
PIECE = 16
"""Characters of its start or its end by which a piece of a long secret is known."""
HEADING = "-----"
REDACTED = "[redacted]"


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The texts that must not be written, longest first: the token's always, others where name and length say so.

    Each also as Python, JSON and URLs escape it, since that is how an assertion, a request or a link shows it.
    """
    found = {form for name, value in environment.items() for secret in _secrets(name, value) for form in _forms(secret)}
    return tuple(sorted(found, key=len, reverse=True))


def sounds_secret(name: str) -> bool:
    """Whether a variable or option of this name holds a secret."""
    return bool(_NAME.search(name)) and not _NO_NAME.search(name)


def in_urls(text: str) -> Iterator[str]:
    """The secrets in the URLs of `text`. A short password only together with the signs around it: alone it may be any word."""
    for user in _URL_USER.findall(text) if "@" in text else ():
        name, colon, password = user.partition(":")
        if password:
            yield f":{password}@"
        secret = password if colon else name
        if len(secret) >= (SHORTEST if colon else LONGEST_NAME):
            yield from (secret, unquote(secret))
    yield from (value for value in _URL_QUERY.findall(text) if len(value) >= SHORTEST)


def without_secrets(arguments: Iterable[str]) -> Iterator[str]:
    """A command line without passwords: those in URLs, and the values of options that sound so."""
    is_secret = False
    for argument in arguments:
        if is_secret and not argument.startswith("-"):
            yield REDACTED
            is_secret = False
            continue
        name, equals, _ = argument.partition("=")
        is_secret = name.startswith("-") and sounds_secret(name.replace("-", "_"))
        if is_secret and equals:
            is_secret = False
            yield f"{name}={REDACTED}"
            continue
        urls = sorted(in_urls(argument), key=len, reverse=True)
        yield reduce(lambda told, secret: told.replace(secret, REDACTED), urls, argument)


def _secrets(name: str, value: str) -> Iterator[str]:
    if not value.strip():
        return
    if name == "ATLAS_TOKEN" or (len(value) >= SHORTEST and sounds_secret(name)):
        yield value
        yield from _lines(value)
    if "://" in value:
        yield from in_urls(value)


def _lines(secret: str) -> Iterator[str]:
    """Of a key of several lines each by itself: whoever indents a text parts them. Its heading is none."""
    lines = [line.strip() for line in secret.strip().splitlines()]
    return (line for line in lines if len(lines) > 1 and len(line) >= PIECE and not line.startswith(HEADING))


def _forms(secret: str) -> Iterator[str]:
    for text in (secret, secret.strip()):
        yield from (text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text, safe="", errors="replace"))


def longest_pieces(secrets: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    """The start and the end of each secret that is long enough to be cut, with itself. A key file begins as any other does."""
    cut = (secret for secret in secrets if len(secret) >= LONG and not secret.startswith(HEADING))
    return tuple((secret[:PIECE], secret[-PIECE:], secret) for secret in cut)


def without_piece(text: str, secret: str) -> str:
    """`text` without what stands there of a secret that somebody cut in the middle."""
    start, end = secret[:PIECE], secret[-PIECE:]
    while (at := text.find(start)) >= 0:
        text = text[:at] + REDACTED + text[at + _alike(text[at:], secret) :]
    while (at := text.find(end)) >= 0:
        after = at + PIECE
        text = text[: after - _alike(text[after - 1 :: -1], secret[::-1])] + REDACTED + text[after:]
    return text


def _alike(text: str, secret: str) -> int:
    """How many characters of the two are the same, from their beginning on."""
    pairs = zip(text, secret, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(text), len(secret)))
