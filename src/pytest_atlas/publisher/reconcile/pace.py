"""How fast to go: calls at once, and pauses after failures. Pure: the clock and chance come from outside."""

from collections.abc import Callable

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
CALLS_TO_RECOVER = 16
"""Good answers after which one more call may be under way."""


class Pace:
    """Shared by all calls to one Atlas: what one is told, all heed."""

    def __init__(self, limit: int, jitter: Callable[[], float]) -> None:
        self.most = limit
        self.limit = limit
        self.not_before = 0.0
        self._pause = 0.0
        self._failed_at = float("-inf")  # when the pause was last lengthened
        self._since_failure = 0
        self._jitter = jitter  # between 0 and 1

    def succeeded(self) -> None:
        """An answer came: pauses are forgotten, and little by little there may be more calls at once."""
        self._pause = 0.0
        self._since_failure += 1
        if self._since_failure >= CALLS_TO_RECOVER and self.limit < self.most:
            self._since_failure = 0
            self.limit += 1

    def failed(self, now: float, sent: float, retry_after_s: float | None, *, overloaded: bool) -> None:
        """A call that was sent at `sent` failed for a passing reason.

        Calls that were under way together and fail together are one failure: only the first of them lengthens the pause.
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

    def room(self, now: float, under_way: int) -> int:
        """How many more calls may start now. After failures one call goes ahead and tries."""
        if now < self.not_before:
            return 0
        return max(0, (1 if self._pause else self.limit) - under_way)

    def wait_s(self, now: float) -> float:
        """Seconds until calls may start."""
        return max(0.0, self.not_before - now)
