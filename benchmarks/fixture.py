"""Overhead of the `atlas` fixture inside pytest: a measurement, an attachment, a trace."""

import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, rounds, show

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.fixture.atlas import Atlas
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.session_dir import CONTROLLER
from pytest_atlas.journal.spool import Spool
from pytest_atlas.journal.writer import JournalWriter
from pytest_atlas.recorder.contexts import TestContext
from pytest_atlas.recorder.internal_errors import InternalErrors
from pytest_atlas.recorder.running import Running

SAMPLES = 1_000_000
CALLS = 500
POINTS = 1000


def atlas_in(directory: Path) -> Atlas:
    """Return the fixture of a recorded test."""
    journal = JournalWriter(directory / CONTROLLER, Cleaner({"ATLAS_TOKEN": "a-token-as-long-as-they-are"}))
    item: Any = None  # the fixture does not use it
    running = Running(ev.Identity("tests/test_trip.py::TestUndervoltage::test_trip_time[cold]"), item)
    return Atlas(TestContext(journal, Spool(directory), running, InternalErrors()))


def per_call(call: Callable[[int], Any], calls: int) -> float:
    """Return the microseconds of one call."""
    begin = time.perf_counter()
    for number in range(calls):
        call(number)
    return (time.perf_counter() - begin) / calls * 1e6


def rows(count: int) -> Iterator[Row]:
    """Yield the rows."""
    times = array("d", (n * 1e-6 for n in range(SAMPLES)))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        atlas = atlas_in(directory)
        plain = directory / "plain.bin"
        low, gain, high = [-3.0] * POINTS, [0.0] * POINTS, [3.0] * POINTS
        axes = {"f": ([float(n) for n in range(POINTS)], "Hz")}
        cases: dict[str, Callable[[], float]] = {
            "measure": lambda: per_call(lambda n: atlas.measure("trip time", 90.0 + n % 9, unit="ms", high=100), CALLS),
            "mask": lambda: (
                per_call(lambda _: atlas.measure("gain", gain, unit="dB", low=low, high=high, axes=axes), 10) / 1000
            ),
            "attach": lambda: per_call(lambda n: atlas.attach(n.to_bytes(1024), name="dump.bin"), CALLS),
            "plain": lambda: per_call(lambda n: plain.write_bytes(n.to_bytes(1024)), CALLS),
            "trace": lambda: per_call(lambda _: atlas.trace("rail", t=times, volts=times), 1) / 1000,
            "raw": lambda: (
                per_call(lambda _: plain.write_bytes(memoryview(times)) + plain.write_bytes(memoryview(times)), 1) / 1000
            ),
        }
        figures = rounds(cases, count)
    yield Row("`atlas.measure` with a limit", tuple(figures["measure"]), "µs", "≤ 20")
    yield Row("`atlas.measure` of 1,000 points with a mask", tuple(figures["mask"]), "ms", "≤ 5")
    yield Row("`atlas.attach` of 1 KiB, each another", tuple(figures["attach"]), "µs", "≤ 150")
    yield Row("a plain write of 1 KiB", tuple(figures["plain"]), "µs")
    yield Row("`atlas.trace` of 1,000,000 × 2 float64", tuple(figures["trace"]), "ms", "≤ 30")
    yield Row("a plain write of the same 16 MB", tuple(figures["raw"]), "ms")


if __name__ == "__main__":
    show(rows(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
