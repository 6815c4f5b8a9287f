"""The results of a project's hooks: valid results, and the messages about invalid ones."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest

from pytest_atlas.mapping import CardMapping, Notes, RunMapping, StepMapping
from pytest_atlas.recorder import hook_results

ID = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
NO_UUID = f"is not a UUID. Copy it from Atlas, for example {ID}"


class Requirement(str, Enum):  # noqa: UP042 - the form of projects older than Python 3.11
    TRIP = "REQ-7 Trip"


GOOD: dict[str, tuple[Callable[[object, hook_results.Complain], object], object, object]] = {
    "run by title": (hook_results.run, "Nightly", RunMapping("Nightly", assets=(), issues=(), templates=())),
    "run": (
        hook_results.run,
        RunMapping(description=" By hand. ", assets=[ID.upper()], issues=(UUID(ID),), templates=ID),  # type: ignore[arg-type]
        RunMapping(description="By hand.", assets=(ID,), issues=(ID,), templates=(ID,)),
    ),
    "card by title": (hook_results.card, " Overvoltage ", CardMapping("Overvoltage")),
    "card": (
        hook_results.card,
        CardMapping("A", description="", template=ID.upper()),
        CardMapping("A", description="", template=ID),
    ),
    "card without a template after all": (hook_results.card, CardMapping("A", template=""), CardMapping("A")),
    "card without words": (hook_results.card, CardMapping(), CardMapping()),
    "title from an enumeration": (hook_results.card, Requirement.TRIP, CardMapping("REQ-7 Trip")),
    "step by title": (hook_results.step, "Apply 13 V", StepMapping("Apply 13 V")),
    "step type alone": (hook_results.step, StepMapping(step_type="data"), StepMapping(step_type="data")),
    "note": (hook_results.notes, "see ECR-118", Notes(("see ECR-118",), ())),
    "notes": (hook_results.notes, Notes(["a", " ", "b"], exceptions="ECR-118"), Notes(("a", "b"), ("ECR-118",))),
}


@pytest.mark.parametrize(("read", "answer", "taken"), GOOD.values(), ids=GOOD)
def test_a_valid_result_is_used(read: Callable[[object, hook_results.Complain], object], answer: object, taken: object) -> None:
    problems: list[str] = []
    assert read(answer, problems.append) == taken
    assert problems == []


BAD: dict[str, tuple[Callable[[object, hook_results.Complain], object], object, object, list[str]]] = {
    "run of another type": (
        hook_results.run, {}, RunMapping(), ["returned {}. Return a pytest_atlas.RunMapping, a title, or None"],
    ),
    "card of another type": (
        hook_results.card, 42, CardMapping(), ["returned 42. Return a pytest_atlas.CardMapping, a title, or None"],
    ),
    "step of another type": (
        hook_results.step, ("A", "data"), StepMapping(),
        ["returned ('A', 'data'). Return a pytest_atlas.StepMapping, a title, or None"],
    ),
    "notes of another type": (
        hook_results.notes, ["a"], Notes(), ["returned ['a']. Return pytest_atlas.Notes, a note, or None"],
    ),
    "empty title": (
        hook_results.card, "", CardMapping(), ["gives an empty title. Return None to keep the title"],
    ),
    "one wrong field costs itself": (
        hook_results.card, CardMapping(7, description="kept", template="bench-7"), CardMapping(description="kept"),  # type: ignore[arg-type]
        ["gives 7 as title, which must be text", f"gives 'bench-7' in template, which {NO_UUID}"],
    ),
    "one wrong id costs itself": (
        hook_results.run, RunMapping(assets=["bench-7", ID], issues=7), RunMapping(assets=(ID,), issues=(), templates=()),  # type: ignore[arg-type]
        [f"gives 'bench-7' in assets, which {NO_UUID}", "gives 7 for issues, which must be a list or a tuple"],
    ),
    "step type that is not a text": (
        hook_results.step, StepMapping("A", step_type=1), StepMapping("A"), ["gives 1 as step_type, which must be text"],  # type: ignore[arg-type]
    ),
    "a note that is not a text": (
        hook_results.notes, Notes(["a", 1]), Notes(("a",), ()), ["gives 1 as notes, which must be text"],  # type: ignore[list-item]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("read", "answer", "taken", "messages"), BAD.values(), ids=BAD)
def test_an_invalid_field_is_reported_and_the_others_are_used(
    read: Callable[[object, hook_results.Complain], object], answer: object, taken: object, messages: list[str]
) -> None:
    problems: list[str] = []
    made = read(answer, problems.append)
    assert problems == messages
    assert made == taken


def test_each_file_is_used_before_the_next_one_is_requested() -> None:
    problems: list[str] = []
    made: list[str] = []

    def hook() -> object:
        for name in ("a.log", "b.log"):
            made.append(name)
            yield Path("out") / name

    first = next(hook_results.files(hook(), problems.append))
    assert (first, made) == (("a.log", "out/a.log"), ["a.log"])
    assert list(hook_results.files("core.txt", problems.append)) == [("core.txt", "core.txt")]
    assert list(hook_results.files("core.txt", problems.append)) == [("core.txt", "core.txt")]
    assert list(hook_results.files([("bus.mf4", "x.tmp"), "y.txt"], problems.append)) == [
        ("bus.mf4", "x.tmp"),
        ("y.txt", "y.txt"),
    ]
    assert problems == []
    assert list(hook_results.files([3.5, "y.txt"], problems.append)) == [("y.txt", "y.txt")]
    assert list(hook_results.files(7, problems.append)) == []
    assert problems == [
        "returned 3.5. Return paths, or pairs of a name and a path",
        "gives 7 for files, which must be a list or a tuple",
    ]
