"""Receipts: the responses of an Atlas, one append-only file for each target (contract C5).

`Intended` is on the disk before the create is sent; a later receipt has the result. Receipts are a cache of the state in
Atlas: if they are lost, they are rebuilt. Texts are stored as fingerprints, because they are only compared.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

from pytest_atlas.base.private_files import has_incomplete_line, open_to_append, sync_directory
from pytest_atlas.base.records import dataclass

from .events import to_json_dict

VERSION = 1
SHORT = 64

Shown = dict[str, str]
"""The published fields of an entity: field name -> fingerprint of its value."""


def fingerprint(value: str) -> str:
    """Return a short `value` unchanged, and the digest of a longer one, to detect changes."""
    return value if len(value) <= SHORT else "#" + hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:24]


def fingerprints(values: Mapping[str, str]) -> Shown:
    """Return the fingerprint of each value."""
    return {name: fingerprint(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNamed:
    """A publisher opened the file. Has its Atlas and its process, for messages."""

    r: Literal["target"] = "target"
    version: int = VERSION
    target: str
    atlas: str
    at: float
    pid: int
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChosen:
    """The person who publishes has chosen another run than the journal names.

    If `key` is None (version 0.1.0), an empty `run` also means the session id as the run key.
    """

    r: Literal["run"] = "run"
    run: str | None = ""  # uuid or TR-…; empty: the run with the run key, or a new one; None: as in the journal
    key: str | None = None  # the run key; empty: the session id
    overwrite: bool | None = None
    from_elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """The create of `key` will be sent next, so the entity may exist."""

    r: Literal["intent"] = "intent"
    key: str
    order: int | None = None
    url: str = ""  # of a file: the URL of its content
    listed: tuple[str, ...] = ()  # of a report: the ids of the reports that existed before the request


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`key` is in Atlas as `id`: created, or an existing entity that was adopted."""

    r: Literal["made"] = "made"
    key: str
    id: str
    ref: str = ""  # of a run: TR-0042
    card: str = ""  # of a step that was found in another card: the id of that card
    shows: Shown = field(default_factory=dict)
    adopted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """The content of `key`, a file, is at `url`."""

    r: Literal["uploaded"] = "uploaded"
    key: str
    url: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """Atlas has accepted these fields of `key`."""

    r: Literal["sent"] = "sent"
    key: str
    shows: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A request about `key` has no response: it may have had an effect, or may have one later."""

    r: Literal["doubt"] = "doubt"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCreated:
    """The create of `key` had no effect: Atlas rejected it, or the entity is not in the run."""

    r: Literal["absent"] = "absent"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Atlas rejected `key`; the next push tries it again. `prose_only`: it accepts the outcome, but not the text."""

    r: Literal["aside"] = "aside"
    key: str
    why: str
    prose_only: bool = False
    unconfirmed: bool = False  # its create may have had an effect: the next push searches for it before another create
    deleted: bool = False  # of the run: it was deleted in Atlas, and everything in it; until a later `Created` of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Preserved:
    """The entity of `key` in Atlas has a foreign outcome and is left unchanged. The next push checks it again."""

    r: Literal["left"] = "left"
    key: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """The earlier receipts of `key` are not used, because Atlas does not confirm them. Of the run: no earlier receipt is."""

    r: Literal["ignored"] = "ignored"
    key: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The run was read again after unconfirmed requests, and contains each entity once."""

    r: Literal["settled"] = "settled"


Receipt = (
    TargetNamed
    | RunChosen
    | Intended
    | Created
    | Uploaded
    | Updated
    | Unconfirmed
    | NotCreated
    | Rejected
    | Preserved
    | Ignored
    | Settled
)


class ReceiptWriter:
    """Appends receipts. The holder of the session's lock is the only writer."""

    def __init__(self, path: Path) -> None:
        self._folder: Path | None = path.parent  # until the directory entry of the file is on the disk
        self._fd = open_to_append(path)

    def fileno(self) -> int:
        """The descriptor of the open file, for its lock."""
        return self._fd

    def append(self, receipts: Iterable[Receipt]) -> None:
        """Append `receipts`, one line each, with one write. They are on the disk after the next `sync`. Raises OSError."""
        data = b"".join(json.dumps(to_json_dict(r), separators=(",", ":")).encode() + b"\n" for r in receipts)
        if has_incomplete_line(self._fd):  # an incomplete line of a crash, or of a full disk (C3)
            data = b"\n" + data
        while data:
            data = data[os.write(self._fd, data) :]

    def sync(self) -> None:
        """Wait until all receipts are on the disk, the first time also the directory entry. Raises OSError."""
        os.fsync(self._fd)
        if self._folder is not None:
            sync_directory(self._folder)
            self._folder = None

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
