"""The complete bench: the connections of its instruments, and the order in which they advance."""

from random import Random

from .can import CanBus, status_frame
from .controller import Limits, MotorController
from .instruments import Dmm, ElectronicLoad, Scope
from .motor import Motor, MotorData
from .psu import PowerSupply, PsuData
from .simulation import Simulation

READBACK_NOISE = 1e-3
"""Of the instruments, RMS, in the channel's unit."""


class Bench:
    """A supply feeds the controller, which feeds the motor and the electronic load, in a thermal chamber.

    Channels of `scope` and `dmm`: rail, output (V); input, current (A, of the controller); speed (rad/s);
    temperature (°C, of the bridge); gate (1 while the bridge is closed).
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        dt: float = 100e-6,
        psu: PsuData | None = None,
        motor: MotorData | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.psu = PowerSupply(psu)
        self.motor = Motor(motor)
        self.controller = MotorController(limits, seed=seed)
        self.load = ElectronicLoad()
        self.ambient = 25.0
        self._noise = Random(seed + 1)  # noqa: S311  (noise, not a secret)
        self.simulation = Simulation(self._step, dt)
        self.run = self.simulation.run
        self.run_until = self.simulation.run_until
        probes = {
            "rail": lambda: self.psu.volts + self._noise.gauss(0.0, READBACK_NOISE),
            "output": lambda: self.controller.output(self.psu.volts) or 0.0,
            "input": lambda: self.controller.input_amps(self.output_amps),
            "current": lambda: self.output_amps + self._noise.gauss(0.0, READBACK_NOISE),
            "speed": lambda: self.motor.speed,
            "temperature": lambda: self.controller.stage.temperature,
            "gate": lambda: float(self.controller.bridge_closed),
        }
        self.scope = Scope(probes)
        self.dmm = Dmm(probes, self.simulation)
        self.can = CanBus(lambda counter: status_frame(self.controller, self.output_amps, counter), self.simulation)

    def __repr__(self) -> str:
        return f"<Bench t={self.simulation.now:.4f} s {self.psu!r} {self.controller!r} {self.motor!r} {self.load!r}>"

    @property
    def output_amps(self) -> float:
        """Current out of the controller, A."""
        return self.motor.current + self.load.current

    def soak(self, celsius: float) -> None:
        """Set the temperature of the chamber and of the controller at once, without the time for heating."""
        self.ambient = celsius
        self.controller.stage.temperature = celsius

    def power_up(self, volts: float = 12.0) -> None:
        """Switch the supply on, wait until the rail has settled, and enable the controller at a duty of zero."""
        self.psu.set(volts)
        self.psu.on()
        self.run(volts / self.psu.slew + 10e-3)
        self.controller.enable()

    def _step(self, dt: float) -> None:
        amps = self.output_amps
        self.psu.step(dt, self.controller.input_amps(amps))
        rail = self.psu.volts
        self.controller.step(dt, rail, amps, self.ambient)
        output = self.controller.output(rail)
        self.motor.step(dt, output)
        self.load.step(dt, output)
        self.scope.step(dt)
        self.can.step()
