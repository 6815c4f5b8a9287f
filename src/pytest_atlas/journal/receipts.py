"""What an Atlas has acknowledged, one append-only file for each target: the publisher's memory (contract C5).

An `Intended` is on the disk before its create is sent; what follows it says how that went. Receipts are a cache of what
Atlas holds: lost, they are rebuilt from it. Texts are kept as fingerprints, since only their equality matters.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pytest_atlas.base.private_files import has_incomplete_line, open_to_append, sync_directory

from .events import to_json_dict

VERSION = 1
SHORT = 64

Shown = dict[str, str]
"""What an entity shows: field name -> fingerprint of its value."""


def fingerprint(value: str) -> str:
    """`value` itself where it is short, else a digest: enough to tell whether it has changed."""
    return value if len(value) <= SHORT else "#" + hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()[:24]


def fingerprints(values: Mapping[str, str]) -> Shown:
    """The fingerprint of each value."""
    return {name: fingerprint(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNamed:
    """A publisher opened the file: which Atlas it publishes to, and who it is, for people."""

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
    """The create of `key` is about to be sent: from now on it may exist."""

    r: Literal["intent"] = "intent"
    key: str
    order: int | None = None
    url: str = ""  # of a file: where its content is
    listed: tuple[str, ...] = ()  # of a report: the ids of the reports that existed before the request


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`key` is in Atlas as `id`: made by us, or found there and adopted."""

    r: Literal["made"] = "made"
    key: str
    id: str
    ref: str = ""  # of a run: TR-0042
    card: str = ""  # of a step: the id of the card that it was found in, where that is not the one that it belongs to
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
    """Atlas has taken these fields of `key`."""

    r: Literal["sent"] = "sent"
    key: str
    shows: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """The answer to a call about `key` never came: it may have taken effect, or may still."""

    r: Literal["doubt"] = "doubt"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCreated:
    """The create of `key` did not take effect: the Atlas said so, or it was looked for and is not there."""

    r: Literal["absent"] = "absent"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Atlas refuses `key`; the next push tries it once more. `prose_only`: it takes the outcome, but not the text."""

    r: Literal["aside"] = "aside"
    key: str
    why: str
    prose_only: bool = False
    unconfirmed: bool = False  # its create may have taken effect: it is looked up again and not sent again
    deleted: bool = False  # of the run: it was deleted in Atlas, and everything in it; until a later `Created` of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Preserved:
    """What `key` would be in Atlas is somebody else's and has an outcome: it stays as it is. The next push looks again."""

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
    """The run was read once more after calls in doubt, and holds each of our entities once."""

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
        self._folder: Path | None = path.parent  # until its entry of the file is on the disk
        self._fd = open_to_append(path)

    def fileno(self) -> int:
        """The open file, for locking it."""
        return self._fd

    def append(self, receipts: Iterable[Receipt]) -> None:
        """Write `receipts`, one line each, in one go. They are on the disk after the next `sync`. Raises OSError."""
        data = b"".join(json.dumps(to_json_dict(r), separators=(",", ":")).encode() + b"\n" for r in receipts)
        if has_incomplete_line(self._fd):  # by a crash, or by a full disk just now (C3)
            data = b"\n" + data
        while data:
            data = data[os.write(self._fd, data) :]

    def sync(self) -> None:
        """Wait until all that was appended is on the disk, and the first time also the file's name. Raises OSError."""
        os.fsync(self._fd)
        if self._folder is not None:
            sync_directory(self._folder)
            self._folder = None

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
