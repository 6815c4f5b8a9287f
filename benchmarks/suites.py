"""Suites of trivial tests, and pytest sessions on them, each in a process of its own."""

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


def make(folder: Path, tests: int) -> Path:
    """A project of `tests` tests that pass, in modules of twenty."""
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    for start in range(0, tests, TESTS_PER_MODULE):
        names = range(start, min(start + TESTS_PER_MODULE, tests))
        text = "\n\n".join(f"def test_{n}():\n    assert True\n" for n in names)
        (folder / f"test_{start // TESTS_PER_MODULE:04}.py").write_text(text, "utf-8")
    return folder


def others() -> list[str]:
    """Arguments that keep all installed plugins out but ours: they would only add noise."""
    names = {point.name for point in entry_points(group="pytest11")} - {"atlas"}
    return [part for name in sorted(names) for part in ("-p", f"no:{name}")]


OTHERS = others()


def pytest(folder: Path, *arguments: str | Path, url: str = "", interpreter: Sequence[str] = ("-m", "pytest")) -> Ended:
    """A session in `folder`; with `url` it is published there. Raises RuntimeError where it did not end with all passed."""
    command = [sys.executable, *interpreter, "-q", "-p", "no:cacheprovider", *OTHERS, *arguments]
    ended = run(command, cwd=folder, env=environment(url))
    if ended.code:
        raise RuntimeError(f"pytest ended with exit code {ended.code}:\n{ended.output}")
    return ended


def plain(folder: Path, *arguments: str | Path) -> Ended:
    """A session without our plugin."""
    return pytest(folder, "-p", "no:atlas", *arguments)


def environment(url: str = "") -> Mapping[str, str]:
    """The environment without what belongs to other Atlases or pytests, or makes Python slower than it is for everybody."""
    strange = ("ATLAS_", "PYTEST_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    own = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return {**own, **({"ATLAS_URL": url, "ATLAS_TOKEN": TOKEN} if url else {}), "PYTHONHASHSEED": "0"}
