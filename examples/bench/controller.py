"""The device under test: a motor controller with its bridge, and the protections that open it.

It has some faults that a verification campaign should find: `Limits` has the actual values, the tests the specified ones.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from .protection import DebouncedThreshold, ThermalImage
from .thermal import ThermalStage


class Fault(StrEnum):
    """The reason why the bridge was opened."""

    OVERVOLTAGE = "overvoltage"
    UNDERVOLTAGE = "undervoltage"
    OVERCURRENT = "overcurrent"
    OVERLOAD = "overload"
    OVERTEMPERATURE = "overtemperature"


@dataclass(frozen=True, slots=True)
class Limits:
    """Parameters of the firmware and of the hardware. In V, A, s, °C, unless another unit is given."""

    over_volts: float = 12.6
    over_volts_release: float = 12.4
    over_volts_debounce: float = 20e-3
    under_volts: float = 9.5
    under_volts_release: float = 10.2
    under_volts_debounce: float = 78e-3
    debounce_drift: float = 0.0065
    """Of the undervoltage timer, an RC oscillator: slower below 25 °C, faster above, 1/K."""
    over_amps: float = 35.0
    over_amps_release: float = 30.0
    over_amps_debounce: float = 0.3e-3
    rated_amps: float = 10.0
    overload_tau: float = 2.0
    derating_start: float = 100.0
    derating_end: float = 120.0
    derating_floor: float = 0.5
    """Fraction of the rated current at `derating_end`."""
    derating_gain: float = 0.2
    """Reduction of the duty per A above the allowed current, 1/(A·s); slow against the winding."""
    shutdown: float = 125.0
    restart: float = 110.0
    on_resistance: float = 20e-3
    """Of the bridge, Ω."""
    quiescent_amps: float = 50e-3
    thermal_resistance: float = 12.0
    """K/W"""
    thermal_capacity: float = 0.042
    """J/K"""
    filter_tau: float = 1e-3
    """Of the voltage measurement."""
    noise_volts: float = 5e-3
    """Of the voltage measurement, RMS."""
    duty_ramp: float = 5.0
    """1/s"""


class MotorController:
    """The controller. A `fault` opens the bridge and is latched until `reset`, which fails while the cause exists."""

    def __init__(self, limits: Limits | None = None, *, seed: int = 0) -> None:
        self.limits = lim = limits or Limits()
        self.enabled = False
        self.fault: Fault | None = None
        self.duty = 0.0
        self.duty_cap = 1.0
        self.measured_volts = 0.0
        self.stage = ThermalStage(lim.thermal_resistance, lim.thermal_capacity)
        self.overload = ThermalImage(lim.rated_amps, lim.overload_tau)
        self._wanted = 0.0
        self._random = Random(seed)  # noqa: S311  (noise, not a secret)
        self._over = DebouncedThreshold(lim.over_volts, lim.over_volts_release)
        self._under = DebouncedThreshold(lim.under_volts, lim.under_volts_release)
        self._current = DebouncedThreshold(lim.over_amps, lim.over_amps_release)
        self._hot = DebouncedThreshold(lim.shutdown, lim.restart)

    def __repr__(self) -> str:
        state = self.fault or ("enabled" if self.enabled else "disabled")
        measured = f"rail {self.measured_volts:.2f} V, {self.stage.temperature:.0f} °C"
        return f"<MotorController {state}, duty {self.duty:.2f}, {measured}>"

    @property
    def tripped(self) -> bool:
        """Whether a protection has opened the bridge."""
        return self.fault is not None

    @property
    def bridge_closed(self) -> bool:
        """Whether the output is driven."""
        return self.enabled and self.fault is None

    @property
    def current_allowed(self) -> float:
        """The rated current after derating, A."""
        lim = self.limits
        share = (self.stage.temperature - lim.derating_start) / (lim.derating_end - lim.derating_start)
        return lim.rated_amps * (1 - (1 - lim.derating_floor) * max(0.0, min(1.0, share)))

    def enable(self) -> None:
        """Enable the bridge; the duty starts at zero."""
        self.enabled = True
        self.duty = 0.0

    def disable(self) -> None:
        """Open the bridge."""
        self.enabled = False

    def drive(self, duty: float) -> None:
        """Ramp to `duty`, the output voltage as a fraction of the rail, 0 … 1."""
        if not 0 <= duty <= 1:
            raise ValueError(f"duty: {duty!r} is outside 0 … 1")
        self._wanted = duty

    def reset(self) -> bool:
        """Clear the fault. Return False, without effect, while its cause exists."""
        if self._over.beyond or self._under.beyond or self._hot.beyond or self.overload.theta >= 1.0:
            return False
        self.fault = None
        self.duty = 0.0
        return True

    def diagnostics(self) -> dict[str, str | float | None]:
        """Return the data for a diagnostic tester: the latched fault and the present state."""
        return {
            "fault": None if self.fault is None else self.fault.value,
            "bridge_closed": self.bridge_closed,
            "rail_V": round(self.measured_volts, 3),
            "duty": round(self.duty, 3),
            "bridge_degC": round(self.stage.temperature, 1),
            "thermal_image": round(self.overload.theta, 3),
        }

    def output(self, rail: float) -> float | None:
        """Return the output voltage with `rail` V at the input; None while the bridge is open."""
        return self.duty * rail if self.bridge_closed else None

    def input_amps(self, output_amps: float) -> float:
        """Return the current from the rail at an output current of `output_amps`: the bridge has no losses."""
        return self.limits.quiescent_amps + (self.duty * output_amps if self.bridge_closed else 0.0)

    def step(self, dt: float, rail: float, output_amps: float, ambient: float) -> None:
        """Advance by `dt` seconds: measure, protect, then move the duty."""
        lim = self.limits
        noisy = rail + self._random.gauss(0.0, lim.noise_volts)
        self.measured_volts += (noisy - self.measured_volts) * dt / (lim.filter_tau + dt)
        self.stage.step(dt, lim.on_resistance * output_amps**2, ambient)
        found = self._protect(dt, output_amps)
        if self.bridge_closed and found:
            self.fault = found
        self._move_duty(dt, output_amps)

    def _protect(self, dt: float, amps: float) -> Fault | None:
        lim, volts, warm = self.limits, self.measured_volts, self.stage.temperature
        slow_timer = lim.under_volts_debounce * (1 + lim.debounce_drift * (25.0 - warm))
        verdicts = {  # the fastest first: it determines the fault if two trip in one step
            Fault.OVERCURRENT: self._current.step(dt, abs(amps), lim.over_amps_debounce),
            Fault.OVERVOLTAGE: self._over.step(dt, volts, lim.over_volts_debounce),
            Fault.UNDERVOLTAGE: self._under.step(dt, volts, slow_timer),
            Fault.OVERTEMPERATURE: self._hot.step(dt, warm, 0.0),
            Fault.OVERLOAD: self.overload.step(dt, amps),
        }
        return next((fault for fault, trips in verdicts.items() if trips), None)

    def _move_duty(self, dt: float, amps: float) -> None:
        derating = self.stage.temperature > self.limits.derating_start
        error = self.current_allowed - abs(amps) if derating else self.limits.rated_amps
        self.duty_cap = max(0.0, min(1.0, self.duty_cap + self.limits.derating_gain * error * dt))
        reach = self.limits.duty_ramp * dt
        self.duty += max(-reach, min(reach, min(self._wanted, self.duty_cap) - self.duty))
