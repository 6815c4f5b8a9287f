"""Supported versions of the packages that pytest-atlas needs. Standard library only.

An installer checks the bounds of pyproject.toml only when it resolves dependencies: a pre-release, `--no-deps` or a later
downgrade can install other versions. tests/base/test_requirements.py compares this table with pyproject.toml.
"""

import re
from importlib import import_module
from typing import NamedTuple


class UnsupportedVersion(Exception):  # noqa: N818 - the message names the package, the version and the remedy
    """A required package is missing or has an unsupported version."""


class Requirement(NamedTuple):
    """A package with its first supported version and the first version that is no longer supported."""

    name: str
    oldest: str
    below: str = ""  # exclusive; "" means no upper bound

    def __str__(self) -> str:
        """Return the requirement in the form of pip."""
        return f"{self.name}>={self.oldest}" + (f",<{self.below}" if self.below else "")

    def problem(self, version: str) -> str:
        """Return one line with the remedy if `version` is not supported ("": not installed), otherwise an empty string.

        A pre-release counts as its release: 1.0.dev3 is not below 1.
        """
        remedy = f"pytest-atlas needs {self}. Run: pip install '{self}'"
        if not version:
            return f"{self.name} is not installed; {remedy}"
        release = _release(version)
        if release < _release(self.oldest) or (self.below and release >= _release(self.below)):
            return f"{self.name} {version} is not supported; {remedy}"
        return ""


REQUIREMENTS = {
    requirement.name: requirement
    for requirement in (
        Requirement("pytest", "8.4"),
        Requirement("pluggy", "1.5"),
        Requirement("httpx", "0.28", "1"),
        Requirement("h11", "0.16"),
        Requirement("pydantic", "2.7", "3"),
        Requirement("boto3", "1.36"),
        Requirement("s3transfer", "0.11"),
    )
}
"""By name, the same as `dependencies` in pyproject.toml."""


def check(name: str) -> None:
    """Import the package `name` and raise UnsupportedVersion if it is missing or its version is not supported.

    The version is read from the module: reading it from the metadata takes 10 ms longer.
    """
    try:
        module = import_module(name)
    except ImportError:
        module = None
    version = str(getattr(module, "__version__", "") or getattr(module, "VERSION", ""))
    if problem := REQUIREMENTS[name].problem(version):
        raise UnsupportedVersion(problem)


def _release(version: str) -> tuple[int, ...]:
    """Return the release part of a version as numbers, without trailing zeros: `2.7.0b1` is (2, 7)."""
    found = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    numbers = [int(number) for number in found[1].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
