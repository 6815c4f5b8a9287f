"""Simulated time: a loop with a fixed step, independent of the model and of the wall clock."""

from collections.abc import Callable

from .errors import BenchTimeout


class Simulation:
    """Advances a model by `step(dt)`; `dt` is in seconds.

    Time is a number of steps, so it does not drift and does not depend on the division into runs.
    """

    def __init__(self, step: Callable[[float], None], dt: float) -> None:
        self.dt = dt
        self._step = step
        self._steps = 0

    def __repr__(self) -> str:
        return f"<Simulation t={self.now * 1e3:.1f} ms, dt={self.dt * 1e6:g} µs>"

    @property
    def now(self) -> float:
        """Simulated seconds since the bench was built."""
        return self._steps * self.dt

    def run(self, seconds: float) -> None:
        """Advance by `seconds`, rounded to whole steps."""
        for _ in range(round(seconds / self.dt)):
            self._advance()

    def run_until(self, condition: Callable[[], bool], timeout: float, what: str = "the condition") -> float:
        """Advance until `condition` holds; return the simulated seconds.

        Raises `BenchTimeout` with the name `what` after `timeout` seconds.
        """
        start = self._steps
        for _ in range(round(timeout / self.dt)):
            if condition():
                break
            self._advance()
        if not condition():
            raise BenchTimeout(f"timed out after {timeout * 1e3:g} ms of simulated time: {what}")
        return (self._steps - start) * self.dt

    def _advance(self) -> None:
        self._steps += 1
        self._step(self.dt)
