#!/usr/bin/env python3
"""Commands for developers. They need Python 3.11 or newer and pip.

    python3 dev.py demo           run the example session and show its run from the local Atlas
    python3 dev.py test [ARG …]   run the tests; the arguments are passed to pytest
    python3 dev.py lint           run ruff and mypy
    python3 dev.py bench          run the benchmarks
    python3 dev.py docs           regenerate the tables in README.md and docs/, and the picture
    python3 dev.py vendor         copy the scripts of the web pages from their npm packages

Each command first creates the virtual environment `.venv` next to this file and installs its dependencies there, with the pip
of the current Python. This works also if the system's Python is externally managed or its `venv` comes without pip. Imports the
standard library only.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
from pathlib import Path

REPOSITORY = ""
"""URL of the public repository, for example https://github.com/owner/pytest-atlas; empty until it exists.

The build (hatch_build.py) adds it to the metadata of the package and to the links of its README."""

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")


def run(*command: str | Path, **environment: str) -> int:
    """Run a command in the root directory of the project and return its exit code."""
    return subprocess.run([str(part) for part in command], cwd=ROOT, env={**os.environ, **environment}, check=False).returncode


def requirements(*groups: str) -> list[str]:
    """Return the requirements of dependency groups in pyproject.toml, without pytest-atlas itself."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    return [line for group in groups for line in table[group] if not line.startswith("pytest-atlas")]


def set_up(*groups: str) -> None:
    """Create the virtual environment and install the package (editable) with the dependency groups, once."""
    packages = ["-e", ".[ui]", *requirements(*groups)]
    stamp = VENV / f"installed-{'-'.join(groups) or 'package'}"
    if stamp.exists() and stamp.read_text("utf-8") == _fingerprint(packages):
        return
    if not PYTHON.exists() and run(sys.executable, "-m", "venv", "--without-pip", VENV):
        raise SystemExit(f"dev.py: cannot create the virtual environment {VENV}; on Debian, run apt-get install python3-venv")
    print(f"dev.py: installing the dependencies into {VENV}; this takes a minute", flush=True)
    pip = (sys.executable, "-m", "pip", "--python", PYTHON, "--disable-pip-version-check", "--quiet")
    if run(*pip, "install", *packages):
        raise SystemExit("dev.py: pip cannot install the dependencies; see its output above")
    stamp.write_text(_fingerprint(packages), "utf-8")


def _fingerprint(packages: list[str]) -> str:
    return "\n".join([*packages, (ROOT / "pyproject.toml").read_text("utf-8")])


def demo(arguments: list[str]) -> int:
    """Run the example session and show its run from the local Atlas. Some of its tests fail on purpose."""
    set_up()
    clean = {name: "" for name in os.environ if name.startswith("ATLAS_")}
    run(PYTHON, "-m", "pytest", "examples", "-q", "--atlas-system", DEMO_SYSTEM, *arguments, **clean)
    print("\n$ pytest-atlas --atlas-dir examples/.atlas show", flush=True)
    code = run(BIN / "pytest-atlas", "--atlas-dir", "examples/.atlas", "show", **clean)
    print(f"\nThe failures are intended; see examples/README.md. To show only these: {_command('show --failed')}")
    print(f"To see this run in a browser: {_command('serve')}\nand open http://127.0.0.1:8765/runs/latest")
    return code


def _command(arguments: str) -> str:
    return f"{BIN.relative_to(ROOT) / 'pytest-atlas'} --atlas-dir examples/.atlas {arguments}"


DEMO_SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"


def test(arguments: list[str]) -> int:
    """Run the tests."""
    set_up("test")
    return run(PYTHON, "-m", "pytest", "-n", "2", *arguments)


def lint(arguments: list[str]) -> int:
    """Run ruff, and mypy for this platform; check package and examples for Windows and macOS too."""
    set_up("test", "lint")
    return (
        run(PYTHON, "-m", "ruff", "check", *arguments)
        or run(PYTHON, "-m", "ruff", "format", "--check")
        or run(PYTHON, "-m", "mypy")
        or run(PYTHON, "-m", "mypy", "--platform", "win32", "src", "examples")
        or run(PYTHON, "-m", "mypy", "--platform", "darwin", "src", "examples")
    )


def bench(arguments: list[str]) -> int:
    """Run the benchmarks."""
    set_up("test")
    return run(PYTHON, "-m", "benchmarks", *arguments)


def docs(_: list[str]) -> int:
    """Regenerate the tables in README.md and docs/, and the picture in README.md."""
    set_up("test")
    return run(PYTHON, "-c", "from tests.support.readme import write; write()") or run(PYTHON, "-m", "tests.browser.screenshot")


VENDORED = (
    ("htmx.org", "4.0.1", "0BSD", {"dist/htmx.min.js": "htmx", "dist/ext/hx-sse.min.js": "hx-sse", "LICENSE": "htmx"}),
    ("uplot", "1.6.32", "MIT", {"dist/uPlot.iife.min.js": "uplot", "dist/uPlot.min.css": "uplot", "LICENSE": "uplot"}),
)
"""The scripts of the web pages: npm package, version, licence, and the files with their names in `VENDOR`."""
VENDOR = ROOT / "src" / "pytest_atlas" / "server" / "static" / "vendor"


def vendor(_: list[str]) -> int:
    """Copy the scripts of the web pages from their npm packages, and write vendor.toml."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for old in VENDOR.iterdir():
        old.unlink()
    lines = ["# Written by dev.py vendor: third-party files of the web pages, unchanged from their npm packages."]
    for package, version, licence, files in VENDORED:
        url = f"https://registry.npmjs.org/{package}/-/{package}-{version}.tgz"
        with urllib.request.urlopen(url, timeout=60) as response:
            packed = io.BytesIO(response.read())
        for path, name in files.items():
            data = _member(packed, f"package/{path}")
            target = VENDOR / (f"{name}-{version}.LICENSE" if path == "LICENSE" else f"{name}-{version}.min{Path(path).suffix}")
            target.write_bytes(data)
            fields = {"file": target.name, "package": package, "version": version, "licence": licence, "path": path, "url": url}
            lines += ["", "[[file]]", *(f'{field} = "{value}"' for field, value in fields.items())]
            lines.append(f'sha256 = "{hashlib.sha256(data).hexdigest()}"')
    (VENDOR / "vendor.toml").write_text("\n".join([*lines, ""]), "utf-8")
    return 0


def _member(packed: io.BytesIO, path: str) -> bytes:
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        content = archive.extractfile(path)
        assert content is not None, path
        return content.read()


def project_urls(repository: str) -> dict[str, str]:
    """Return the `project.urls` of the package; none if `repository` is empty."""
    if not repository:
        return {}
    pages = {"Documentation": "/tree/HEAD/docs", "Changelog": "/blob/HEAD/CHANGELOG.md", "Issues": "/issues"}
    return {"Source": repository, **{name: f"{repository}{path}" for name, path in pages.items()}}


def absolute_links(text: str, repository: str) -> str:
    """Replace relative links and pictures of a Markdown page by URLs of the repository, if it is set."""
    if not repository:
        return text
    text = re.sub(r"(!\[[^\]]*)\]\((?![a-z]+:)([^)\s]+)\)", rf"\1]({repository}/raw/HEAD/\2)", text)
    return re.sub(r"\]\((?![a-z]+:|#)([^)\s]+)\)", rf"]({repository}/blob/HEAD/\1)", text)


CHORES = {"demo": demo, "test": test, "lint": lint, "bench": bench, "docs": docs, "vendor": vendor}


def main() -> int:
    """Run the command named on the command line."""
    if len(sys.argv) < 2 or sys.argv[1] not in CHORES:
        print(__doc__)
        return 2
    return CHORES[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    raise SystemExit(main())
