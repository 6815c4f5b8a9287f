"""Overhead of a pytest session compared with plain pytest and --junitxml: `python -m benchmarks.sessions [rounds]`.

Plain pytest is the same command with `-p no:atlas`; all other plugins are disabled in both. Differences are those within a
round, which runs each candidate once.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks import suites
from benchmarks.measuring import Ended, Row, rounds, run, show
from benchmarks.stand_in import stand_in
from benchmarks.suites import RECORD, plain, pytest

ROUNDS = 7
LATENCY_S = 0.05
HEAVY = ("httpx", "pydantic", "boto3", "asyncio")


def main(count: int = ROUNDS) -> None:
    show(rows(count))


def rows(count: int = ROUNDS) -> Iterator[Row]:
    """Yield all rows."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        yield from unused(suites.make(root / "one", 1), 5 * count)
        yield from one_test(suites.make(root / "local", 1), 2 * count)
        yield from recording(root, count)
        yield from growth(root, count)
        yield from far_away(suites.make(root / "two hundred", 200), count)


def unused(suite: Path, count: int) -> Iterator[Row]:
    """Yield the rows of a session that does not use the installed plugin."""
    ended = rounds({"plain": lambda: plain(suite), "unused": lambda: pytest(suite), "junitxml": lambda: junitxml(suite)}, count)
    names = imported(suite)
    heavy = sorted({name.partition(".")[0] for name in names} & set(HEAVY))
    yield Row("plain pytest, 1 test", tuple(1000 * e.wall_s for e in ended["plain"]), "ms")
    yield Row("… --junitxml: more work", tuple(1000 * s for s in more_work(ended, "junitxml")), "ms")
    yield Row("… plugin installed, not used: more work", tuple(1000 * s for s in more_work(ended, "unused")), "ms")
    remark = "imports " + ", ".join(names) + (f", **heavy: {', '.join(heavy)}**" if heavy else "")
    yield Row("… of it loading the plugin and its options", tuple(loading(suite) for _ in range(count)), "ms", "≤ 2", remark)


def one_test(suite: Path, count: int) -> Iterator[Row]:
    """Yield the row of a session of one test into the local Atlas."""
    cases = {"plain": lambda: plain(suite), "local": lambda: published(suite)}
    ended = rounds(cases, count)
    yield Row("1 test into the local Atlas: ends later by", later(ended, "local"), "s", goal="≤ 0.2")


def recording(root: Path, count: int) -> Iterator[Row]:
    """Yield the cost of recording per test: processor time without that of the start and the end of the session."""
    sessions: dict[str, Callable[[Path], Ended]] = {"plain": plain, "junitxml": junitxml, "atlas": recorded}
    one, many = suites.make(root / "1", 1), suites.make(root / "2000", 2000)
    alone = rounds({name: partial(session, one) for name, session in sessions.items()}, 3 * count)
    ended = rounds({name: partial(session, many) for name, session in sessions.items()}, 3 * count)

    def each(name: str) -> tuple[float, ...]:
        own = median(more_work(alone, name))
        return tuple((extra - own) / 2000 * 1e6 for extra in more_work(ended, name))

    yield Row("recording costs each of 2,000 tests: --junitxml", each("junitxml"), "µs")
    yield Row("… --atlas-offline", each("atlas"), "µs", goal=f"≤ {median(each('junitxml')):.0f}")
    yield Row("… --atlas-offline, the session itself", tuple(1000 * s for s in more_work(alone, "atlas")), "ms")


def growth(root: Path, count: int) -> Iterator[Row]:
    """Yield the ratio of the cost per test in a long session. It includes the work of pytest, which is equal for each test."""
    few, many = suites.make(root / "1000", 1000), suites.make(root / "10000", 10_000)
    ended = rounds({"few": partial(recorded, few), "many": partial(recorded, many)}, count)
    ratios = tuple(b.cpu_s / 10 / a.cpu_s for a, b in zip(ended["few"], ended["many"], strict=True))
    yield Row("a recorded test of 10,000 costs, one of 1,000 being 1", ratios, "", goal="≤ 1.1")


def far_away(suite: Path, count: int) -> Iterator[Row]:
    """Yield the rows of 200 tests with a latency of 50 ms."""
    with stand_in(LATENCY_S) as server:
        counts = []

        def atlas() -> Ended:
            ended = published(suite, server.url)
            counts.append(server.count())
            return ended

        ended = rounds({"plain": lambda: plain(suite), "atlas": atlas}, count)
    calls = f"{counts[-1].operations} requests"
    yield Row("200 tests, latency of 50 ms: ends later by", later(ended, "atlas"), "s", goal="≤ 1.5", remark=calls)
    yield Row(
        "… largest number of requests in flight, as the server counts", tuple(float(c.most_at_once) for c in counts), "", "≤ 32"
    )


def junitxml(suite: Path) -> Ended:
    return plain(suite, "--junitxml=junit.xml")


def recorded(suite: Path) -> Ended:
    return forgetting(suite, pytest(suite, *RECORD, "--atlas-offline"))


def published(suite: Path, url: str = "") -> Ended:
    """Run a session that is published when pytest ends. Raises RuntimeError if it is not."""
    ended = pytest(suite, *RECORD, "--atlas-strict", url=url)
    if " published to " not in ended.output:
        raise RuntimeError(f"nothing was published:\n{ended.output}")
    return forgetting(suite, ended)


def forgetting(suite: Path, ended: Ended) -> Ended:
    """Delete the sessions, so that the next session starts from the same state; the local Atlas is kept."""
    shutil.rmtree(suite / ".atlas" / "sessions")
    return ended


def more_work(ended: dict[str, list[Ended]], name: str) -> tuple[float, ...]:
    """Return the additional processor time compared with plain pytest, for each round, in seconds."""
    return tuple(a.cpu_s - b.cpu_s for a, b in zip(ended[name], ended["plain"], strict=True))


def later(ended: dict[str, list[Ended]], name: str, scale: float = 1.0) -> tuple[float, ...]:
    """Return the additional time compared with plain pytest, for each round, in seconds times `scale`."""
    return tuple(scale * (a.wall_s - b.wall_s) for a, b in zip(ended[name], ended["plain"], strict=True))


_LOADING = """
import time, pytest
from _pytest.config.argparsing import Parser
parser = Parser(_ispytest=True)
begin = time.perf_counter()
import pytest_atlas.plugin
pytest_atlas.plugin.pytest_addoption(parser)
print(1000 * (time.perf_counter() - begin))
"""


def loading(suite: Path) -> float:
    """Return the milliseconds for loading the plugin in a new process, which is more exact than the time of a session."""
    return float(run([sys.executable, "-c", _LOADING], cwd=suite, env=suites.environment()).output)


_IMPORTED = """
import sys, pytest
code = pytest.main(sys.argv[1:])
print("imported:", *sys.modules)
sys.exit(code)
"""


def imported(suite: Path) -> list[str]:
    """Return the modules that a session imports because of the plugin."""

    def modules(session: Callable[..., Ended], *arguments: str) -> set[str]:
        output = session(suite, *arguments, interpreter=("-c", _IMPORTED)).output
        return set(output.rpartition("imported:")[2].split())

    return sorted(modules(pytest) - modules(pytest, "-p", "no:atlas"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
