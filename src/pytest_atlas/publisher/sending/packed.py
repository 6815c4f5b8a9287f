"""The fields of one entity in little memory: a publisher keeps them for each of 100,000 tests."""

import json
from collections.abc import Iterator, Mapping

_NAMES: dict[tuple[str, ...], tuple[str, ...]] = {}
_MAX_NAMES = 100  # combinations; receipts from elsewhere can have any


class Packed(Mapping[str, str]):
    """An immutable mapping of field names to fingerprints. Equal to a dict with the same items."""

    __slots__ = ("_names", "_values")

    def __init__(self, fields: Mapping[str, str]) -> None:
        names = tuple(fields)
        self._names = _NAMES.setdefault(names, names) if len(_NAMES) < _MAX_NAMES else _NAMES.get(names, names)
        self._values = json.dumps(list(fields.values()), ensure_ascii=True, separators=(",", ":"))

    def __getitem__(self, name: str) -> str:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __hash__(self) -> int:
        return hash(frozenset(self._fields().items()))

    def __repr__(self) -> str:
        return repr(self._fields())

    def _fields(self) -> dict[str, str]:
        return dict(zip(self._names, json.loads(self._values), strict=True))


NOTHING = Packed({})
