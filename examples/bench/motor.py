"""A brushed DC motor on a dynamometer: winding R and L, back-EMF, inertia, friction, and a brake torque."""

from dataclasses import dataclass
from math import copysign, exp


@dataclass(frozen=True, slots=True)
class MotorData:
    """The motor's data sheet."""

    resistance: float = 0.30
    """Ω"""
    inductance: float = 0.3e-3
    """H"""
    constant: float = 0.035
    """V·s/rad, the same number in N·m/A."""
    inertia: float = 2e-4
    """kg·m²"""
    viscous: float = 1e-5
    """N·m·s/rad"""
    friction: float = 0.01
    """Of the bearings, N·m."""


class Motor:
    """`current` in A, `speed` in rad/s. `brake` is the dynamometer's torque in N·m, `locked` holds the shaft."""

    def __init__(self, data: MotorData | None = None) -> None:
        self.data = data or MotorData()
        self.connected = True
        self.locked = False
        self.brake = 0.0
        self.current = 0.0
        self.speed = 0.0

    def __repr__(self) -> str:
        return f"<Motor {self.speed:.1f} rad/s {self.current:.2f} A, brake {self.brake:g} N·m>"

    @property
    def back_emf(self) -> float:
        """The voltage at the terminals of the turning motor without current, V."""
        return self.data.constant * self.speed

    def step(self, dt: float, volts: float | None) -> None:
        """Advance by `dt` seconds with `volts` at the terminals; None: the bridge is open and the motor coasts."""
        driven = volts is not None and self.connected
        final = (volts - self.back_emf) / self.data.resistance if volts is not None and driven else 0.0
        # Exact for a constant voltage during the step; Euler's method would need a step far below L/R.
        self.current += (final - self.current) * (1 - exp(-dt * self.data.resistance / self.data.inductance))
        self._turn(dt)

    def _turn(self, dt: float) -> None:
        if self.locked:
            self.speed = 0.0
            return
        torque = self.data.constant * self.current - self.data.viscous * self.speed
        hold = self.data.friction + self.brake
        if self.speed == 0.0 and abs(torque) <= hold:
            return
        against = copysign(hold, self.speed or torque)
        speed = self.speed + (torque - against) * dt / self.data.inertia
        # Friction stops a shaft, but never reverses it.
        self.speed = 0.0 if speed * self.speed < 0 else speed
