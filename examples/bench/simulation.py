"""Simulated time: a fixed-step loop. Knows nothing of what it advances, and never looks at the wall clock."""

from collections.abc import Callable

from .errors import BenchTimeout


class Simulation:
    """Advances a model by `step(dt)`; `dt` is in seconds.

    Time is a count of steps, so that it neither drifts nor depends on how a run was divided.
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
        """Let `seconds` pass, rounded to whole steps."""
        for _ in range(round(seconds / self.dt)):
            self._advance()

    def run_until(self, condition: Callable[[], bool], timeout: float, what: str = "the condition") -> float:
        """Let time pass until `condition` holds; return the seconds it took.

        Raises `BenchTimeout`, which names `what`, when `timeout` seconds are not enough.
        """
        start = self._steps
        for _ in range(round(timeout / self.dt)):
            if condition():
                break
            self._advance()
        if not condition():
            raise BenchTimeout(f"{what} did not come within {timeout * 1e3:g} ms of simulated time")
        return (self._steps - start) * self.dt

    def _advance(self) -> None:
        self._steps += 1
        self._step(self.dt)
