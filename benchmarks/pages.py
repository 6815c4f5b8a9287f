"""The time and the size of the pages of `pytest-atlas serve`, without the network, for a large store.

    python -m benchmarks.pages [--runs 5000] [--steps 20] [--systems 5] [--large 10000] [--repeats 5] [--store DIR]

Makes one store with many runs and another one with a run of `--large` steps, in a minute or two; `--store` keeps and reuses
them. Prints the median time of each page in milliseconds, its size, and the limit of the project.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.support.large_store import Shape, make
from tests.support.web_client import TestClient

from pytest_atlas.local import LocalAtlas
from pytest_atlas.local.views import Views
from pytest_atlas.server.site import site

PAGE_MS = 200
LARGE_RUN_MS = 1000
SEARCH_MS = 1000


def main() -> None:
    """Make the stores and print a line for each page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("runs", 5000), ("steps", 20), ("systems", 5), ("large", 10_000), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--store", type=Path, help="directory of the stores, which are kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = given.store or Path(temporary)
        shape = Shape(runs=given.runs, steps=given.steps, systems=given.systems)
        print(f"{shape.runs} runs, {shape.runs * shape.steps} steps")
        measure(made(root / "many", shape), given.repeats)
        print(f"a run of {given.large} steps")
        measure(made(root / "large", Shape(runs=1, steps=given.large, systems=1)), given.repeats, is_large=True)


def made(directory: Path, shape: Shape) -> Path:
    """Return the store in `directory`; make it if it does not exist."""
    path = directory / "atlas.db"
    return path if path.exists() else make(directory, shape)


def measure(path: Path, repeats: int, *, is_large: bool = False) -> None:
    """Print the time and the size of each page of this store."""
    with LocalAtlas(path) as atlas, site(atlas, None) as whole:
        client = TestClient(whole, base_url="http://localhost:8765")
        for name, url, limit_ms in large_pages(path) if is_large else pages(path):
            times = []
            for _ in range(repeats):
                start = time.perf_counter()
                answer = client.get(url)
                times.append((time.perf_counter() - start) * 1000)
            size = len(answer.content) / 1000
            print(
                f"{name:36} {statistics.median(times):8.1f} ms (≤ {limit_ms}) {size:8.1f} kB  {answer.status_code}", flush=True
            )


def pages(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the URL and the limit of pages of a store with many runs."""
    newest, before, step, system, test = newest_step(path)
    measurement = f"/systems/{system}/measurement?test={quote(test)}&name=trip%20time"
    yield "runs", "/", PAGE_MS
    yield "runs of a system", f"/?system={system}", PAGE_MS
    yield "a run", f"/runs/{newest}", PAGE_MS
    yield "a step", f"/runs/{newest}/steps/{step}", PAGE_MS
    yield "measurements of a system", f"/systems/{system}/measurements", PAGE_MS
    yield "a measurement over all its runs", measurement, PAGE_MS
    yield "two runs compared", f"/compare?a={before}&b={newest}", PAGE_MS
    yield "search: a word of some steps", "/search?q=above", SEARCH_MS
    yield "search: words of every step", "/search?q=trip+time", SEARCH_MS


def large_pages(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the URL and the limit of pages of a store with one large run."""
    newest, _, step, _, _ = newest_step(path)
    yield "runs", "/", PAGE_MS
    yield "the run", f"/runs/{newest}", LARGE_RUN_MS
    yield "a step", f"/runs/{newest}/steps/{step}", PAGE_MS


def newest_step(path: Path) -> tuple[str, str, str, str, str]:
    """Return the newest run, the run of its system before it, and a step of it with the UUID of its system and its test."""
    views = Views(path, time_limit_s=60)
    with views.read() as db:
        run = db.execute("SELECT id, number, system_id FROM runs ORDER BY id DESC LIMIT 1").fetchone()
        earlier = "SELECT number FROM runs WHERE system_id = ? AND id < ? ORDER BY id DESC LIMIT 1"
        before = db.execute(earlier, (run["system_id"], run["id"])).fetchone()
        steps = "SELECT s.uuid, s.test FROM cards c JOIN steps s ON s.card = c.id WHERE c.run = ? LIMIT 1"
        step = db.execute(steps, (run["id"],)).fetchone()
    views.close()
    names = [f"TR-{number:04}" for number in (run["number"], (before or run)["number"])]
    return names[0], names[1], step["uuid"], run["system_id"], step["test"]


if __name__ == "__main__":
    main()
