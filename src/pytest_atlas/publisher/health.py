"""The connection to Atlas: responses, pauses after failures, and the reason to stop."""

from collections.abc import Callable

from pytest_atlas.atlas.errors import AtlasError, ErrorResponse, Unavailable
from pytest_atlas.publisher.reconcile.pace import Pace


class Health:
    """The state of the connection to one Atlas. All requests share the pauses."""

    def __init__(self, pace: Pace, clock: Callable[[], float], *, patience_s: float, sent_bytes: Callable[[], int]) -> None:
        """`sent_bytes`: the bytes of data files that were sent so far."""
        self._patience_s = patience_s
        self._sent_bytes = sent_bytes
        self._last_sent = (0, float("-inf"))  # bytes, and when their number last changed
        self._last_success = clock()
        self.pace = pace
        self.clock = clock
        self.has_responded = False
        self.transient = ""  # the last transient failure, until a request succeeds
        self.fatal = ""  # why nothing more can be sent

    def __repr__(self) -> str:
        return f"<Health {self.fatal or self.transient or 'ok'}>"

    @property
    def is_paused(self) -> bool:
        """Whether no request may start at present, even if none is in flight."""
        return self.pace.room(self.clock(), 0) == 0

    @property
    def pause_s(self) -> float:
        """Seconds until requests may start."""
        return self.pace.wait_s(self.clock())

    def is_out_of_patience(self, progress_at: float) -> bool:
        """Return whether nothing has succeeded for too long; `progress_at`: when a part of a file was last read."""
        now, sent = self.clock(), self._sent_bytes()
        if sent != self._last_sent[0]:
            self._last_sent = (sent, now)
        return now - max(self._last_success, self._last_sent[1], progress_at) > self._patience_s

    def succeeded(self) -> None:
        """Note that a request succeeded."""
        self.has_responded = True
        self.transient = ""
        self._last_success = self.clock()
        self.pace.succeeded()

    def failed(self, error: AtlasError) -> None:
        """Note that a request failed; any status is a response."""
        self.has_responded |= isinstance(error, ErrorResponse)

    def pause(self, error: AtlasError, sent: float) -> None:
        """Delay all requests after a transient failure of a request that was sent at `sent`."""
        self.transient = str(error)
        retry_after_s = error.retry_after_s if isinstance(error, ErrorResponse) else None
        overloaded = isinstance(error, Unavailable) and error.status in (429, 503)
        self.pace.failed(self.clock(), sent, retry_after_s, overloaded=overloaded)

    def stop(self, problem: object) -> None:
        """Note a fatal problem; the first one is kept."""
        self.fatal = self.fatal or str(problem)

    def restart_patience(self) -> None:
        """Count the time without a success from now on."""
        self._last_success = self.clock()
