"""Which words are a node's own: those that somebody wrote in a test's file, and no class's or object's behind it."""

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
    ("thing", "told"),
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
def test_what_is_a_docstring_and_what_is_none(thing: Any, told: str) -> None:
    assert docstring(SimpleNamespace(obj=thing)) == told  # type: ignore[arg-type]


def test_a_node_without_an_object_or_with_one_that_raises_has_none() -> None:
    assert docstring(SimpleNamespace()) == ""  # type: ignore[arg-type]
    assert docstring(Odd()) == ""  # type: ignore[arg-type]
