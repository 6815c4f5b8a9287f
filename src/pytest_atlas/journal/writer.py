"""Append events to a journal, one line and one write each (C3). Never raises. Standard library only."""

import os
import weakref
from builtins import dict, getattr, len, list, str, type
from collections.abc import Callable
from json import JSONDecoder, JSONEncoder
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]  # not in typeshed
from os import close as close_descriptor
from os import fstat, getpid
from os import write as write_bytes
from pathlib import Path
from typing import Any

from pytest_atlas.base import liveness
from pytest_atlas.base.clock import now
from pytest_atlas.base.forks import generation
from pytest_atlas.base.locks import try_lock
from pytest_atlas.base.private_files import has_incomplete_line, open_to_append
from pytest_atlas.base.sanitize import Cleaner

from .direct_lines import direct_line
from .events import JournalOpened, to_json_dict
from .schema import MAX_LINE_BYTES, misfit

KEEP_BYTES = 16 << 20
"""Largest size of the buffer while the disk rejects writes. Further events are lost and counted."""

SPOIL = b"~\n"
"""Invalidates the part of a line that a short write left: it may be complete except for the newline, and is written again."""


def _json_encoder() -> Callable[[Any], str]:
    """Return `JSONEncoder.encode`, but without its lookups of builtins, which a test can replace."""
    if c_make_encoder is None:  # not CPython
        return JSONEncoder(separators=(",", ":")).encode
    chunks = c_make_encoder(None, None, encode_basestring_ascii, None, ":", ",", False, False, True)
    return lambda value: "".join(chunks(value, 0))


_encode = _json_encoder()
_decode = JSONDecoder().decode

OnLost = Callable[[str, str], None]
"""Called with the nodeid of a lost event, or an empty text, and the reason."""

MAX_NAMED = 100
"""Largest number of tests with lost events that are remembered."""


_writers: "weakref.WeakSet[JournalWriter]" = weakref.WeakSet()


def _leave_in_child() -> None:
    for writer in _writers:
        writer.leave_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_in_child)


def encode(event: Any, clean: Cleaner) -> bytes:
    """Return the line of an event, with every text through `clean`."""
    return _encode(to_json_dict(event, clean)).encode() + b"\n"


class JournalWriter:
    """The journal file of one process. Writing never raises: rejected events are buffered, retried, and counted if lost."""

    def __init__(self, path: Path, clean: Cleaner, *, worker: str = "", on_lost: OnLost | None = None) -> None:
        """Open `path`, and create it if it does not exist. `on_lost` is called for each lost event. Raises OSError."""
        self._on_lost = on_lost
        self.path = path
        self.lost = 0
        self.problem = ""  # the last error of the disk
        self.clean = clean
        self._generation = generation()
        self._closed = False
        self._open()
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._lost_of: dict[str, None] = {}
        me = liveness.this_process()
        self.write(
            JournalOpened(
                at=now(), pid=getpid(), host=me.host, worker=worker,
                boot=me.boot, namespace=me.namespace, began=me.began, locked=self._locked,
            )
        )  # fmt: skip
        _writers.add(self)

    def write(self, event: Any) -> bool:
        """Append one event, and return True. No effect after `close` and in a forked child: return False."""
        if self._closed or generation() != self._generation:
            return False
        line = direct_line(event, self.clean).encode()
        if not line:
            if reason := misfit(event):
                self._reject(event, reason)
                return True
            line = encode(event, self.clean)
        if len(line) > MAX_LINE_BYTES:
            self._reject(event, f"{type(event).__name__} has {len(line)} bytes, more than the {MAX_LINE_BYTES} that are read")
        elif self._kept:
            self._keep(line)
            self._try_again()
        elif not self._append(line):
            self._keep(line)
        return True

    def _reject(self, event: Any, reason: str) -> None:
        """Count an event as lost that the reader would reject."""
        self.problem = reason
        self._lose(getattr(event, "nodeid", ""))

    def _lose(self, nodeid: str) -> None:
        if nodeid and len(self._lost_of) < MAX_NAMED:
            self._lost_of[nodeid] = None
        self.lost += 1
        if self._on_lost is not None:
            self._on_lost(nodeid, self.problem)

    def write_in_child(self) -> None:
        """Let this forked child write from now on. Its parent waits for it, and writes the events that it has buffered."""
        self._generation = generation()
        self._kept, self._kept_bytes = [], 0

    @property
    def is_mine(self) -> bool:
        """Whether this process writes to the journal."""
        return generation() == self._generation

    def close(self) -> None:
        """Retry the buffered events once, and count the events that can't be written."""
        if self.is_mine and not self._closed:
            self._try_again()
            self._lost_of = dict.fromkeys(self.unwritten_of())
            self.lost += len(self._kept)
            self._kept = []
            if self._is_open():
                close_descriptor(self._fd)
            self._closed = True

    @property
    def unwritten(self) -> int:
        """The number of events that are not in the file."""
        return self.lost + len(self._kept)

    def unwritten_of(self) -> list[str]:
        """Return the known nodeids of tests with such events."""
        found = (_decode(line.decode()).get("nodeid") for line in self._kept)
        return list(dict.fromkeys([*self._lost_of, *(nodeid for nodeid in found if nodeid)]))

    @property
    def is_closed(self) -> bool:
        """Whether the session is over. Further events are not written."""
        return self._closed

    def _open(self) -> None:
        self._fd = open_to_append(self.path)
        self._file = fstat(self._fd)
        self._mend = b"\n" if has_incomplete_line(self._fd) else b""
        self._locked = self._lock()

    def _lock(self) -> str:
        """Lock the file, so that other processes detect this one. Return the number of the file; empty without locks."""
        try:
            return liveness.number(self._fd) if try_lock(self._fd) else ""
        except OSError:
            return ""

    def leave_in_child(self) -> None:
        """Close the file in a forked child, which would otherwise hold the lock after the end of its parent."""
        if self._is_open():
            close_descriptor(self._fd)

    def _is_open(self) -> bool:
        """Return whether the descriptor still belongs to the journal: a test may close it, and open another file."""
        try:
            found = fstat(self._fd)
        except OSError:
            return False
        return found.st_ino == self._file.st_ino and found.st_dev == self._file.st_dev

    def _append(self, line: bytes) -> bool:
        try:
            if not self._is_open():
                self._open()
            data = self._mend + line
            written = write_bytes(self._fd, data)
        except OSError as error:
            self.problem = str(error)
            return False
        self._mend = SPOIL if written < len(data) else b""
        return not self._mend  # a short write: the disk is full, and the line is written again after SPOIL

    def _keep(self, line: bytes) -> None:
        if self._kept_bytes + len(line) > KEEP_BYTES:
            self._lose(_decode(line.decode()).get("nodeid") or "")
            return
        self._kept.append(line)
        self._kept_bytes += len(line)

    def _try_again(self) -> None:
        while self._kept and self._append(self._kept[0]):
            self._kept_bytes -= len(self._kept.pop(0))
