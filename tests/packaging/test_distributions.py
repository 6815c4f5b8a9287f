"""The distributions: the sdist has the project, the wheel has the package, and the unpacked wheel works."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tests.support.events import SYSTEM
from tests.support.inner import Project

from pytest_atlas import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
INFO = f"pytest_atlas-{__version__}.dist-info"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist and the wheel that was built from it."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    directory = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(directory)
    return directory


def files_below(directory: Path) -> Iterator[str]:
    for path in directory.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(directory).as_posix()


def metadata(unpacked: Path) -> "Message[str, str]":
    return Parser().parsestr((unpacked / INFO / "METADATA").read_text("utf-8"))


def test_the_wheel_is_pure_and_has_only_the_package(built: Path, unpacked: Path) -> None:
    assert [path.name for path in built.glob("*.whl")] == [f"pytest_atlas-{__version__}-py3-none-any.whl"]
    package = {f"pytest_atlas/{name}" for name in files_below(ROOT / "src" / "pytest_atlas")}
    assert "pytest_atlas/py.typed" in package
    assert {name for name in files_below(unpacked) if not name.startswith(INFO)} == package


def test_the_metadata_has_the_requirements_and_the_entry_points(unpacked: Path) -> None:
    found = metadata(unpacked)
    needed = {Requirement(line) for line in found.get_all("Requires-Dist", []) if "extra" not in line}
    assert needed == {Requirement(line) for line in PROJECT["dependencies"]}
    assert found.get_all("Provides-Extra") == list(PROJECT["optional-dependencies"])
    assert (found["Requires-Python"], found["License-Expression"]) == (">=3.11", "MIT")
    assert (unpacked / INFO / "licenses" / "LICENSE").is_file()
    points = ConfigParser()
    points.read(unpacked / INFO / "entry_points.txt")
    assert dict(points["pytest11"]) == {"atlas": "pytest_atlas.autoload"}
    assert dict(points["console_scripts"]) == {"pytest-atlas": "pytest_atlas.cli:main"}


def test_the_sdist_has_all_files_for_tests_and_no_generated_ones(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()} - {"PKG-INFO"}
    kept = [ROOT / name for name in (".ci", ".github", "benchmarks", "docs", "examples", "src", "tests")]
    there = {f"{directory.name}/{name}" for directory in kept for name in files_below(directory)}
    grown = {name for name in there if {".atlas", ".hypothesis", ".pytest_cache"} & set(name.split("/"))}
    alone = {".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "dev.py"}
    alone |= {"hatch_build.py", "pyproject.toml", "tox.ini"}
    assert names == there - grown | alone


def test_the_unpacked_wheel_records_a_session_and_shows_it(unpacked: Path, tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_a.py", "import pytest_atlas\ndef test_a(): print(pytest_atlas.__file__)")
    env = {"PYTHONPATH": str(unpacked)}
    ended = project.pytest(f"--atlas-system={SYSTEM}", "-s", env=env)
    assert str(unpacked) in ended.out
    assert ended.terminal_summary[0].startswith("run TR-0001 ")
    command = [sys.executable, "-P", "-m", "pytest_atlas.cli", "show"]
    shown = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (shown.returncode, "1 passed" in shown.stdout) == (0, True), shown.stderr


def test_the_repository_constant_adds_the_urls_and_makes_the_links_of_the_readme_absolute(built: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, filter="data")
    (project,) = tmp_path.iterdir()
    dev = project / "dev.py"
    dev.write_text(dev.read_text("utf-8").replace('REPOSITORY = ""', 'REPOSITORY = "https://example.com/atlas"', 1), "utf-8")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path / "dist"), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as wheel_file:
        headers = Parser().parsestr(wheel_file.read(f"{INFO}/METADATA").decode())
    assert "Source, https://example.com/atlas" in headers.get_all("Project-URL", [])
    assert "](https://example.com/atlas/blob/HEAD/docs/ci.md)" in str(headers.get_payload())
    assert "](docs/" not in str(headers.get_payload())


def test_the_metadata_has_no_urls_while_the_repository_constant_is_empty(unpacked: Path) -> None:
    headers = metadata(unpacked)
    assert headers.get_all("Project-URL") is None
    assert (headers["Description-Content-Type"], headers["Version"]) == ("text/markdown", __version__)
    assert str(headers.get_payload()).strip() == (ROOT / "README.md").read_text("utf-8").strip()
