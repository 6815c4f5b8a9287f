"""Which test ran when, in one lane for each worker. Pure; positions are percent of the width."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_atlas.atlas.statuses import SEVERITY

MAX_SEGMENTS = 400
"""With more tests, neighbours are drawn as one segment."""
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Timed:
    """A test that has started. Times are microseconds since 1970."""

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
    running_end = max(now, start)
    end = max(max(test.started_at, running_end if test.ended_at is None else test.ended_at) for test in tests)
    span = max(end - start, 1)
    lanes: dict[str, list[Segment]] = defaultdict(list)
    for test in tests:
        ended = running_end if test.ended_at is None else test.ended_at
        x, width = 100 * (test.started_at - start) / span, 100 * max(ended - test.started_at, 0) / span
        lanes[test.worker].append(Segment(round(x, 2), round(max(width, 0.1), 2), test.status, test.title, test.key))
    names = sorted(lanes, key=lambda name: (len(name), name))
    most = max(MAX_SEGMENTS // len(names), 20)
    return Timeline(
        tuple(Lane(name or "main", tuple(_joined(lanes[name], most))) for name in names), tuple(_ticks(span)), len(tests)
    )


def _joined(segments: list[Segment], most: int) -> Iterable[Segment]:
    """Return at most `most` segments: neighbours in the same part of the axis become one."""
    if len(segments) <= most:
        return segments
    parts: dict[int, list[Segment]] = defaultdict(list)
    for segment in segments:
        parts[int(segment.x * most / 100)].append(segment)
    return [_join(some) for some in parts.values()]


def _join(some: list[Segment]) -> Segment:
    if len(some) == 1:
        return some[0]
    status = max((one.status for one in some), key=lambda s: SEVERITY.index(s) if s in SEVERITY else -1)
    x = some[0].x
    return Segment(x, round(some[-1].x + some[-1].width - x, 2), status, f"{len(some)} tests, from {some[0].title}", "")


def _ticks(span: int) -> Iterable[tuple[float, str]]:
    """Yield about five round times."""
    seconds = span / 1e6
    unit, name = (1.0, "s") if seconds < 180 else (60.0, "min") if seconds < 3 * 3600 else (3600.0, "h")
    step = next(s * 10.0**power for power in range(-3, 9) for s in _STEPS if seconds / unit / (s * 10.0**power) <= 6)
    for n in range(int(seconds / unit / step) + 1):
        yield round(100 * n * step * unit / seconds, 1), f"{n * step:g} {name}"
