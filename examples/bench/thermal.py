"""The temperature of the power stage: one thermal resistance and one heat capacity to the ambient air."""

from math import exp, log


def heating_time(rise: float, final_rise: float, tau: float) -> float:
    """Return the seconds until a stage has risen by `rise` K, of `final_rise` K in the end; infinite if it never does.

    >>> round(heating_time(63.2, final_rise=100.0, tau=0.5), 2)
    0.5
    >>> heating_time(40.0, final_rise=30.0, tau=0.5)
    inf
    """
    return -tau * log(1 - rise / final_rise) if rise < final_rise else float("inf")


class ThermalStage:
    """`temperature` in °C, of a stage with `resistance` in K/W and `capacity` in J/K."""

    def __init__(self, resistance: float, capacity: float, temperature: float = 25.0) -> None:
        self.resistance = resistance
        self.capacity = capacity
        self.temperature = temperature

    @property
    def tau(self) -> float:
        """The time constant, s."""
        return self.resistance * self.capacity

    def step(self, dt: float, watts: float, ambient: float) -> None:
        """Advance by `dt` seconds with `watts` of loss in air of `ambient` °C."""
        final = ambient + self.resistance * watts
        self.temperature += (final - self.temperature) * (1 - exp(-dt / self.tau))
