"""A control loop of 1 ms in a test, with a busy publisher: `python -m benchmarks.jitter [rounds]`.

The first test runs the loop while the publisher sends the plan of 20,000 tests to the local Atlas. Plain pytest runs the same
loop in the same round. Lateness: the delay of the start of an iteration.
"""

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks import suites
from benchmarks.measuring import Row, rounds, show
from benchmarks.suites import RECORD, plain, pytest

ROUNDS = 5
TESTS = 20_000
BUSY_BYTES = 500_000
"""Receipts of about 3,000 steps."""
LOOP = """
import pathlib, time
import pytest

PERIOD_S, SECONDS = 0.001, 3

def receipts():
    return sum(path.stat().st_size for path in pathlib.Path(".atlas/sessions").glob("*/receipts-*.jsonl"))

def test_control_loop():
    before = receipts()
    lateness = []
    next_s = time.perf_counter() + PERIOD_S
    for _ in range(int(SECONDS / PERIOD_S)):
        time.sleep(max(0.0, next_s - time.perf_counter()))
        lateness.append(time.perf_counter() - next_s)
        next_s = max(next_s + PERIOD_S, time.perf_counter())
    lateness.sort()
    p99 = lateness[int(0.99 * len(lateness))]
    print(f"lateness_ms {1000 * p99} receipts {receipts() - before}")

def test_ends_the_session():
    pytest.exit("measured", returncode=0)

@pytest.mark.parametrize("number", range({tests}))
def test_is_only_planned(number): ...
"""


def lateness_ms(suite: Path, *, recorded: bool) -> float:
    """Return the 99th percentile of the lateness. Raises RuntimeError if the publisher was not busy."""
    arguments = (*RECORD, "--atlas-timeout=0") if recorded else ()
    output = (pytest if recorded else plain)(suite, "-s", *arguments).output
    words = output.partition("lateness_ms ")[2].split()
    if recorded and int(words[2]) < BUSY_BYTES:
        raise RuntimeError(f"the publisher wrote only {words[2]} bytes of receipts during the loop")
    return float(words[0])


def rows(count: int = ROUNDS) -> Iterator[Row]:
    """Yield the rows."""
    with tempfile.TemporaryDirectory() as directory:
        suite = suites.make(Path(directory) / "loop", 0)
        (suite / "test_loop.py").write_text(LOOP.replace("{tests}", str(TESTS)), "utf-8")
        cases = {"plain": partial(lateness_ms, suite, recorded=False), "atlas": partial(lateness_ms, suite, recorded=True)}
        figures = rounds(cases, count)
    yield Row("loop of 1 ms, plain pytest: p99 lateness", tuple(figures["plain"]), "ms")
    more = tuple(b - a for a, b in zip(figures["plain"], figures["atlas"], strict=True))
    yield Row("… difference with a busy publisher", more, "ms", goal="≤ 0.5")


if __name__ == "__main__":
    show(rows(*map(int, sys.argv[1:])))
