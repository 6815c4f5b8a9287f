"""Frozen dataclasses with slots, created in a third of the time: pytest and the publisher create dozens when they start.

The standard library compiles six methods for each class. Here, only `__init__` is compiled, and the other methods are shared.
For type checkers, `dataclass` is that of the standard library. Standard library only.
"""

from builtins import exec, getattr, hasattr, hash, setattr, staticmethod, str, type, zip
from collections.abc import Callable, Iterator
from dataclasses import MISSING, FrozenInstanceError, fields
from dataclasses import dataclass as standard_dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

_set = object.__setattr__


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - a public name of this module
else:

    def dataclass(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type], type]:
        """Return a decorator like that of the standard library. Fields may have a default or a default factory."""
        assert frozen
        assert slots

        def decorate(cls: type) -> type:
            made = standard_dataclass(cls, init=False, repr=False, eq=False, slots=True, kw_only=kw_only)
            made.field_values = staticmethod(attrgetter(*(f.name for f in fields(made))))
            made.__init__ = _initializer(made)
            for name, method in _SHARED:
                setattr(made, name, method)
            return made

        return decorate


def _initializer(cls: Any) -> Any:
    """Compile `__init__`."""
    names: dict[str, Any] = {"_set": _set, "_MISSING": MISSING}
    parameters = [_parameter(f, names) for f in fields(cls)]
    keywords = "*, " if fields(cls)[0].kw_only else ""
    body = [line for f in fields(cls) for line in _assignment(f, names)]
    body += ["self.__post_init__()"] if hasattr(cls, "__post_init__") else []
    exec(f"def __init__(self, {keywords}{', '.join(parameters)}):\n " + "\n ".join(body), names)  # noqa: S102 - names of fields
    names["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"  # in the message for wrong arguments
    return names["__init__"]


def _parameter(field: Any, names: dict[str, Any]) -> str:
    """Return the text of a parameter. Its default is added to `names`."""
    if field.default is not MISSING:
        names[f"_default_{field.name}"] = field.default
        return f"{field.name}=_default_{field.name}"
    if field.default_factory is not MISSING:
        names[f"_make_{field.name}"] = field.default_factory
        return f"{field.name}=_MISSING"
    return str(field.name)


def _assignment(field: Any, names: dict[str, Any]) -> Iterator[str]:
    name = field.name
    if f"_make_{name}" in names:
        yield f"if {name} is _MISSING: {name} = _make_{name}()"
    yield f"_set(self, {name!r}, {name})"


class _Methods:
    """The methods that all classes share."""

    field_values: Callable[[Any], Any]

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in fields(self))})"  # type: ignore[arg-type]

    def __eq__(self, other: object) -> Any:
        return self.field_values(self) == self.field_values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.field_values(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self) -> list[Any]:
        return [getattr(self, f.name) for f in fields(self)]  # type: ignore[arg-type]

    def __setstate__(self, state: list[Any]) -> None:
        for f, value in zip(fields(self), state, strict=True):  # type: ignore[arg-type]
            _set(self, f.name, value)


_SHARED = [
    (name, vars(_Methods)[name])
    for name in ("__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__getstate__", "__setstate__")
]
