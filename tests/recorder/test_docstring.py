"""The docstring of a node is the one in the test file, not that of the class of its object."""

import functools
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_atlas.recorder.plan import docstring


def test_trip() -> None:
    """Trips within 100 ms.

    At any load.
    """


class Odd:
    @property
    def obj(self) -> object:
        raise RuntimeError("no object")


class Words:
    """Of the class."""


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (test_trip, "Trips within 100 ms.\n\nAt any load."),
        (Words, "Of the class."),
        (functools, "functools.py - Tools for working with functions and callable objects"),
        (Words(), ""),
        (functools.partial(test_trip), ""),
        (None, ""),
    ],
    ids=["function", "class", "module", "object", "partial", "none"],
)
def test_a_docstring_is_that_of_the_test_file(thing: Any, expected: str) -> None:
    assert docstring(SimpleNamespace(obj=thing)) == expected  # type: ignore[arg-type]


def test_a_node_without_a_usable_object_has_no_docstring() -> None:
    assert docstring(SimpleNamespace()) == ""  # type: ignore[arg-type]
    assert docstring(Odd()) == ""  # type: ignore[arg-type]
