"""pytest-atlas: mirror a pytest session into an Atlas test run."""

TYPE_CHECKING = False  # as in typing, whose import would make the start of the publisher's process slower
if TYPE_CHECKING:
    from .fixture.atlas import Atlas, LimitViolatedError
    from .fixture.attachments import AttachmentError
    from .fixture.measurement import Measurement, MeasurementError
    from .fixture.traces import TraceError
    from .mapping import CardMapping, Notes, Outcome, RunMapping, StepMapping

__all__ = [
    "Atlas",
    "AttachmentError",
    "CardMapping",
    "LimitViolatedError",
    "Measurement",
    "MeasurementError",
    "Notes",
    "Outcome",
    "RunMapping",
    "StepMapping",
    "TraceError",
    "__version__",
]

__version__ = "0.1.0"

_HOMES = {
    "fixture.atlas": ("Atlas", "LimitViolatedError"),
    "fixture.attachments": ("AttachmentError",),
    "fixture.measurement": ("Measurement", "MeasurementError"),
    "fixture.traces": ("TraceError",),
    "mapping": ("CardMapping", "Notes", "Outcome", "RunMapping", "StepMapping"),
}
"""Where they are. Imported where they are used: every session loads the plugin."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
