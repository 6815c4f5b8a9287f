"""The clock of the recorder: real times, also while a test freezes time.

freezegun replaces `time.time` and similar functions in all modules that have them as attributes, so this module has none;
time-machine replaces their implementation, except for `perf_counter` and `monotonic`. Standard library only.
"""

import time
from collections.abc import Callable


def _clock() -> tuple[Callable[[], float], Callable[[], float]]:
    count = time.perf_counter
    begun = time.time() - count()
    return lambda: begun + count(), lambda: count()  # noqa: PLW0108 - the function itself would be replaced


now, monotonic = _clock()
"""Unix seconds, UTC, by the clock of the machine at the import of this module; and seconds since any moment."""
