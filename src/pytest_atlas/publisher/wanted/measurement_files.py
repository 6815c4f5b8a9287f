"""Which cards get a file with their measurements. Pure; `measurements` has the content."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from pytest_atlas.journal import events as ev

from .parts import Card, Test

FILE_NAME = "measurements.csv"


def files(cards: Mapping[str, Card], tests: Iterable[Test]) -> Iterator[tuple[str, ev.FileKept]]:
    """The key of each card that has measurements, and its file. The content is written when it is published."""
    measured = dict.fromkeys(test.card for test in tests if any(e.inside and e.inside.measured for e in test.executions))
    for key in measured:
        path = f"files/measurements-{hashlib.sha256(cards[key].key.encode()).hexdigest()[:16]}.csv"
        yield key, ev.FileKept(name=FILE_NAME, path=path, size=0, at=0.0)
