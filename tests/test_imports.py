"""The dependency rules of the packages, and the imports of a session that does not use Atlas."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_atlas

ROOT = Path(pytest_atlas.__file__).parent

PACKAGES: dict[str, set[str]] = {
    # A package may always import itself.
    "base": set(),
    "settings": {"base"},
    "mapping": set(),
    "hookspecs": {"mapping"},
    "journal": {"base"},
    "recorder": {"base", "journal", "mapping", "settings", "session.attempts"},
    "fixture": {"base", "journal", "recorder", "settings"},
    "autoload": set(),
    "collection": set(),
    "plugin": {"base", "collection", "fixture", "hookspecs", "journal", "recorder", "settings"},
    "descriptions": {"base"},
    "session": {"atlas.statuses", "base", "descriptions", "journal.events"},
    "session_loader": {"base", "journal", "session"},
    "atlas": set(),
    "atlas.downloads": {"base.file_names"},  # a leaf module: names from servers become safe by one rule
    "analysis": {"atlas", "base", "descriptions", "session"},
    "publisher": {"atlas", "base", "descriptions", "journal", "session", "session_loader"},
    "publisher.targets": {"atlas", "base", "descriptions", "journal", "local", "session"},  # chooses a local or remote Atlas
    "publisher.main": {"atlas", "base", "descriptions", "journal", "local", "session"},
    "local": {"analysis", "atlas", "base", "descriptions"},
    "server": {"analysis", "atlas", "base", "descriptions", "journal", "local", "session", "session_loader"},
    "summary": {"analysis", "base", "journal", "publisher.baseline", "session", "session_loader"},
    "__main__": {"cli"},
    "cli": {
        "analysis",
        "atlas",
        "base",
        "descriptions",
        "journal",
        "local",
        "publisher",
        "recorder",
        "server",
        "session",
        "session_loader",
        "settings",
        "summary",
    },
}
"""Package or module -> the packages and modules that it may import."""

INSIDE_PYTEST = (
    "autoload",
    "plugin",
    "collection",
    "settings",
    "hookspecs",
    "mapping",
    "base",
    "recorder",
    "journal",
    "fixture",
)
"""Packages that are imported inside pytest: standard library and pytest only."""
OUTSIDE_PYTEST = {"journal.decode"}
"""Modules of these packages that only other processes import."""
OPTIONAL = {"pyarrow", "numpy", "PIL"}
"""Imported only if a test passes an object of the library."""


def modules() -> Iterator[str]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imported(module: str) -> Iterator[str]:
    """Yield the absolute names of all imports of `module`, also those inside functions."""
    package = ["pytest_atlas", *module.split(".")]
    if file_of(module).name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(file_of(module).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{name}.{alias.name}" for alias in node.names)


ALL = [module for module in modules() if module]


def test_every_package_has_a_dependency_rule() -> None:
    assert {module.partition(".")[0] for module in ALL} <= set(PACKAGES)


@pytest.mark.parametrize("module", ALL)
def test_a_module_imports_only_the_allowed_packages(module: str) -> None:
    package = module.partition(".")[0]
    allowed = {*PACKAGES.get(module, PACKAGES[package]), package}
    ours = [name.removeprefix("pytest_atlas.") for name in imported(module) if name.startswith("pytest_atlas.")]
    assert [name for name in ours if name != "__version__" and not any(f"{name}.".startswith(f"{a}.") for a in allowed)] == []


@pytest.mark.parametrize("module", [m for m in ALL if m.partition(".")[0] in INSIDE_PYTEST and m not in OUTSIDE_PYTEST])
def test_modules_inside_pytest_import_only_the_standard_library_and_pytest(module: str) -> None:
    tops = {name.partition(".")[0] for name in imported(module)}
    assert tops - sys.stdlib_module_names - OPTIONAL <= {"pytest", "pytest_atlas"}


@pytest.mark.parametrize(
    "module", [m for m in ALL if m.partition(".")[0] in ("base", "recorder", "journal", "plugin", "settings")]
)
def test_the_recorder_starts_no_thread_and_opens_no_socket(module: str) -> None:
    assert not {"socket", "threading", "asyncio", "multiprocessing", "concurrent"} & {
        name.partition(".")[0] for name in imported(module)
    }


PURE = (
    "session",
    "descriptions",
    "analysis",
    "publisher.reconcile",
    "publisher.recovery.match",
    "publisher.recovery.run_index",
    "publisher.recovery.shared_run",
    "publisher.recovery.verify",
)
"""Packages and modules without clock, file, network, randomness or environment."""
IMPURE = {"os", "pathlib", "time", "random", "socket", "subprocess", "threading", "asyncio", "httpx", "sqlite3"}


@pytest.mark.parametrize("module", [m for m in ALL if f"{m}.".startswith(tuple(f"{name}." for name in PURE))])
def test_pure_modules_import_no_clock_file_network_or_environment(module: str) -> None:
    assert not IMPURE & {name.partition(".")[0] for name in imported(module)}


def loaded(tmp_path: Path, *arguments: str) -> set[str]:
    """Return the modules loaded at the end of a pytest session without plugins from entry points."""
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure(): print('loaded', *sys.modules, file=sys.stderr)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *arguments]
    env = {"PATH": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "SYSTEMROOT": ""}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("loaded "))
    return set(line.split())


def test_a_session_that_does_not_use_atlas_imports_nothing_for_it(tmp_path: Path) -> None:
    extra = loaded(tmp_path, "-p", "pytest_atlas.plugin") - loaded(tmp_path)
    own = {"pytest_atlas.hookspecs", "pytest_atlas.plugin", "pytest_atlas.settings", "pytest_atlas.collection"}
    assert extra == {"pytest_atlas", *own}


def test_a_session_that_records_imports_nothing_heavy(tmp_path: Path) -> None:
    system = "--atlas-system=5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
    extra = loaded(tmp_path, "-p", "pytest_atlas.plugin", system, "--atlas-offline")
    assert "pytest_atlas.recorder" in extra
    assert not extra & {"httpx", "pydantic", "boto3", "asyncio", "pytest_atlas.atlas", "pytest_atlas.publisher"}
