"""A required package with an unsupported version: the session, the commands and doctor name the required one."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Project, environment
from tests.support.stand_in import ALONE

TOKEN = "the-token-of-the-user-0123456789"
REMOTE = {"ATLAS_URL": "http://127.0.0.1:1", "ATLAS_TOKEN": TOKEN}


class Package(NamedTuple):
    """An installed package that is not supported."""

    name: str
    version: str
    code: str
    needed: str


PACKAGES = (
    Package("httpx", "1.0.dev3", "__version__ = '1.0.dev3'", "httpx>=0.28,<1"),
    Package("httpx", "0.27.2", "__version__ = '0.27.2'", "httpx>=0.28,<1"),
    Package("pydantic", "1.10.27", "VERSION = '1.10.27'", "pydantic>=2.7,<3"),
)


def install(tmp_path: Path, package: Package) -> dict[str, str]:
    """Put the package before the installed one; return the variables of a process that finds it."""
    site = tmp_path / "site-packages"
    info = site / f"{package.name}-{package.version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package.name}\nVersion: {package.version}\n")
    (site / f"{package.name}.py").write_text(package.code)
    return {"PYTHONPATH": str(site), **REMOTE}


def problem(package: Package) -> str:
    return f"{package.name} {package.version} is not supported; pytest-atlas needs {package.needed}. Run: pip install"


@pytest.mark.parametrize("package", PACKAGES, ids="{0.name} {0.version}".format)
def test_a_session_is_recorded_and_fails_only_if_it_is_strict(tmp_path: Path, package: Package) -> None:
    env = {**ALONE, **install(tmp_path, package)}
    project = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass\n")
    for number, (arguments, code) in enumerate((((), 0), (("--atlas-strict",), 1))):
        atlas_dir = f"--atlas-dir=records{number}"
        ended = project.pytest(
            f"--atlas-system={SYSTEM}", atlas_dir, *arguments, env=env, atlas_dir=project.root / f"records{number}"
        )
        assert ended.code == code
        assert problem(package) in ended.terminal_summary[0]
        assert ended.statuses() == {"test_a": "passed"}
    assert "Traceback" not in ended.out
    assert ended.terminal_summary[-1].startswith("--atlas-strict fails the session: 1 test recorded, none in ")


@pytest.mark.parametrize("package", PACKAGES, ids="{0.name} {0.version}".format)
@pytest.mark.parametrize("command", ["doctor", "runs", "push"])
def test_a_command_names_the_required_version(tmp_path: Path, package: Package, command: str) -> None:
    env = environment(**install(tmp_path, package))
    project = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass\n")
    project.record(env=ALONE)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest_atlas.cli", command],
        cwd=project.root, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert (done.returncode, said.count(problem(package))) == (1, 1), said
    assert "Traceback" not in said


def test_the_job_summary_names_the_required_version(tmp_path: Path) -> None:
    package = PACKAGES[-1]
    project = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass\n")
    ended = project.record("--atlas-summary=summary.md", env={**ALONE, **install(tmp_path, package)})
    assert ended.code == 0
    assert f"the job summary could not be written: {problem(package)}" in "\n".join(ended.terminal_summary)
