"""The number of requests in flight, and pauses after failures. Pure: time and randomness are arguments."""

from collections.abc import Callable

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
RESPONSES_TO_RECOVER = 16
"""Successful responses after which one more request may be in flight."""


class Pace:
    """The pace of all requests to one Atlas."""

    def __init__(self, limit: int, jitter: Callable[[], float]) -> None:
        self.most = limit
        self.limit = limit
        self.not_before = 0.0
        self._pause = 0.0
        self._failed_at = float("-inf")  # when the pause was last extended
        self._since_failure = 0
        self._jitter = jitter  # between 0 and 1

    def succeeded(self) -> None:
        """Note a success: pauses end, and the limit rises gradually."""
        self._pause = 0.0
        self._since_failure += 1
        if self._since_failure >= RESPONSES_TO_RECOVER and self.limit < self.most:
            self._since_failure = 0
            self.limit += 1

    def failed(self, now: float, sent: float, retry_after_s: float | None, *, overloaded: bool) -> None:
        """Note a transient failure of a request that was sent at `sent`.

        Failures of requests that were in flight together are one failure: only the first one extends the pause.
        """
        if retry_after_s is not None:
            self.not_before = max(self.not_before, now + retry_after_s)
        if sent <= self._failed_at:
            return
        self._failed_at = now
        self._since_failure = 0
        if overloaded:
            self.limit = max(1, self.limit // 2)
        self._pause = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self._pause * 2))
        self.not_before = max(self.not_before, now + self._pause * (0.5 + self._jitter() / 2))

    def room(self, now: float, in_flight: int) -> int:
        """Return how many more requests may start now. After a failure, only one request may."""
        if now < self.not_before:
            return 0
        return max(0, (1 if self._pause else self.limit) - in_flight)

    def wait_s(self, now: float) -> float:
        """Return the seconds until requests may start."""
        return max(0.0, self.not_before - now)
