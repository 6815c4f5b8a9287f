"""Kill pytest, its publisher and the Atlas server at random moments. A later push completes the run."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.conftest import MORE, PROFILE
from tests.end_to_end.test_kills import only_status, until
from tests.support import mirror
from tests.support.events import SYSTEM
from tests.support.inner import PATIENCE_S, Project, Running
from tests.support.served_atlas import TOKEN
from tests.support.totals import give
from tests.support.truth import compare, lines_of, truth

from pytest_atlas.journal import session_dir
from pytest_atlas.publisher import targets

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")

SERVER = """
import sys
from pathlib import Path
from pytest_atlas.server import serve
serve(Path(sys.argv[1]), port=int(sys.argv[2]), token=sys.argv[3], announce=lambda url: print(url, flush=True))
"""
SUITE = """
    import pathlib, time
    import pytest

    @pytest.mark.parametrize("n", range(40))
    def test_trip(atlas, n):
        pathlib.Path(f"at-{n}").write_text("x")
        with atlas.step("Read the scope"):
            time.sleep(0.02)  # the duration of a measurement
        assert n % 8
"""
ROUNDS = int(os.environ.get(MORE, "400")) // 100
SEEDS = range(ROUNDS) if os.environ.get(PROFILE, "ci") == "ci" else [random.randrange(10**9) for _ in range(ROUNDS)]


class Served:
    """A local Atlas in a separate process, always at the same address."""

    def __init__(self, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.directory = directory
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", SERVER, str(self.directory), str(self.port), TOKEN]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == self.url.encode()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout
        self.process.stdout.close()


def strike(victim: str, running: Running, atlas: Served) -> bool:
    """Kill a process. Return whether it was running. The Atlas server is restarted at once."""
    if victim == "server":
        atlas.kill()
        atlas.start()
        return True
    if victim == "pytest":
        alive = running.process.poll() is None
        running.process.kill()
        return alive
    status = only_status(running)
    if status is None or status.state != "working":
        return False
    os.kill(status.pid, signal.SIGKILL)
    return True


def has_come(moment: Path, running: Running) -> bool:
    return moment.exists() or running.process.poll() is not None


def one_round(directory: Path, chance: random.Random, totals: Counter[str]) -> None:
    project = Project(directory / "bench").write("test_bench.py", SUITE)
    atlas = Served(directory / "atlas")
    try:
        running = project.start(f"--atlas-system={SYSTEM}", "--atlas-attach=none", "--atlas-timeout=5",
                                env={"ATLAS_URL": atlas.url, "ATLAS_TOKEN": TOKEN})  # fmt: skip
        moments = sorted(chance.sample(range(40), 2))
        for moment, victim in zip(moments, chance.sample(["pytest", "publisher", "server"], 2), strict=True):
            until(partial(has_come, project.root / f"at-{moment}", running))
            totals[f"killed: {victim}"] += strike(victim, running, atlas)
        running.end()
        (session,) = session_dir.sessions(running.atlas_dir)
        assert mirror.push(session, targets.remote(atlas.url, TOKEN)).state == "done"
        totals["publishers"] += 2
    finally:
        atlas.kill()
    lines = lines_of(session)
    want = truth(lines, session)
    assert want is not None
    verdict = compare(want, mirror.runs(atlas.directory), lambda _: b"")
    assert verdict.problems == []
    totals["events recorded"] += len(lines)
    totals.update(verdict.totals)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"round {SEEDS.index(seed)}")
def test_each_entity_is_in_atlas_once_after_any_kill(
    tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    print(f"seed {seed}")
    totals = Counter({"rounds": 1, "sessions": 1})
    one_round(tmp_path, random.Random(seed), totals)
    give(record_property, totals)
