"""Instruments: a scope, a multimeter, an electronic load. Independent of the device under test."""

from collections.abc import Callable, Mapping
from math import exp
from statistics import fmean

from .errors import InstrumentError
from .simulation import Simulation

Probe = Callable[[], float]


class Scope:
    """Records channels at each step after `arm`. `t` is in seconds since then; `scope["rail"]` has the samples of a channel."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = probes
        self._armed = False
        self._channels: dict[str, list[float]] = {}
        self.t: list[float] = []

    def __repr__(self) -> str:
        return f"<Scope {', '.join(self._channels) or 'not armed'}: {len(self.t)} samples>"

    def __getitem__(self, channel: str) -> list[float]:
        if channel not in self._channels:
            raise InstrumentError(f"scope: channel {channel!r} is not recorded; armed are {sorted(self._channels)}")
        return self._channels[channel]

    def arm(self, *channels: str) -> None:
        """Delete the record and start a new one with `channels`, by default all."""
        unknown = set(channels) - set(self._probes)
        if unknown:
            raise InstrumentError(f"scope: unknown channels {sorted(unknown)}. Use one of {sorted(self._probes)}")
        self._channels = {name: [] for name in channels or self._probes}
        self.t = []
        self._armed = True

    def stop(self) -> None:
        """Stop recording and keep the record."""
        self._armed = False

    def step(self, dt: float) -> None:
        """Take one sample of each channel, `dt` seconds after the last one."""
        if not self._armed:
            return
        self.t.append((len(self.t) + 1) * dt)
        for name, samples in self._channels.items():
            samples.append(self._probes[name]())

    def first(self, channel: str, *, above: float | None = None, below: float | None = None, after: float = 0.0) -> float:
        """Return the time in s of the first sample at or after `after` that is `above` or `below` the given level.

        Raises `InstrumentError` with the range of the channel if there is none.
        """
        samples = self[channel]
        for t, value in zip(self.t, samples, strict=True):
            if t >= after and ((above is not None and value > above) or (below is not None and value < below)):
                return t
        span = f"{min(samples):.3f} … {max(samples):.3f}" if samples else "no samples"
        wanted = f"above {above}" if above is not None else f"below {below}"
        raise InstrumentError(f"scope: {channel!r} is never {wanted} after {after * 1e3:g} ms; it is {span}")


class Dmm:
    """Averages a channel over its aperture in seconds; a reading takes this simulated time."""

    def __init__(self, probes: Mapping[str, Probe], simulation: Simulation, aperture: float = 5e-3) -> None:
        self._probes = probes
        self._simulation = simulation
        self.aperture = aperture

    def read(self, channel: str) -> float:
        """Return the mean of a channel over the aperture."""
        if channel not in self._probes:
            raise InstrumentError(f"multimeter: unknown channel {channel!r}. Use one of {sorted(self._probes)}")
        samples = []
        for _ in range(max(1, round(self.aperture / self._simulation.dt))):
            self._simulation.run(self._simulation.dt)
            samples.append(self._probes[channel]())
        return fmean(samples)


class ElectronicLoad:
    """A load at the controller's output: a constant current (`set`) or a resistance (`set_ohms`). `current` in A."""

    rise = 50e-6
    """Time constant of its current, s."""

    def __init__(self) -> None:
        self.current = 0.0
        self._amps = 0.0
        self._ohms = float("inf")

    def __repr__(self) -> str:
        return f"<ElectronicLoad {self.current:.2f} A, set {self._amps:g} A and {self._ohms:g} Ω>"

    def set(self, amps: float) -> None:
        """Draw a constant current if there is a voltage at the output."""
        self._amps, self._ohms = amps, float("inf")

    def set_ohms(self, ohms: float) -> None:
        """Behave like a resistor."""
        self._amps, self._ohms = 0.0, ohms

    def step(self, dt: float, volts: float | None) -> None:
        """Advance by `dt` seconds with `volts` at the terminals; None if the output is open."""
        # Below 1 V an electronic load can't keep its current and acts as a resistor.
        wanted = 0.0 if volts is None else min(1.0, max(0.0, volts)) * self._amps + volts / self._ohms
        self.current += (wanted - self.current) * (1 - exp(-dt / self.rise))
