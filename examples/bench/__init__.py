"""A simulated hardware-in-the-loop bench: a supply, a motor controller with its protections, a motor, and instruments.

Everything advances in simulated time by a fixed step, so a test of half a second takes some milliseconds, and the same
seed gives the same noise on every machine. Standard library only. SI units throughout, temperatures in °C.
"""

from .can import CanBus, CanLog, status_frame
from .controller import Fault, Limits, MotorController
from .errors import BenchError, BenchTimeout, InstrumentError
from .instruments import Dmm, ElectronicLoad, Scope
from .motor import Motor, MotorData
from .plot import waveform_svg
from .protection import DebouncedThreshold, ThermalImage, i2t_trip_time
from .psu import PowerSupply, PsuData
from .setup import Bench
from .simulation import Simulation
from .thermal import ThermalStage, heating_time

__all__ = [
    "Bench",
    "BenchError",
    "BenchTimeout",
    "CanBus",
    "CanLog",
    "DebouncedThreshold",
    "Dmm",
    "ElectronicLoad",
    "Fault",
    "InstrumentError",
    "Limits",
    "Motor",
    "MotorController",
    "MotorData",
    "PowerSupply",
    "PsuData",
    "Scope",
    "Simulation",
    "ThermalImage",
    "ThermalStage",
    "heating_time",
    "i2t_trip_time",
    "status_frame",
    "waveform_svg",
]
