"""Count the events and files that can't be recorded: one line of the terminal summary for each test and reason. Never raises.

A process that a test forked can't write the journal and can't reach its parent's memory. It appends its losses to a file in the
session directory, which the controller reads at the end.
"""

import json
from builtins import all, isinstance, len, list, str, sum, type
from collections.abc import Iterator, Mapping
from os import close, getpid, write
from pathlib import Path
from typing import Any

from pytest_atlas.base.private_files import open_to_append, open_to_read

from .worker_notes import WorkerNotes

FILE = "lost-in-children.jsonl"
"""The losses of forked processes, in the session directory."""
MAX_LINES = 8
"""Largest number of lines about losses; the rest is one line with a count."""
MAX_IN_CHILD = 1000
"""Largest number of losses that a forked process reports."""
MAX_FILE_BYTES = 4 << 20
"""Largest number of bytes of the file that are read."""

SEPARATOR = "\0"
"""Separates the parts of a loss."""

IN_CHILD = "a process that the test forked can't record"

_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode

Loss = tuple[str, str, str]
"""The kind (`measurement`), the test or card, and the reason."""


class Losses:
    """The losses of this process, of the processes that its tests forked, and of xdist's workers."""

    def __init__(self, session: Path | None = None, notes: WorkerNotes | None = None) -> None:
        """`session`: the session directory; `notes`: of this worker."""
        self._notes = notes
        self.counts: dict[str, int] = {}  # a loss as one text -> how often; a worker sends it to its controller
        self._file = session / FILE if session else None
        self._pid = getpid()
        self._in_child = 0

    def add(self, what: str, of: str, why: str, count: int = 1) -> None:
        """Count a loss."""
        if getpid() != self._pid:
            self._report_to_parent((what, of, why))
            return
        if self._notes is not None:
            self._notes.add("loss", what, of, why)
        loss = SEPARATOR.join((what, of, why))
        self.counts[loss] = self.counts.get(loss, 0) + count

    def take(self, counts: Mapping[str, int]) -> None:
        """Add the losses of a worker."""
        for loss, count in counts.items():
            self.add(*_split(loss), count)

    @property
    def lines(self) -> list[str]:
        """A line for each of the first losses, and one with the number of the others."""
        losses = [(_split(loss), count) for loss, count in self.counts.items()]
        lines = [_line(loss, count) for loss, count in losses[:MAX_LINES]]
        if rest := losses[MAX_LINES:]:
            number = sum(count for _, count in rest)
            tests = len({of for (_, of, _), _ in rest})
            *_, why = rest[-1][0]
            lines.append(f"{number:,} more were not recorded, of {tests:,} {'test' if tests == 1 else 'tests'}: {why}")
        return lines

    def take_children(self) -> None:
        """Count the losses of forked processes. Called once, by the controller, after the tests."""
        for loss in _read(self._file) if self._file else ():
            self.add(*loss)

    def _report_to_parent(self, loss: Loss) -> None:
        self._in_child += 1
        if self._file is None or self._in_child > MAX_IN_CHILD:
            return
        try:
            descriptor = open_to_append(self._file)
            write(descriptor, _encode(loss).encode() + b"\n")
            close(descriptor)
        except OSError:  # a full disk: the parent process reports it
            return


def _split(loss: str) -> Loss:
    what, of, why = loss.split(SEPARATOR, 2)
    return what, of, why


def _line(loss: Loss, count: int) -> str:
    what, of, why = loss
    were = f"{what} of {of} was" if count == 1 else f"{what}s of {of} were"
    return f"{count:,} {were} not recorded: {why}"


def _read(file: Path) -> Iterator[Loss]:
    try:
        with open_to_read(file) as lines:
            content = lines.read(MAX_FILE_BYTES)
    except OSError:  # no process has reported a loss
        return
    for line in content.splitlines():
        try:
            found: Any = _decode(line.decode())
        except ValueError:  # incomplete: the process was killed
            continue
        if isinstance(found, list) and len(found) == 3 and all(isinstance(part, str) for part in found):
            yield found[0], found[1], found[2]


def reason(error: BaseException) -> str:
    """Return the reason of an error: the text of the operating system, or the class and text of the error."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    try:
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # str() of a user's exception can raise
        return type(error).__name__
    return " ".join(text.split())[:200]
