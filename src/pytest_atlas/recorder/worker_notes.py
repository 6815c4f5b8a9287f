"""Keep the messages and losses of an xdist worker on the disk, for the case that it crashes. Never raises.

The `workeroutput` of a worker reaches the controller only if the worker ends regularly. Therefore the worker also appends each
message to a file in the session directory when it happens; the controller reads the file of a crashed worker.
"""

import json
from builtins import all, isinstance, len, list, str
from collections.abc import Iterator
from os import close, getpid, write
from pathlib import Path
from typing import Any

from pytest_atlas.base.private_files import open_to_append, open_to_read
from pytest_atlas.base.sanitize import Cleaner

MAX_NOTES = 1000
"""Largest number of notes of one worker."""
MAX_FILE_BYTES = 4 << 20
"""Largest number of bytes of the file that are read."""
KINDS = {"line": 2, "remark": 2, "count": 3, "loss": 3, "lost event": 2}
"""The kinds of notes, with the number of texts of each."""

_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode

Note = tuple[str, list[str]]
"""The kind and the texts."""


class WorkerNotes:
    """The notes of this worker. The file is created by the first one."""

    def __init__(self, session: Path, worker: str, clean: Cleaner) -> None:
        """`session`: the session directory; `worker`: the name of the worker; `clean`: removes secrets."""
        self._path = _path(session, worker)
        self._clean = clean
        self._pid = getpid()
        self._left = MAX_NOTES

    def add(self, kind: str, *texts: str) -> None:
        """Append a note. No effect in a process that a test forked."""
        if not self._left or getpid() != self._pid:
            return
        self._left -= 1
        try:
            descriptor = open_to_append(self._path)
            try:
                write(descriptor, _encode([kind, *(self._clean(text) for text in texts)]).encode() + b"\n")
            finally:
                close(descriptor)
        except OSError:  # for example a full disk: nothing is known about a crashed worker then
            self._left = 0


def read(session: Path, worker: str) -> Iterator[Note]:
    """Yield the notes of a worker; none if it wrote none."""
    try:
        with open_to_read(_path(session, worker)) as file:
            content = file.read(MAX_FILE_BYTES)
    except OSError:
        return
    for line in content.splitlines():
        try:
            found: Any = _decode(line.decode())
        except ValueError:  # incomplete: the worker crashed
            continue
        if isinstance(found, list) and found and all(isinstance(text, str) for text in found):
            kind, *texts = found
            if KINDS.get(kind) == len(texts):
                yield kind, texts


def _path(session: Path, worker: str) -> Path:
    return session / f"notes-{worker}.jsonl"
