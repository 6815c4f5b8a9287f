"""Decide which values of the environment are secret (contract C4): by variable and value, or as a part of a URL or document.

A variable counts by the words in its name: GITHUB_TOKEN, CI_JOB_JWT, AWS_SECRET_ACCESS_KEY, DB_PASS. Its value counts if it
has at least SHORTEST characters and is not one plain word, such as `postgres`: see `looks_secret`. In a URL of any variable
(PIP_INDEX_URL, HTTPS_PROXY, CI_REPOSITORY_URL, …), the password and the query parameters with a secret name count.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Any
from urllib.parse import unquote, urlsplit

_NAME = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|PASSCODE|PASSPHRASE|CREDENTIAL|CONNECTION_?STRING|COOKIE|WEBHOOK|AUTHORIZATION|BEARER"
    r"|(^|_)JWT(_|$)|(^|_)PAT$|(^|_)(PG|SSH)PASS$|_(PASS|PWD|PW|AUTH|AUTH_CONFIG)$"
    r"|(API|AUTH|PRIVATE|ACCESS|ACCOUNT|SIGNING|ENCRYPTION|DEPLOY|MASTER|LICEN[CS]E|SSH|GPG|PGP|HMAC|STORAGE|SUBSCRIPTION)_?KEY",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    r"(_(FILE|PATH|DIR|NAME|EXPIRE\w*|TYPE|ENDPOINT)|(?<!WEBHOOK)_UR[LI]|(?<!SECRET)_ID)$|^(GIT|SSH|SUDO)_ASKPASS$",
    re.IGNORECASE,
)
_PATH = re.compile(r"(~?/|[A-Za-z]:[\\/]).*\.\w{1,8}")
_URL_USER = re.compile(r"://([^/?#\s\"'<>]+)@")
_URL_QUERY = re.compile(r"[?&;][\w-]*(?:token|secret|passw|signature|sig|api_?key)[\w-]*=([^&;#\s\"'<>]+)", re.IGNORECASE)
KNOWN = ("ATLAS_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
"""Variables whose value is a secret, also if it is one word, from SHORTEST_KNOWN characters on."""
SHORTEST_KNOWN = 16
"""A shorter ATLAS_TOKEN is a usage error."""
SHORTEST = 8
"""Shorter values of variables with a secret name are not redacted: they occur in ordinary texts."""
LONGEST_WORD = 20
"""A word of letters with at least this length is not a word of a language."""
LONGEST_NAME = 20
"""A user name in a URL that is longer, and without a password, is a token."""
LINE = 16
"""Characters of a line of a key from which on it is a secret by itself."""
KEY_HEADING = "-----"
"""Start of the first and last line of a key in PEM format."""
REDACTED = "[redacted]"


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return each secret text in `environment` with the name of its variable, the longest first."""
    found = {secret: name for name, value in environment.items() for secret in _secrets(name, value) if secret.strip()}
    return dict(sorted(found.items(), key=lambda item: len(item[0]), reverse=True))


def known_only(environment: Mapping[str, str]) -> dict[str, str]:
    """The known variables: where a text was redacted when it was recorded, only they are redacted again."""
    return {name: environment[name] for name in KNOWN if name in environment}


def known_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The token of Atlas and the secrets of AWS -> their variable. They are redacted in identities too."""
    values = ((environment.get(name, "").strip(), name) for name in KNOWN)
    return {value: name for value, name in values if len(value) >= SHORTEST_KNOWN or looks_secret(value)}


def sounds_secret(name: str) -> bool:
    """Return whether a variable or option with this name has a secret value."""
    return bool(_NAME.search(name)) and not _NO_NAME.search(name)


def looks_secret(value: str) -> bool:
    """Return whether the value of a variable with a secret name is a secret.

    It has at least SHORTEST characters, is not the path of a file, and is not one plain word: fewer than LONGEST_WORD letters
    and nothing else, all in lower case, all in upper case, or capitalized.
    """
    is_word = value.isalpha() and len(value) < LONGEST_WORD and value[1:] in (value[1:].lower(), value[1:].upper())
    return len(value) >= SHORTEST and not is_word and not _PATH.fullmatch(value)


def in_urls(text: str) -> Iterator[str]:
    """The secrets in the URLs of `text`. A short password only together with the signs around it: alone it may be any word."""
    for user in _URL_USER.findall(text) if "@" in text else ():
        name, colon, password = user.partition(":")
        if password:
            yield f":{password}@"
        secret = password if colon else name
        if len(secret) >= (SHORTEST if colon else LONGEST_NAME) and (not colon or looks_secret(unquote(secret))):
            yield from (secret, unquote(secret))
    yield from (value for value in _URL_QUERY.findall(text) if len(value) >= SHORTEST)


def without_secrets(arguments: Iterable[str]) -> Iterator[str]:
    """Yield a command line without passwords in URLs and without the values of options with a secret name."""
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
        yield reduce(lambda text, secret: text.replace(secret, REDACTED), urls, argument)


def _secrets(name: str, value: str) -> Iterator[str]:
    bare = value.strip()
    is_known = name in KNOWN and len(bare) >= SHORTEST_KNOWN
    if is_known or (sounds_secret(name) and looks_secret(bare)):
        yield from _parts(bare)
        yield from () if "\n" in bare else (value,)
    if "://" in value:
        yield from in_urls(value)


def _parts(secret: str) -> Iterator[str]:
    """A secret, and the texts in it that appear alone: lines of a key, entries of a document, the path of a URL."""
    lines = [line.strip() for line in secret.splitlines() if line.strip() and not line.strip().startswith(KEY_HEADING)]
    if len(lines) < 2:
        yield from lines
    for before, line in zip(["", *lines], lines, strict=False) if len(lines) > 1 else ():
        yield line if len(line) >= LINE else before + line  # the last line of a key is short
    if secret.startswith("{"):
        yield from _entries(secret)
    if re.match(r"https?://", secret):
        parts = urlsplit(secret)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        yield path if len(path) >= LINE else ""  # a library's message has it without the host


def _entries(document: str) -> Iterator[str]:
    """The secret texts in a JSON document, such as DOCKER_AUTH_CONFIG or the key of a service account."""
    try:
        entries: list[tuple[str, Any]] = [("", json.loads(document))]
    except (ValueError, RecursionError):  # not JSON: the value as a whole is the secret
        return
    while entries:
        name, value = entries.pop()
        if isinstance(value, dict):
            entries += [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            entries += [(name, item) for item in value]
        elif isinstance(value, str) and looks_secret(value) and (name.lower() == "auth" or sounds_secret(name)):
            yield from _parts(value) if not value.startswith("{") else (value,)
