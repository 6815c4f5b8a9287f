"""A programmable supply: slew rate, current limit, a limited sink, and an output capacitor."""

from dataclasses import dataclass
from typing import Literal

from .errors import InstrumentError


@dataclass(frozen=True, slots=True)
class PsuData:
    """The supply's data sheet."""

    max_volts: float = 30.0
    max_amps: float = 60.0
    sink_amps: float = 0.5
    """Largest current that it can sink; a braking motor can exceed it."""
    slew: float = 2000.0
    """Of the set point, V/s."""
    capacitance: float = 2.2e-3
    """At the output, F."""
    regulation: float = 1e-3
    """Time constant of the voltage loop, s."""
    bleeder: float = 47.0
    """Resistor that discharges the output when it is off, Ω."""


class PowerSupply:
    """One output. `volts` and `amps` are the present values of the rail; `mode` is CV, CC or OFF."""

    def __init__(self, data: PsuData | None = None) -> None:
        self.data = data or PsuData()
        self.current_limit = self.data.max_amps
        self.slew = self.data.slew
        self.bleeder_fitted = True
        self.volts = 0.0
        self.amps = 0.0
        self.mode: Literal["CV", "CC", "OFF"] = "OFF"
        self._target = 0.0
        self._reference = 0.0

    def __repr__(self) -> str:
        programmed = f"set {self._target:g} V {self.current_limit:g} A"
        return f"<PowerSupply {self.mode} {self.volts:.3f} V {self.amps:.2f} A, {programmed}>"

    def set(self, volts: float) -> None:
        """Program the output voltage; the output follows at the slew rate."""
        if not 0 <= volts <= self.data.max_volts:
            raise InstrumentError(f"supply: {volts!r} V is outside 0 … {self.data.max_volts:g} V")
        self._target = volts

    def limit(self, amps: float) -> None:
        """Program the current limit."""
        if not 0 < amps <= self.data.max_amps:
            raise InstrumentError(f"supply: a current limit of {amps!r} A is outside 0 … {self.data.max_amps:g} A")
        self.current_limit = amps

    def on(self) -> None:
        """Close the output. The set point ramps from the present voltage."""
        self.mode = "CV"
        self._reference = self.volts

    def off(self) -> None:
        """Open the output; its capacitor discharges through the bleeder and the load."""
        self.mode = "OFF"

    def step(self, dt: float, load_amps: float) -> None:
        """Advance by `dt` seconds while the rail is loaded with `load_amps` (negative: fed back)."""
        self.amps = self._source(dt, load_amps)
        drawn = load_amps + (self.volts / self.data.bleeder if self.bleeder_fitted and self.mode == "OFF" else 0.0)
        self.volts = max(0.0, self.volts + (self.amps - drawn) * dt / self.data.capacitance)

    def _source(self, dt: float, load_amps: float) -> float:
        if self.mode == "OFF":
            return 0.0
        reach = self.slew * dt
        self._reference += max(-reach, min(reach, self._target - self._reference))
        wanted = load_amps + self.data.capacitance * (self._reference - self.volts) / self.data.regulation
        self.mode = "CC" if wanted > self.current_limit else "CV"
        return max(-self.data.sink_amps, min(self.current_limit, wanted))
