"""The fields and the id of an entity as bytes: a publisher keeps them for each of 100,000 tests. Pure."""

import json
from collections.abc import Mapping
from uuid import UUID

_NAMES: list[tuple[str, ...]] = []  # the names of fields, each combination once
_MAX_NAMES = 100  # combinations; receipts from elsewhere can have any


def pack(fields: Mapping[str, str]) -> bytes:
    """Return `fields` as JSON, with one number for all names."""
    names = tuple(fields)
    if names not in _NAMES:
        if len(_NAMES) == _MAX_NAMES:
            return json.dumps(dict(fields)).encode()
        _NAMES.append(names)
    return json.dumps([_NAMES.index(names), *fields.values()], separators=(",", ":")).encode()


def unpack(packed: bytes) -> dict[str, str]:
    """Return the fields that `pack` was given."""
    found = json.loads(packed)
    return found if isinstance(found, dict) else dict(zip(_NAMES[found[0]], found[1:], strict=True))


def pack_id(text: str) -> bytes | str:
    """Return a uuid as 16 bytes, or `text` itself if it is none or is written differently."""
    try:
        uuid = UUID(text)
    except ValueError:
        return text
    return uuid.bytes if str(uuid) == text else text


def unpack_id(packed: bytes | str) -> str:
    """Return the text that `pack_id` was given."""
    return packed if isinstance(packed, str) else str(UUID(bytes=packed))
