"""The recorder's clock. A test may freeze time, and forget to let it go: the facts' times are real ones all the same.

freezegun replaces every module's names for `time.time` and its like, so none may stand in a module; time-machine replaces
what they do, but for `perf_counter` and `monotonic`. Standard library only.
"""

import time
from collections.abc import Callable


def _clock() -> tuple[Callable[[], float], Callable[[], float]]:
    count = time.perf_counter
    begun = time.time() - count()
    return lambda: begun + count(), lambda: count()  # noqa: PLW0108 - the function itself would be replaced


now, monotonic = _clock()
"""Unix seconds, UTC, as the machine's clock had them when this process imported us; and seconds since whenever."""
