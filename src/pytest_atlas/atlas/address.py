"""Validation of the URL and the token of an Atlas. No network access; imports the standard library and pydantic only."""

from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

API = "/api/v1"


def api_url(url: str) -> str:
    """Return the base URL of all operations, without a trailing slash, for the origin of a deployment.

    `https://atlas.example.com`, `…/`, `…/api/v1` and `…/api/v1/` have the same result. Raises ValueError if `url` is invalid.
    """
    text = url.strip()
    parts = _split(text)
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path.removesuffix(API)}{API}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port  # urlsplit parses the port on access only
    except ValueError as error:
        raise ValueError(f"invalid URL {_shown(text)}: {error}. {_REMEDY}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"invalid URL {_shown(text)}: the scheme (https://) or the host is missing. {_REMEDY}")
    if "@" in parts.netloc:
        raise ValueError(f"The URL of {host} contains a user name or a password. {_REMEDY} Set ATLAS_TOKEN to the token.")
    if parts.query or parts.fragment or any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError(f"invalid URL {_shown(text)}: it has a query, a fragment or white space. {_REMEDY}")
    return parts


_REMEDY = "Set ATLAS_URL to the origin of the deployment, for example https://atlas.example.com."


def _shown(text: str) -> str:
    return repr(text.rpartition("@")[2])  # the text before an @ can be a password


def bearer(token: str | SecretStr) -> SecretStr:
    """Return the token as a secret that no `repr` shows, without surrounding white space (such as the line break of a file).

    Raises ValueError if the token is empty or not allowed in a header. The message never contains the token.
    """
    secret = token if isinstance(token, SecretStr) else SecretStr(token)
    del token  # a traceback with local variables would show it
    secret = SecretStr(secret.get_secret_value().strip())
    if not secret:
        raise ValueError("The token is empty. Set ATLAS_TOKEN to the token from Atlas.")
    if any(not "!" <= char <= "~" for char in secret.get_secret_value()):
        raise ValueError("The token contains a space, a line break or a non-ASCII character. Copy the token from Atlas again.")
    return secret
