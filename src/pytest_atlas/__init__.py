"""pytest-atlas: mirror a pytest session into an Atlas test run."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fixture.atlas import Atlas, LimitViolatedError
    from .fixture.limits import Measurement, MeasurementError
    from .mapping import Card, Notes, Outcome, Run, Step

__all__ = [
    "Atlas",
    "Card",
    "LimitViolatedError",
    "Measurement",
    "MeasurementError",
    "Notes",
    "Outcome",
    "Run",
    "Step",
    "__version__",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("Atlas", "LimitViolatedError"):  # imported where they are used: every session loads the plugin
        from .fixture import atlas

        return getattr(atlas, name)
    if name in ("Measurement", "MeasurementError"):
        from .fixture import limits

        return getattr(limits, name)
    if name in ("Card", "Notes", "Outcome", "Run", "Step"):
        from . import mapping

        return getattr(mapping, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
