#!/usr/bin/env python3
"""The project's chores, for a machine that has only Python 3.11 or newer and pip.

    python3 dev.py demo           run the example session, show its run from the local Atlas
    python3 dev.py test [ARG …]   run the tests; arguments go to pytest
    python3 dev.py lint           ruff and mypy
    python3 dev.py bench          the benchmarks
    python3 dev.py docs           write into README.md and docs/ what is made from the code

Each makes the virtual environment `.venv` beside this file and installs what it needs there, first. It works where the
system's Python refuses installations and where its `venv` module comes without pip. Standard library only.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")


def run(*command: str | Path, **environment: str) -> int:
    """Run a command in the project's folder, its output on our own; return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


def requirements(*groups: str) -> list[str]:
    """What the dependency groups of pyproject.toml name; our own package is installed from this folder instead."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return [line for group in groups for line in table[group] if not line.startswith("pytest-atlas")]


def set_up(*groups: str) -> None:
    """Make the virtual environment and install the package, editable, with what `groups` need."""
    wanted = ["-e", ".[ui]", *requirements(*groups)]
    stamp = VENV / f"installed-{'-'.join(groups) or 'package'}"
    if stamp.exists() and stamp.read_text("utf-8") == _fingerprint(wanted):
        return
    if not PYTHON.exists() and run(sys.executable, "-m", "venv", "--without-pip", VENV):
        raise SystemExit(f"dev.py: could not make a virtual environment in {VENV}; on Debian, apt-get install python3-venv")
    print(f"dev.py: installing what is needed into {VENV}; this takes a minute, once", flush=True)
    pip = (sys.executable, "-m", "pip", "--python", PYTHON, "--disable-pip-version-check", "--quiet")
    if run(*pip, "install", *wanted):
        raise SystemExit("dev.py: pip could not install what is needed; its own words stand above")
    stamp.write_text(_fingerprint(wanted), "utf-8")


def _fingerprint(wanted: list[str]) -> str:
    return "\n".join([*wanted, (ROOT / "pyproject.toml").read_text("utf-8")])


def demo(arguments: list[str]) -> int:
    """The example session into a local Atlas, then its run as the local Atlas shows it. Some of its tests fail on purpose."""
    set_up()
    clean = {name: "" for name in os.environ if name.startswith("ATLAS_")}
    run(PYTHON, "-m", "pytest", "examples", "-q", "--atlas-system", DEMO_SYSTEM, *arguments, **clean)
    print("\n$ pytest-atlas --atlas-dir examples/.atlas show", flush=True)
    code = run(BIN / "pytest-atlas", "--atlas-dir", "examples/.atlas", "show", **clean)
    print(f"\nWhat failed is meant to: see examples/README.md. That alone: {_by_hand('show --failed')}")
    return code


def _by_hand(words: str) -> str:
    return f"{BIN.relative_to(ROOT) / 'pytest-atlas'} --atlas-dir examples/.atlas {words}"


DEMO_SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"


def test(arguments: list[str]) -> int:
    """The tests."""
    set_up("test")
    return run(PYTHON, "-m", "pytest", "-n", "2", *arguments)


def lint(arguments: list[str]) -> int:
    """Check the style, and the types for this system; those of the package and the examples also for Windows and macOS."""
    set_up("test", "lint")
    return (
        run(PYTHON, "-m", "ruff", "check", *arguments)
        or run(PYTHON, "-m", "ruff", "format", "--check")
        or run(PYTHON, "-m", "mypy")
        or run(PYTHON, "-m", "mypy", "--platform", "win32", "src", "examples")
        or run(PYTHON, "-m", "mypy", "--platform", "darwin", "src", "examples")
    )


def bench(arguments: list[str]) -> int:
    """The benchmarks; each prints medians beside plain pytest's."""
    set_up("test")
    return run(PYTHON, "-m", "benchmarks", *arguments)


def docs(_: list[str]) -> int:
    """The tables in README.md and docs/ that are made from the code."""
    set_up("test")
    return run(PYTHON, "-c", "from tests.support.readme import write; write()")


CHORES = {"demo": demo, "test": test, "lint": lint, "bench": bench, "docs": docs}


def main() -> int:
    """Do the chore that the command line names."""
    if len(sys.argv) < 2 or sys.argv[1] not in CHORES:
        print(__doc__)
        return 2
    return CHORES[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    raise SystemExit(main())
