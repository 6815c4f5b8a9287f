"""Convert the results of projects' hooks to mappings. Invalid values are reported and omitted. Pure."""

import os
from builtins import bytes, isinstance, iter, next, str, tuple
from collections.abc import Callable, Iterable, Iterator
from reprlib import repr as short_repr
from typing import TypeVar

from pytest_atlas.base.file_names import base_name, path_text
from pytest_atlas.mapping import CardMapping, Notes, RunMapping, StepMapping
from pytest_atlas.settings import uuid

T = TypeVar("T")

Complain = Callable[[str], None]
"""Receives the problem of a result, as the end of a sentence that begins with the name of the hook."""


def run(result: object, complain: Complain) -> RunMapping:
    """Convert a result of `pytest_atlas_run`."""
    mapping = _as(RunMapping, RunMapping, result, "a pytest_atlas.RunMapping, a title, or None", complain)
    return RunMapping(
        _title(mapping.title, complain),
        description=_text("description", mapping.description, complain),
        assets=_uuids("assets", mapping.assets, complain),
        issues=_uuids("issues", mapping.issues, complain),
        templates=_uuids("templates", mapping.templates, complain),
    )


def card(result: object, complain: Complain) -> CardMapping:
    """Convert a result of `pytest_atlas_card`."""
    mapping = _as(CardMapping, CardMapping, result, "a pytest_atlas.CardMapping, a title, or None", complain)
    given = [mapping.template] if mapping.template else []
    return CardMapping(
        _title(mapping.title, complain),
        description=_text("description", mapping.description, complain),
        template=next(iter(_uuids("template", given, complain)), None),
    )


def step(result: object, complain: Complain) -> StepMapping:
    """Convert a result of `pytest_atlas_step`."""
    mapping = _as(StepMapping, StepMapping, result, "a pytest_atlas.StepMapping, a title, or None", complain)
    return StepMapping(_title(mapping.title, complain), step_type=_text("step_type", mapping.step_type, complain) or None)


def notes(result: object, complain: Complain) -> Notes:
    """Convert a result of `pytest_atlas_outcome`."""
    mapping = _as(Notes, lambda note: Notes([note]), result, "pytest_atlas.Notes, a note, or None", complain)
    return Notes(_texts("notes", mapping.notes, complain), _texts("exceptions", mapping.exceptions, complain))


def files(result: object, complain: Complain) -> Iterator[tuple[str, str]]:
    """Yield the names and paths of a result of `pytest_atlas_artifacts`, which can be a generator."""
    for given in _several("files", result, complain):
        match given:
            case str() | bytes() | os.PathLike():
                path = path_text(given)
                yield base_name(path), path
            case (str(name), (str() | bytes() | os.PathLike()) as place):
                yield name, path_text(place)
            case _:
                complain(f"returned {_shown(given)}. Return paths, or pairs of a name and a path")


def _as(kind: type[T], of_text: Callable[[str], T], result: object, wanted: str, complain: Complain) -> T:
    """Return the result as `kind`, or convert it if it is a text; return an empty mapping if it has another type."""
    if isinstance(result, str):
        return of_text(result)
    if isinstance(result, kind):
        return result
    complain(f"returned {_shown(result)}. Return {wanted}")
    return kind()


def _several(what: str, given: object, complain: Complain) -> Iterable[object]:
    """Return an iterable of values; a single text or path is one value."""
    if isinstance(given, str | bytes | os.PathLike):
        return [given]
    if isinstance(given, Iterable):
        return given
    complain(f"gives {_shown(given)} for {what}, which must be a list or a tuple")
    return []


def _title(given: object, complain: Complain) -> str | None:
    text = _text("title", given, complain)
    if text == "":
        complain("gives an empty title. Return None to keep the title")
    return text or None


def _text(what: str, given: object, complain: Complain) -> str | None:
    if given is None or isinstance(given, str):
        return None if given is None else given.strip()
    complain(f"gives {_shown(given)} as {what}, which must be text")
    return None


def _texts(what: str, given: object, complain: Complain) -> tuple[str, ...]:
    texts = (_text(what, each, complain) for each in _several(what, given, complain))
    return tuple(text for text in texts if text)


def _uuids(what: str, given: object, complain: Complain) -> tuple[str, ...]:
    found = []
    for each in _several(what, given, complain):
        try:
            found.append(uuid(str(each)))  # a uuid.UUID is one, too
        except ValueError as error:
            complain(f"gives {_shown(each)} in {what}, which {error}")
    return tuple(found)


def _shown(result: object) -> str:
    return short_repr(result)
