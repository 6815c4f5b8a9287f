"""Log in to the pages of a server with a token: sessions of browsers, wrong tokens, one-time codes of `pytest-atlas open`.

Sessions exist in the memory of the server only. A cookie is valid for the pages, and the bearer token for the API.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

MAX_SESSIONS = 1000
"""With more sessions, the oldest one ends."""
SESSION_S = 7 * 24 * 3600
"""Seconds until a session ends."""
RETRY_S = 1.0
"""Seconds after a wrong token in which no other token is checked."""
CODE_S = 300
"""Seconds in which a one-time code can be used."""


class TooManyAttempts(Exception):  # noqa: N818 - a state, not a fault
    """The last token was wrong, and another one can't be checked yet."""


class Logins:
    """The sessions of browsers. Safe for threads."""

    def __init__(
        self,
        token: str,
        key: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._token = token
        self._key = key
        self._monotonic = monotonic
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}  # hash of a session -> end, by `monotonic`; oldest first
        self._used: dict[str, float] = {}  # one-time code -> the end of its validity, by `clock`
        self._next_attempt = float("-inf")

    def log_in(self, token: str) -> str | None:
        """Return a new session if the token is right, else None. Raises TooManyAttempts within a second of a wrong token."""
        with self._lock:
            if self._monotonic() < self._next_attempt:
                raise TooManyAttempts
            if not hmac.compare_digest(token.encode(errors="replace"), self._token.encode()):
                self._next_attempt = self._monotonic() + RETRY_S
                return None
            return self._new_session()

    def redeem(self, code: str) -> str | None:
        """Return a new session for an unused code of `one_time_code`, else None."""
        until, _, rest = code.partition(".")
        nonce, _, signature = rest.partition(".")
        now = self._clock()
        if not (until.isascii() and until.isdigit() and now <= int(until) <= now + CODE_S + 1):
            return None
        if not hmac.compare_digest(signature.encode(errors="replace"), _signature(self._key, until, nonce).encode()):
            return None
        with self._lock:
            self._used = {used: end for used, end in self._used.items() if end >= now}
            if code in self._used:
                return None
            self._used[code] = float(until)
            return self._new_session()

    def _new_session(self) -> str:
        while len(self._ends) >= MAX_SESSIONS:
            del self._ends[next(iter(self._ends))]
        session = secrets.token_urlsafe(32)
        self._ends[_hash(session)] = self._monotonic() + SESSION_S
        return session

    def is_valid(self, session: str) -> bool:
        """Return whether a session exists and has not ended."""
        with self._lock:
            return self._ends.get(_hash(session), float("-inf")) > self._monotonic()

    def log_out(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._ends.pop(_hash(session), None)


def one_time_code(key: str, now: float) -> str:
    """Return a code for `Logins.redeem`. `key`: of the running server; `now`: Unix seconds."""
    until, nonce = str(int(now) + CODE_S), secrets.token_urlsafe(16)
    return f"{until}.{nonce}.{_signature(key, until, nonce)}"


def _signature(key: str, until: str, nonce: str) -> str:
    return hmac.new(key.encode(), f"{until}.{nonce}".encode(errors="replace"), hashlib.sha256).hexdigest()


def _hash(session: str) -> str:
    return hashlib.sha256(session.encode(errors="replace")).hexdigest()


def cookie_name(scheme: str, port: int) -> str:
    """Return the name of the cookie with the session. Servers on other ports of this machine get the same cookies."""
    return f"{'__Host-' if scheme == 'https' else ''}pytest-atlas-{port}"
