"""Which test ran when, in one lane for each worker. Pure; positions are percent of the width."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_atlas.atlas.statuses import SEVERITY

MAX_SEGMENTS = 400
"""With more tests, neighbours are drawn as one segment."""
ORDER: dict[str, int] = {status: n for n, status in enumerate(SEVERITY)}
_STEPS = (1, 2, 5)


class Timed(NamedTuple):
    """A test that has started. Times are microseconds since 1970. A tuple, because a run can have 100,000 of them."""

    key: str  # UUID of the step
    title: str
    status: str
    worker: str
    started_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A test, or several neighbours with their worst status."""

    x: float
    width: float
    status: str
    title: str
    key: str  # empty for several tests


@dataclass(frozen=True, slots=True)
class Lane:
    """The tests of one worker."""

    name: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lanes, and the ticks of their axis."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]  # position and label
    tests: int


def timeline(tests: Sequence[Timed], now: int) -> Timeline | None:
    """Return the lanes of all tests; None without any. A test that has not ended lasts until `now`."""
    if not tests:
        return None
    start = min(test.started_at for test in tests)
    until = max(now, start)
    end = max(max(test.started_at, _end(test, until)) for test in tests)
    axis = _Axis(start, max(end - start, 1), until)
    lanes: dict[str, list[Timed]] = defaultdict(list)
    for test in tests:
        lanes[test.worker].append(test)
    names = sorted(lanes, key=lambda name: (len(name), name))
    most = max(MAX_SEGMENTS // len(names), 20)
    found = tuple(Lane(name or "main", tuple(axis.segment(some) for some in axis.parts(lanes[name], most))) for name in names)
    return Timeline(found, tuple(_ticks(axis.span)), len(tests))


def _end(test: Timed, until: int) -> int:
    return until if test.ended_at is None else test.ended_at


@dataclass(frozen=True, slots=True)
class _Axis:
    """Times as positions."""

    start: int
    span: int
    until: int  # end of tests that have not ended

    def parts(self, tests: list[Timed], most: int) -> Iterable[list[Timed]]:
        """Return the tests of each segment: one, or neighbours in the same part of the axis if there are many tests."""
        if len(tests) <= most:
            return ([test] for test in tests)
        parts: dict[int, list[Timed]] = defaultdict(list)
        for test in tests:
            parts[(test.started_at - self.start) * most // self.span].append(test)
        return parts.values()

    def segment(self, tests: list[Timed]) -> Segment:
        """Return a segment from the start of the first test to the last end, with the worst status."""
        first = tests[0]
        end = max(_end(test, self.until) for test in tests)
        x, width = 100 * (first.started_at - self.start) / self.span, 100 * max(end - first.started_at, 0) / self.span
        is_one = len(tests) == 1
        return Segment(
            round(x, 2),
            round(max(width, 0.1), 2),
            first.status if is_one else max((test.status for test in tests), key=_severity),
            first.title if is_one else f"{len(tests)} tests, from {first.title}",
            first.key if is_one else "",
        )


def _severity(status: str) -> int:
    return ORDER.get(status, -1)


def _ticks(span: int) -> Iterable[tuple[float, str]]:
    """Yield about five round times."""
    seconds = span / 1e6
    unit, name = (1.0, "s") if seconds < 180 else (60.0, "min") if seconds < 3 * 3600 else (3600.0, "h")
    step = next(s * 10.0**power for power in range(-3, 9) for s in _STEPS if seconds / unit / (s * 10.0**power) <= 6)
    for n in range(int(seconds / unit / step) + 1):
        yield round(100 * n * step * unit / seconds, 1), f"{n * step:g} {name}"
