"""Unsupported versions of required packages: the table agrees with pyproject.toml, and each problem names the remedy."""

import re
import tomllib
from pathlib import Path

import pytest

from pytest_atlas.base import requirements
from pytest_atlas.base.requirements import REQUIREMENTS, UnsupportedVersion, check

ROOT = Path(__file__).parents[2]


def test_the_table_has_the_requirements_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert [str(requirement) for requirement in REQUIREMENTS.values()] == project["dependencies"]


def test_the_oldest_supported_versions_are_the_ones_that_tox_tests() -> None:
    tested = (ROOT / "tox.ini").read_text("utf-8").partition("[testenv:py311-oldest]")[2].partition("[testenv")[0]
    oldest = dict(re.findall(r"^ {4}([\w-]+)==([\d.]+)$", tested, re.MULTILINE))
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = [*pyproject["dependencies"], *pyproject["optional-dependencies"]["ui"]]
    bounds = {name: version for line in declared for name, version in re.findall(r"^([\w-]+)>=([\d.]+)", line)}
    assert {name: f"{version}.0"[: len(oldest[name])] for name, version in bounds.items()} == oldest


VERSIONS = [
    ("pytest", "8.3.5", False),
    ("pytest", "8.4", True),
    ("pytest", "8.4.0", True),
    ("pytest", "9.2.0", True),
    ("pytest", "10.0.dev1", True),
    ("httpx", "0.27.2", False),
    ("httpx", "0.28.1", True),
    ("httpx", "1.0.dev3", False),
    ("httpx", "1.0b0", False),
    ("httpx", "1.0", False),
    ("httpx", "2", False),
    ("pydantic", "1.10.27", False),
    ("pydantic", "2.7.0", True),
    ("pydantic", "2.14.4", True),
    ("pydantic", "3.0.0a1", False),
    ("h11", "0.14.0", False),
    ("h11", "", False),
    ("h11", "unknown", False),
]


@pytest.mark.parametrize(("name", "version", "is_supported"), VERSIONS)
def test_a_version_outside_the_range_is_a_problem_that_names_the_range(name: str, version: str, *, is_supported: bool) -> None:
    problem = REQUIREMENTS[name].problem(version)
    assert (not problem) is is_supported
    assert is_supported or f"pytest-atlas needs {REQUIREMENTS[name]}. Run: pip install '{REQUIREMENTS[name]}'" in problem


def test_the_installed_versions_are_supported() -> None:
    for name in REQUIREMENTS:
        check(name)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = requirements.Requirement("no-such-package", "1")
    monkeypatch.setitem(REQUIREMENTS, "no-such-package", missing)
    with pytest.raises(UnsupportedVersion, match="no-such-package is not installed; pytest-atlas needs no-such-package>=1"):
        check("no-such-package")
