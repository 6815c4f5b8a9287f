"""Fill a local Atlas with real sessions of a small bench suite, for the browser tests.

`recorded(directory)` records five sessions: values drift, one test fails since run 4, one passes in every other run.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
RUNS = 5
PATIENCE_S = 120

SUITE = '''
import os
import time
from pathlib import Path

import pytest

RUN = int(os.environ["RUN"])


@pytest.mark.atlas_card("Overvoltage")
class TestOvervoltage:
    """The input is disconnected when the rail is too high."""

    @pytest.mark.parametrize("volts", [13.0, 13.5, 14.0])
    def test_trip(self, atlas, volts):
        """Raise the rail; time until the bridge opens."""
        atlas.measure("trip time", 80 + 2.5 * RUN + volts - 13, unit="ms", high=100)
        atlas.measure("overshoot", 0.2 + 0.01 * (RUN % 3), unit="V", low=0.0, high=0.5)

    def test_recovers(self, atlas):
        atlas.measure("trip time", 90 + 5 * RUN, unit="ms", high=108)

    def test_restarts(self, atlas):
        with atlas.step("switch off"):
            atlas.measure("residual", 0.1, unit="V", high=1.0)
        with atlas.step("switch on"):
            atlas.measure("rail", 12.0 + 0.01 * RUN, unit="V", nominal=12.0, tolerance=0.1)


class TestTraces:
    def test_rail(self, atlas, tmp_path):
        times = [n / 10_000 for n in range(20_000)]
        rail = [12.0 if t < 1 else 8.0 for t in times]
        rail[5000] = 15.5  # one sample, which is visible at every zoom
        atlas.trace("rail", t=times, rail=rail, units={"t": "s", "rail": "V"})
        for name, text in FILES.items():
            (tmp_path / name).write_text(text)
            atlas.attach(tmp_path / name)

    def test_output(self):
        print("\\x1b[31mred\\x1b[0m output")
        assert RUN % 2 == 0, "the rail <b>dips</b> in run <script>alert(1)</script>"


@pytest.mark.skip(reason="no chamber")
def test_cold():
    pass


def test_waits():
    """Run until the file GATE exists, so that a page can be watched during the session."""
    gate = os.environ.get("GATE")
    while gate and not Path(gate).exists():
        time.sleep(0.02)


def test_after(atlas):
    atlas.measure("settling time", 3.0, unit="ms", high=5.0)


FILES = {
    "log.txt": "".join(f"{n} line of the log\\n" for n in range(5000)),
    "table.csv": "channel,value\\n1,2.5\\n2,3.5\\n",
    "limits.json": '{"high": [1, 2, {"unit": "V"}]}',
    "page.html": "<script>document.title = 'attacked'</script><h1>page of a test</h1>",
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "attacked"</script></svg>',
    "broken.png": "not a picture",
}
'''


@dataclass(frozen=True)
class Bench:
    """A directory with the suite and its local Atlas."""

    directory: Path

    @property
    def atlas_dir(self) -> Path:
        """The directory of the local Atlas."""
        return self.directory / ".atlas"

    def start(self, run: int, gate: Path | None = None) -> "subprocess.Popen[str]":
        """Start session number `run`. With `gate`, its test `test_waits` runs until this file exists."""
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:asyncio", f"--atlas-system={SYSTEM}"]
        command = [sys.executable, "-m", "pytest", *options, *(["--atlas-report"] if run == RUNS else [])]
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ATLAS_", "PYTEST_", "GITHUB_", "CI"))}
        environment = {**own, "RUN": str(run), **({"GATE": str(gate)} if gate else {})}
        return subprocess.Popen(
            command, cwd=self.directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def record(self, run: int) -> None:
        """Run session number `run` to its end. Raises AssertionError if it was not published."""
        output, _ = self.start(run).communicate(timeout=PATIENCE_S)
        assert "published to local Atlas" in output, output


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for a condition. Raises TimeoutError after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{is_true} is still false after {PATIENCE_S} s")
        time.sleep(0.05)


def recorded(directory: Path) -> Bench:
    """Record sessions of the suite in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "test_supply.py").write_text(SUITE, "utf-8")
    (directory / "pytest.ini").write_text("[pytest]\n", "utf-8")
    bench = Bench(directory)
    for run in range(1, RUNS + 1):
        bench.record(run)
    return bench
