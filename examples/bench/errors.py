"""What the bench itself can refuse. A device that misbehaves is no error here: that is for the tests to find."""


class BenchError(Exception):
    """The bench can't do what was asked. Catch this to catch all."""


class InstrumentError(BenchError):
    """An instrument was asked for something that it can't give."""


class BenchTimeout(BenchError):  # noqa: N818  (a time-out is what it is called on a bench)
    """What was waited for did not come about within the given simulated time."""
