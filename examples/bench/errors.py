"""Errors of the bench. Wrong behaviour of the device is not an error; the tests detect it."""


class BenchError(Exception):
    """Base class of the errors."""


class InstrumentError(BenchError):
    """An instrument was used outside of its range."""


class BenchTimeout(BenchError):  # noqa: N818 - the usual name on a bench
    """A condition was not met within the given simulated time."""
