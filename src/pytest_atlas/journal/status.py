"""The status of the publisher for pytest: one small JSON file per target, replaced atomically.

Standard library only, because the recorder reads it inside pytest at the end of the session.
"""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pytest_atlas.base import private_files
from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.identifiers import is_uuid, reference
from pytest_atlas.base.records import dataclass

State = Literal["working", "done", "incomplete", "stopped"]
"""`done`: all is published. `incomplete`: entities were rejected. `stopped`: the publisher stopped before the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The progress of a publisher."""

    pid: int  # of the publisher
    state: State
    target: str  # as in the file name of the receipts
    atlas: str  # for messages: "local Atlas (/path/atlas.db)" or the origin
    answered: bool = False  # whether the Atlas has responded at all
    total: int = 0  # desired runs, cards and steps
    in_place: int = 0  # those that are published
    refused: int = 0  # those that it rejected and that are skipped
    files: int = 0  # data files to publish
    files_sent: int = 0  # those with published content
    bytes_sent: int = 0  # of the counted contents
    unreadable: int = 0  # lines of the journal that could not be read
    files_kept: int = 0  # data files that stay in the session directory because no bucket is set
    run_id: str = ""  # uuid
    run_ref: str = ""  # "TR-0042"
    run_title: str = ""
    look: str = ""  # how to show the run: a URL or a command
    problem: str = ""  # the reason for stopping, in one line with the remedy
    reports: tuple[str, ...] = ()  # a line for each analysis
    remarks: tuple[str, ...] = ()  # a line for each rejected entity, each unreadable line, …

    @property
    def pending(self) -> int:
        """The number of entities that are not published yet."""
        return self.total - self.in_place


def cleaned(status: Status, clean: Callable[[str], str]) -> Status:
    """Return `status` with sanitized texts, because some come from the Atlas."""
    safe: dict[str, Any] = {f.name: clean(getattr(status, f.name)) for f in fields(status) if f.type is str}
    safe |= {f.name: tuple(map(clean, getattr(status, f.name))) for f in fields(status) if f.type == tuple[str, ...]}
    return replace(status, **safe)


def write(path: Path, status: Status) -> None:
    """Replace the file at `path`. Raises OSError."""
    with private_files.Replacement(path) as file:
        file.write(json.dumps(asdict(status)))


def read(path: Path) -> Status | None:
    """Return the status at `path`; None if it can't be read."""
    try:
        with private_files.open_to_read(path) as file:
            said = json.load(file)
        return _trusted(Status(**{f.name: _checked(said[f.name], f.type) for f in fields(Status) if f.name in said}))
    except (OSError, ValueError, TypeError, RecursionError):  # it does not exist yet, or is not a status
        return None


def _trusted(status: Status) -> Status:
    """Return `status` without invalid references of runs and invalid commands, because they are printed."""
    ref = reference(status.run_ref)
    run_id = status.run_id if is_uuid(status.run_id) else ref
    return replace(status, run_ref=ref, run_id=run_id, look=status.look if _shows(status.look, ref) else "")


def _shows(command_text: str, ref: str) -> bool:
    """Return whether `command_text` is the command that shows a run of the local Atlas, quoted for the shell of this system."""
    if sys.platform == "win32":
        return (
            re.fullmatch(rf'pytest-atlas --atlas-dir ("[^"&|<>^%\r\n]*"|[^\s"&|<>^%]+) show {ref}', command_text) is not None
            and ref != ""
        )
    try:
        words = shlex.split(command_text)
    except ValueError:
        return False
    if len(words) != 5 or not ref:
        return False
    name, option, _, command, run = words
    return (name, option, command, run) == ("pytest-atlas", "--atlas-dir", "show", ref) and command_line(*words) == command_text


def _checked(value: Any, kind: Any) -> Any:
    """Return `value` if it has this type, because the directory may be untrusted. Raises TypeError."""
    if get_origin(kind) is tuple:
        return tuple(_checked(item, str) for item in _checked(value, list))
    if value not in get_args(kind) if get_origin(kind) is Literal else not isinstance(value, kind):
        raise TypeError(f"{value!r} is not of type {kind}")
    return value


def read_all(session: Path) -> Iterator[Status]:
    """Yield the status of each target of a session directory."""
    for path in private_files.list_files(session, "status-", ".json"):
        status = read(path)
        if status is not None:
            yield status
