"""Append facts to a journal: one line each, one write each, never an exception (contract C3). Standard library only."""

import os
import weakref
from builtins import dict, getattr, len, list, str, type
from collections.abc import Callable
from json import JSONDecoder, JSONEncoder
from json.encoder import c_make_encoder, encode_basestring_ascii  # type: ignore[attr-defined]  # not in typeshed
from os import close as close_descriptor
from os import fstat, getpid
from os import write as write_bytes
from os.path import samestat
from pathlib import Path
from typing import Any

from pytest_atlas.base import liveness
from pytest_atlas.base.clock import now
from pytest_atlas.base.forks import generation
from pytest_atlas.base.locks import try_lock
from pytest_atlas.base.private_files import has_incomplete_line, open_to_append
from pytest_atlas.base.sanitize import Cleaner

from .events import JournalOpened, as_json, line_by_hand
from .schema import MAX_LINE_BYTES, misfit

KEEP_BYTES = 16 << 20
"""Most bytes kept in memory while the disk refuses them. What is beyond is lost, and counted."""

SPOIL = b"~\n"
"""Ends what a short write left of a line: all but the newline may be there, and the fact would stand there twice."""


def _json_encoder() -> Callable[[Any], str]:
    """Return `JSONEncoder.encode`, but without its lookups of builtins, which a test can replace."""
    if c_make_encoder is None:  # not CPython
        return JSONEncoder(separators=(",", ":")).encode
    chunks = c_make_encoder(None, None, encode_basestring_ascii, None, ":", ",", False, False, True)
    return lambda value: "".join(chunks(value, 0))


_encode = _json_encoder()
_decode = JSONDecoder().decode

NAMED = 100
"""Lost facts are named by their tests, of which so many are remembered."""


_writers: "weakref.WeakSet[JournalWriter]" = weakref.WeakSet()


def _leave_in_child() -> None:
    for writer in _writers:
        writer.leave_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_in_child)


def encoded(event: Any, clean: Cleaner) -> bytes:
    """Return the line of an event, with every text through `clean`."""
    return _encode(as_json(event, clean)).encode() + b"\n"


class JournalWriter:
    """One process's journal file. Writing never raises: what the disk refuses is kept, tried again, and at last counted."""

    def __init__(self, path: Path, clean: Cleaner, *, worker: str = "") -> None:
        """Open `path`, making it where it is not there. Raises OSError where that can't be."""
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

    def write(self, event: Any) -> None:
        """Append one event. In a forked child it does nothing: the facts are its parent's."""
        if self._closed or generation() != self._generation:
            return
        line = line_by_hand(event, self.clean).encode()
        if not line:
            if reason := misfit(event):
                self._reject(event, reason)
                return
            line = encoded(event, self.clean)
        if len(line) > MAX_LINE_BYTES:
            self._reject(event, f"{type(event).__name__} has {len(line)} bytes, more than the {MAX_LINE_BYTES} that are read")
        elif self._kept:
            self._keep(line)
            self._try_again()
        elif not self._append(line):
            self._keep(line)

    def _reject(self, event: Any, reason: str) -> None:
        """The reader would not accept the event: count it as lost instead of writing it."""
        if len(self._lost_of) < NAMED and (nodeid := getattr(event, "nodeid", "")):
            self._lost_of[nodeid] = None
        self.lost += 1
        self.problem = reason

    def write_in_child(self) -> None:
        """From now on this process, a child that was forked, writes. Its parent waits for it, and keeps its own facts."""
        self._generation = generation()
        self._kept, self._kept_bytes = [], 0

    @property
    def is_mine(self) -> bool:
        """Whether this process writes it."""
        return generation() == self._generation

    def close(self) -> None:
        """Try once more to write what was kept, and count what can't be."""
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
        """How many facts are not in the file."""
        return self.lost + len(self._kept)

    def unwritten_of(self) -> list[str]:
        """The nodeids of tests with such facts, as far as they are known."""
        found = (_decode(line.decode()).get("nodeid") for line in self._kept)
        return list(dict.fromkeys([*self._lost_of, *(nodeid for nodeid in found if nodeid)]))

    @property
    def is_closed(self) -> bool:
        """Whether the session is over, so that nothing is written any more."""
        return self._closed

    def _open(self) -> None:
        self._fd = open_to_append(self.path)
        self._file = fstat(self._fd)
        self._mend = b"\n" if has_incomplete_line(self._fd) else b""
        self._locked = self._lock()

    def _lock(self) -> str:
        """Show other processes that this one is alive; the number of the locked file, empty if the drive has no locks."""
        try:
            return liveness.number(self._fd) if try_lock(self._fd) else ""
        except OSError:
            return ""

    def leave_in_child(self) -> None:
        """Close the file in a forked child, which would hold the lock on after its parent's death."""
        if self._is_open():
            close_descriptor(self._fd)

    def _is_open(self) -> bool:
        """Whether the descriptor is still the journal's: a test may close all that it finds, and open other files then."""
        try:
            return samestat(fstat(self._fd), self._file)
        except OSError:
            return False

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
        return not self._mend  # a short write is a full disk: the line is written anew, behind a newline

    def _keep(self, line: bytes) -> None:
        if self._kept_bytes + len(line) > KEEP_BYTES:
            self.lost += 1
            if len(self._lost_of) < NAMED and (nodeid := _decode(line.decode()).get("nodeid")):
                self._lost_of[nodeid] = None
            return
        self._kept.append(line)
        self._kept_bytes += len(line)

    def _try_again(self) -> None:
        while self._kept and self._append(self._kept[0]):
            self._kept_bytes -= len(self._kept.pop(0))
