"""One test with 100,000 parameter sets: the session beside plain pytest's, and its publisher alone.

Takes minutes, so it is not in the table of all figures: `python -m benchmarks.many [sets]`.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import publisher, suites
from benchmarks.measuring import Row, show

from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st

SETS = 100_000
TEST = "import pytest\n@pytest.mark.parametrize('n', range({sets}))\ndef test_n(n): assert n >= 0\n"


def main(sets: int = SETS) -> None:
    show(rows(sets))


def rows(sets: int = SETS) -> Iterator[Row]:
    """The figures, as they come. Raises RuntimeError where not all of the session is in the local Atlas in the end."""
    with tempfile.TemporaryDirectory() as folder:
        suite = suites.make(Path(folder) / "suite", 0)
        (suite / "test_many.py").write_text(TEST.format(sets=sets), "utf-8")
        plain = suites.plain(suite)
        yield Row(f"{sets:,} parameter sets with plain pytest", (plain.wall_s,), "s")
        yield Row("… peak memory of pytest", (plain.peak_mib,), "MiB")
        ours = suites.pytest(suite, *suites.RECORD, "--atlas-timeout=3600")
        (session,) = session_dir.sessions(suite / ".atlas")
        status = next(st.read_all(session), None)
        if not status or status.state != "done" or status.in_place < sets:
            raise RuntimeError(f"not all is in place: {status}\n{ours.output[-4000:]}")
        yield Row("… with ours, until all is in the local Atlas", (ours.wall_s,), "s")
        yield Row("… peak memory of pytest, with ours", (ours.peak_mib,), "MiB")
        alone = publisher.local(session, sets, Path(folder) / "again")
        yield Row("… the publisher alone", (alone.ended.wall_s,), "s")
        yield Row("… its processor time", (alone.ended.cpu_s,), "s")
        yield Row("… its peak memory", (alone.ended.peak_mib,), "MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
