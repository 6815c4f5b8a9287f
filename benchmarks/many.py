"""One test with 10,000 and with 100,000 parameter sets: the session, plain pytest, and the publisher alone.

Takes minutes, so it is not part of `python -m benchmarks`: `python -m benchmarks.many [sets]`. A tenth of the sets is measured
first, in the same run, so that the cost of a test can be compared.
"""

import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

from benchmarks import publisher, suites
from benchmarks.measuring import Row, show

from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st

SETS = 100_000
MAX_GROWTH = 1.3
"""Largest ratio of the cost per test in a session of ten times the size."""
TEST = "import pytest\n@pytest.mark.parametrize('n', range({sets}))\ndef test_n(n): assert n >= 0\n"


def main(sets: int = SETS) -> None:
    show(rows(sets))


def rows(sets: int = SETS) -> Iterator[Row]:
    """Yield the rows. Raises RuntimeError unless all of the session is in the local Atlas in the end."""
    few, many = max(1, sets // 10), sets
    with tempfile.TemporaryDirectory() as directory:
        small = yield from _figures(few, Path(directory) / "few")
        large = yield from _figures(many, Path(directory) / "many")
    goal = f"≤ {MAX_GROWTH * 1e6 * small.ended.cpu_s / few:.0f}"
    yield Row(f"publisher: processor time for each of {few:,} tests", (1e6 * small.ended.cpu_s / few,), "µs")
    yield Row(f"publisher: processor time for each of {many:,} tests", (1e6 * large.ended.cpu_s / many,), "µs", goal=goal)
    yield Row(f"publisher: peak memory with {many:,} tests", (large.ended.peak_mib,), "MiB", goal="≤ 150")


def _figures(sets: int, directory: Path) -> Generator[Row, None, publisher.Published]:
    """Yield the rows of one size, and return the result of the publisher."""
    suite = suites.make(directory / "suite", 0)
    (suite / "test_many.py").write_text(TEST.format(sets=sets), "utf-8")
    plain = suites.plain(suite)
    yield Row(f"{sets:,} parameter sets with plain pytest", (plain.wall_s,), "s")
    yield Row("… peak memory of pytest", (plain.peak_mib,), "MiB")
    ours = suites.pytest(suite, *suites.RECORD, "--atlas-timeout=3600")
    (session,) = session_dir.sessions(suite / ".atlas")
    status = next(st.read_all(session), None)
    if not status or status.state != "done" or status.in_place < sets:
        raise RuntimeError(f"not everything is published: {status}\n{ours.output[-4000:]}")
    yield Row("… recorded, until all is in the local Atlas", (ours.wall_s,), "s")
    yield Row("… difference to plain pytest, per test", (1e6 * (ours.wall_s - plain.wall_s) / sets,), "µs")
    yield Row("… peak memory of pytest, recorded", (ours.peak_mib,), "MiB")
    alone = publisher.local(session, sets, directory / "again")
    yield Row("… the publisher alone (push)", (alone.ended.wall_s,), "s")
    yield Row("… its processor time", (alone.ended.cpu_s,), "s")
    yield Row("… its peak memory", (alone.ended.peak_mib,), "MiB")
    return alone


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
