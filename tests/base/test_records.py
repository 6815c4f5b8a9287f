"""The classes are the same as those of the standard library."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from pytest_atlas.base import records

KINDS: dict[str, dict[str, Any]] = {"positional": {}, "keywords": {"kw_only": True}}


def described(dataclass: Callable[..., Any], options: dict[str, Any]) -> Any:
    @dataclass(frozen=True, slots=True, **options)
    class Rail:
        """A supply rail."""

        name: str
        volts: float = 12.0
        limits: tuple[float, ...] = ()
        notes: list[str] = dataclasses.field(default_factory=list)

        def __post_init__(self) -> None:
            object.__setattr__(self, "name", self.name.strip())

    return Rail


@dataclasses.dataclass(frozen=True)
class Pair:
    own: Any
    usual: Any

    def each(self, act: Callable[[Any], Any]) -> tuple[Any, Any]:
        return act(self.own), act(self.usual)


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest) -> Pair:
    options = KINDS[request.param]
    return Pair(described(records.dataclass, options), described(dataclasses.dataclass, options))


def outcome(act: Callable[[], object]) -> str:
    try:
        return repr(act())
    except Exception as error:  # errors are compared, too
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize(
    "act",
    [
        lambda kind: kind(name=" 5V ", volts=5.0),
        lambda kind: kind("5V", 5.0),
        lambda kind: kind(),
        lambda kind: kind(name="5V", amps=1),
        lambda kind: kind(name="5V") == kind(name="5V"),
        lambda kind: kind(name="5V") == kind(name="5V", volts=1),
        lambda kind: kind(name="5V") == "5V",
        lambda kind: hash(kind(name="5V", notes=())) == hash(kind(name="5V", notes=())),
        lambda kind: hash(kind(name="5V")),
        lambda kind: setattr(kind(name="5V"), "volts", 1.0),
        lambda kind: delattr(kind(name="5V"), "volts"),
        lambda kind: dataclasses.replace(kind(name="5V"), volts=5.0),
        lambda kind: dataclasses.asdict(kind(name="5V", notes=["a"])),
        lambda kind: copy.deepcopy(kind(name="5V", notes=["a"])),
        lambda kind: kind(name="5V").notes is kind(name="5V").notes,
        lambda kind: kind.__match_args__,
        lambda kind: kind.__slots__,
        lambda kind: kind.__doc__,
        lambda kind: [(f.name, f.type, f.kw_only) for f in dataclasses.fields(kind)],
    ],
)
def test_a_class_behaves_as_one_of_the_standard_library(pair: Pair, act: Callable[[Any], object]) -> None:
    own, usual = pair.each(lambda kind: outcome(lambda: act(kind)))
    assert own == usual


@records.dataclass(frozen=True, slots=True)
class Channel:
    number: int


def test_an_object_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Channel(3))) == Channel(3)
