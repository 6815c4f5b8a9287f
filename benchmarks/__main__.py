"""All figures in one table: `python -m benchmarks [rounds]`. `python -m benchmarks.MODULE` prints one part."""

import sys
from collections.abc import Iterator

from benchmarks import fixture, hooks, jitter, publisher, sessions
from benchmarks.measuring import Row, show


def rows(count: int) -> Iterator[Row]:
    """Yield the rows of all parts."""
    yield from fixture.rows(count)
    yield from hooks.rows(count)
    yield from sessions.rows(count)
    yield from publisher.rows(count)
    yield from jitter.rows(count)


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
