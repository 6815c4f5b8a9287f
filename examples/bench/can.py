"""The controller's CAN bus: a cyclic status frame, and a logger that writes Vector's ASC format."""

from collections.abc import Callable
from pathlib import Path
from struct import Struct

from .controller import Fault, MotorController
from .simulation import Simulation

STATUS_ID = 0x101
STATUS_PERIOD = 10e-3
"""s"""

_STATUS = Struct(">HhBBBB")
_EPOCH = "Thu Jan 1 00:00:00.000 1970"  # simulated time starts at zero, and a log is the same at each run
_HEADER = f"date {_EPOCH}\nbase hex  timestamps absolute\nno internal events logged\nBegin Triggerblock {_EPOCH}\n"


def status_frame(controller: MotorController, amps: float, counter: int) -> bytes:
    """Encode in big endian: rail, current (10 mV, 10 mA), bridge (1 °C, offset −40), duty (0.5 %), fault (0: none), counter.

    >>> status_frame(MotorController(), amps=2.5, counter=7).hex(" ")
    '00 00 00 fa 41 00 00 07'
    """
    fault = 0 if controller.fault is None else 1 + list(Fault).index(controller.fault)
    bridge = max(0, min(255, round(controller.stage.temperature + 40)))
    return _STATUS.pack(
        round(controller.measured_volts * 100), round(amps * 100), bridge, round(controller.duty * 200), fault, counter % 256
    )


class CanLog:
    """A log that is written. The file is complete after `stop`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w", encoding="ascii", newline="\n")
        self._file.write(_HEADER)

    def __repr__(self) -> str:
        return f"<CanLog {self.path}{', complete' if self.complete else ''}>"

    @property
    def complete(self) -> bool:
        """Whether it was stopped."""
        return self._file.closed

    def write(self, at: float, identifier: int, data: bytes) -> None:
        """Write a frame that was received at `at` seconds."""
        self._file.write(f"{at:11.6f} 1  {identifier:<15X} Rx   d {len(data)} {data.hex(' ').upper()}\n")

    def stop(self) -> None:
        """Write the end and close."""
        self._file.write("End TriggerBlock\n")
        self._file.close()


class CanBus:
    """Sends `frame(counter)` each 10 ms; `record` logs it."""

    def __init__(self, frame: Callable[[int], bytes], simulation: Simulation) -> None:
        self._frame = frame
        self._simulation = simulation
        self._log: CanLog | None = None
        self._sent = 0

    def record(self, path: Path) -> CanLog:
        """Start a log; it ends with its `stop`."""
        self._log = CanLog(path)
        return self._log

    def step(self) -> None:
        """Send the next frame if its time has come."""
        if self._log is None or self._log.complete:  # without a log, frames have no effect
            return
        if self._simulation.now >= self._sent * STATUS_PERIOD:
            self._log.write(self._simulation.now, STATUS_ID, self._frame(self._sent))
            self._sent += 1
