"""Speed and memory of publishing a recorded session: `python -m benchmarks.publisher [rounds]`.

The publisher runs with the command that pytest uses. The Atlas is a stand-in in another process that responds at once (on a
separate processor if the system supports it), and then the local one. The session was recorded before.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import suites
from benchmarks.measuring import Ended, Row, rounds, run, show
from benchmarks.stand_in import Counted, Running, stand_in

from pytest_atlas.journal import session_dir
from pytest_atlas.journal import status as st

ROUNDS = 5
SIZES = (1000, 5000, 10_000)
NO_GOAL = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A published session."""

    tests: int
    ended: Ended
    status: st.Status
    counted: Counted | None = None  # by the stand-in


def main(count: int = ROUNDS) -> None:
    show(rows(count))


def rows(count: int = ROUNDS) -> Iterator[Row]:
    """Yield all rows."""
    with tempfile.TemporaryDirectory() as directory, stand_in(on_separate_processor=True) as server:
        root = Path(directory)
        sessions = {size: record(root / str(size), size) for size in SIZES}
        cases: dict[str, Callable[[], Published]] = {}
        for size, session in sessions.items():
            cases[f"remote {size}"] = lambda s=session, n=size: remote(s, n, server)  # type: ignore[misc]
            cases[f"local {size}"] = lambda s=session, n=size: local(s, n, root / "atlas")  # type: ignore[misc]
        done = rounds(cases, count)
    yield from figures(done, "remote", "an Atlas that responds at once", "≥ 2,000")
    yield from figures(done, "local", "the local Atlas", NO_GOAL)


def figures(done: dict[str, list[Published]], kind: str, where: str, goal: str) -> Iterator[Row]:
    """Yield the rows of one kind of Atlas."""
    much, more, most = (done[f"{kind} {size}"] for size in SIZES)
    if kind == "remote":
        rates = tuple(p.counted.per_second for p in more if p.counted)
        yield Row(f"5,000 tests to {where}: operations", rates, "/s", goal=goal)
    calls = f"{more[0].counted.operations} requests" if more[0].counted else ""
    yield Row(f"5,000 tests to {where}: the whole process", tuple(p.ended.wall_s for p in more), "s", remark=calls)
    yield Row("… peak memory", tuple(p.ended.peak_mib for p in more), "MiB", goal="≤ 150")
    yield Row("… peak memory with 10,000 tests", tuple(p.ended.peak_mib for p in most), "MiB", goal="≤ 150")
    small = Row("… each of 1,000 tests", each(much), "ms")
    yield small
    yield Row("… each of 10,000 tests", each(most), "ms", goal=f"≤ {1.2 * small.median:.2f}")


def each(done: list[Published]) -> tuple[float, ...]:
    """Return the milliseconds of processor time per test."""
    return tuple(1000 * p.ended.cpu_s / p.tests for p in done)


def record(suite: Path, tests: int) -> Path:
    """Record a session without publishing it, and return its directory."""
    suites.pytest(suites.make(suite, tests), *suites.RECORD, "--atlas-offline")
    (session,) = session_dir.sessions(suite / ".atlas")
    return session


def remote(session: Path, tests: int, server: Running) -> Published:
    server.count()
    published = publish(session, tests, ["--atlas-dir", session.parents[1], "--url", server.url], server.url)
    return Published(tests, published.ended, published.status, server.count())


def local(session: Path, tests: int, atlas: Path) -> Published:
    shutil.rmtree(atlas, ignore_errors=True)
    return publish(session, tests, ["--atlas-dir", atlas])


def publish(session: Path, tests: int, arguments: list[str | Path], url: str = "") -> Published:
    """Publish without earlier receipts. Raises RuntimeError unless all of it is published."""
    for path in session.iterdir():
        if not path.name.startswith("journal"):
            path.unlink()
    ended = run([*suites.PUBLISHER, session, *arguments], cwd=session, env=suites.environment(url), stdin=b"end\n")
    status = next(st.read_all(session), None)
    if ended.code or not status or status.in_place < tests:
        raise RuntimeError(f"the publisher ended with exit code {ended.code} and {status}:\n{ended.output[-4000:]}")
    return Published(tests, ended, status)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
