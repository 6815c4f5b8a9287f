"""Suites of trivial tests, and pytest sessions that run them in separate processes."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from benchmarks.measuring import Ended, run
from benchmarks.stand_in import TOKEN

SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
RECORD = ("--atlas-system", SYSTEM)
TESTS_PER_MODULE = 20
PUBLISHER = (sys.executable, "-P", "-m", "pytest_atlas.publisher")


def make(directory: Path, tests: int) -> Path:
    """Create a project of `tests` tests that pass, in modules of twenty."""
    directory.mkdir(parents=True)
    (directory / "pytest.ini").write_text("[pytest]\n", "utf-8")
    for start in range(0, tests, TESTS_PER_MODULE):
        names = range(start, min(start + TESTS_PER_MODULE, tests))
        text = "\n\n".join(f"def test_{n}():\n    assert True\n" for n in names)
        (directory / f"test_{start // TESTS_PER_MODULE:04}.py").write_text(text, "utf-8")
    return directory


def others() -> list[str]:
    """Return arguments that disable all other installed plugins, which would only add noise."""
    names = {point.name for point in entry_points(group="pytest11")} - {"atlas"}
    return [part for name in sorted(names) for part in ("-p", f"no:{name}")]


OTHERS = others()


def pytest(directory: Path, *arguments: str | Path, url: str = "", interpreter: Sequence[str] = ("-m", "pytest")) -> Ended:
    """Run a session in `directory`; with `url` it is published there. Raises RuntimeError unless all tests passed."""
    command = [sys.executable, *interpreter, "-q", "-p", "no:cacheprovider", *OTHERS, *arguments]
    ended = run(command, cwd=directory, env=environment(url))
    if ended.code:
        raise RuntimeError(f"pytest ended with exit code {ended.code}:\n{ended.output}")
    return ended


def plain(directory: Path, *arguments: str | Path) -> Ended:
    """Run a session without the plugin."""
    return pytest(directory, "-p", "no:atlas", *arguments)


def environment(url: str = "") -> Mapping[str, str]:
    """Return the environment without variables of other Atlases and pytests, and without those that make Python slower."""
    strange = ("ATLAS_", "PYTEST_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    own = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return {**own, **({"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN} if url else {}), "PYTHONHASHSEED": "0"}
