"""Where an Atlas is, and with what one enters: read once, at the edge. Knows no network; standard library and pydantic only."""

from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

API = "/api/v1"


def api_url(url: str) -> str:
    """The base of every operation's URL, without a slash at its end, from a deployment's origin.

    `https://atlas.example.com`, `…/`, `…/api/v1` and `…/api/v1/` are the same. Raises ValueError where it is no such address.
    """
    text = url.strip()
    parts = _split(text)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix(API)}{API}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # the port is parsed only when it is asked for
    except ValueError as error:
        raise ValueError(f"{_shown(text)} is no URL ({error}). {_REMEDY}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"{_shown(text)} has no scheme (https://) or no host. {_REMEDY}")
    if "@" in parts.netloc:
        raise ValueError(f"The URL of {host} holds a user name or password. {_REMEDY} The token goes into ATLAS_TOKEN.")
    if parts.query or parts.fragment or any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError(f"{_shown(text)} is more than an origin. {_REMEDY}")
    return parts


_REMEDY = "Give the deployment's origin as ATLAS_URL, for instance https://atlas.example.com."


def _shown(text: str) -> str:
    return repr(text.rpartition("@")[2])  # what stands before an @ may be a password


def bearer(token: str | SecretStr) -> SecretStr:
    """The token, wrapped so that no repr shows it, without the white space around it (a file's last line break).

    Raises ValueError, which never shows it, where it is empty or can't stand in a header.
    """
    secret = token if isinstance(token, SecretStr) else SecretStr(token)
    del token  # else a traceback that shows locals would show it
    secret = SecretStr(secret.get_secret_value().strip())
    if not secret:
        raise ValueError("The token is empty. Set ATLAS_TOKEN to the token that Atlas gave you.")
    if any(not "!" <= char <= "~" for char in secret.get_secret_value()):
        raise ValueError("The token has a character that no token can have: a space, a line break, a letter beyond ASCII.")
    return secret
