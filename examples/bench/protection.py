"""Parts of the protections: a debounced threshold with hysteresis, and I²t as a thermal image. No I/O, no noise."""

from dataclasses import dataclass, field
from math import exp, log


def i2t_trip_time(current: float, rated: float, tau: float, preload: float = 0.0) -> float:
    """Seconds until a constant `current` trips (IEC 60255-149): τ·ln((k² − p²)/(k² − 1)), with k and p in units of `rated`.

    `preload` is the constant current in A before. A current up to the rated one never trips.

    >>> round(i2t_trip_time(20.0, rated=10.0, tau=2.0), 3)
    0.575
    >>> i2t_trip_time(10.0, rated=10.0, tau=2.0)
    inf
    """
    k, p = current / rated, preload / rated
    return tau * log((k * k - p * p) / (k * k - 1)) if k > 1 else float("inf")


@dataclass(slots=True)
class DebouncedThreshold:
    """Trips if a value is beyond `trip` for the debounce time. It is beyond until it has passed `release` again.

    With `release` below `trip` it detects high values, with `release` above `trip` low values.
    """

    trip: float
    release: float
    beyond: bool = field(default=False, init=False)
    since: float = field(default=0.0, init=False)
    """Time since the value is beyond, s."""

    def step(self, dt: float, value: float, debounce: float) -> bool:
        """Advance by `dt` seconds; return whether it trips."""
        sign = 1.0 if self.release <= self.trip else -1.0
        self.beyond = sign * value >= sign * (self.release if self.beyond else self.trip)
        self.since = self.since + dt if self.beyond else 0.0
        return self.beyond and self.since >= debounce


@dataclass(slots=True)
class ThermalImage:
    """The heat of a winding as a fraction of the permitted heat: dθ/dt = ((I/I_rated)² − θ)/τ; trips at θ = 1."""

    rated: float
    """A"""
    tau: float
    """s"""
    theta: float = 0.0

    def step(self, dt: float, current: float) -> bool:
        """Advance by `dt` seconds at `current` A; return whether it trips."""
        self.theta += ((current / self.rated) ** 2 - self.theta) * (1 - exp(-dt / self.tau))
        return self.theta >= 1.0
