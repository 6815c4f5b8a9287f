"""Record the test suites of published packages, and compare each step with pytest-reportlog's record of the same session.

    python -m benchmarks.real_suites [--packages DIRECTORY]

Downloads the source distributions of the table (or uses those in DIRECTORY), creates an environment with the requirements of
their tests, and runs each suite in one process and in two, into a separate local Atlas. Exits with 1 if anything differs.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from benchmarks.compare import Compared, compare
from benchmarks.suites import RECORD, environment

from pytest_atlas.atlas import GetRun, ListRuns
from pytest_atlas.local import LocalAtlas

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Suite:
    """A package with tests in its source distribution."""

    package: str
    tests: str  # their directory
    needs: tuple[str, ...]


SUITES = (
    Suite("pluggy", "testing", ("pytest-benchmark",)),
    Suite("python-can", "test", ("canalystii", "hypothesis", "parameterized", "pyserial", "pytest-timeout")),
)
MODES = {"one process": (), "-n 2": ("-n", "2")}
ALWAYS = ("-o", "addopts=", "-p", "no:cacheprovider", "--color=no")
"""Ignore the options of the suites, which can require plugins that their tests do not need."""
SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--packages", type=Path, help="directory with the source distributions; without it they are downloaded")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        packages = arguments.packages.resolve() if arguments.packages else download(root / "packages")
        python = make_environment(root / "venv")
        print("| suite | how | collected | steps | subtests | statuses | mismatches |")
        print("| --- | --- | ---: | ---: | ---: | --- | ---: |", flush=True)
        compared = [line for suite in SUITES for line in mirrored(suite, unpack(packages, suite, root), python)]
    return 1 if any(c.mismatches or not c.collected for c in compared) else 0


def download(directory: Path) -> Path:
    pip(sys.executable, "download", "--no-deps", "--no-binary", ":all:", "--dest", directory, *(s.package for s in SUITES))
    return directory


def unpack(packages: Path, suite: Suite, root: Path) -> Path:
    """Return the directory of the unpacked source distribution. Raises StopIteration if there is none."""
    name = suite.package.replace("-", "?")
    archive = next(packages.glob(f"{name}-*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(root, filter="data")
    return root / archive.name.removesuffix(".tar.gz")


def make_environment(venv: Path) -> Path:
    """Create an environment with this project and the requirements of all suites; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    needs = {need for suite in SUITES for need in (suite.package, *suite.needs)}
    pip(sys.executable, "--python", python, "install", ROOT, "pytest-xdist", "pytest-reportlog", *sorted(needs))
    return python


def pip(python: Path | str, *arguments: Path | str) -> None:
    subprocess.run([python, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments], check=True, stdout=sys.stderr)


def mirrored(suite: Suite, directory: Path, python: Path) -> list[Compared]:
    """Record one suite in both modes; print each as a row of the table."""
    collected = collect(suite, directory, python)
    return [show(suite, mode, mirror(suite, directory, python, collected, options)) for mode, options in MODES.items()]


def collect(suite: Suite, directory: Path, python: Path) -> list[str]:
    """Return the nodeids of all tests from `pytest --collect-only`."""
    output = pytest(python, directory, "--collect-only", "-q", suite.tests)
    return [line for line in output.partition("\n\n")[0].splitlines() if "::" in line]


def mirror(suite: Suite, directory: Path, python: Path, collected: list[str], options: tuple[str, ...]) -> Compared:
    """Record one session into a new Atlas, and compare it."""
    with tempfile.TemporaryDirectory() as atlas_dir:
        log = Path(atlas_dir) / "report.jsonl"
        output = pytest(python, directory, *RECORD, f"--atlas-dir={atlas_dir}", "--report-log", log, *options, suite.tests)
        with LocalAtlas(Path(atlas_dir) / "atlas.db", create=True) as atlas:
            runs = atlas.send(ListRuns()).items
            if len(runs) != 1:
                raise RuntimeError(f"{len(runs)} runs, not one:\n{output[-4000:]}")
            return compare(atlas.send(GetRun(run_id=UUID(runs[0].uuid))), collected, log)


def pytest(python: Path, directory: Path, *arguments: Path | str) -> str:
    """Run a session and return its output. Failed tests are not an error."""
    command = [python, "-m", "pytest", *ALWAYS, *arguments]
    own = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=directory, env=own, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def show(suite: Suite, mode: str, found: Compared) -> Compared:
    statuses = ", ".join(f"{count} {status}" for status, count in found.statuses.most_common())
    cells = (suite.package, mode, found.collected, found.steps, found.inner, statuses, len(found.mismatches))
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
    for mismatch in found.mismatches[:SHOWN]:
        print(mismatch, file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
