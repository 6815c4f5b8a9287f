"""The publisher's word to pytest: one small JSON file per target, replaced atomically, never appended to.

Standard library only: the recorder reads it inside pytest while it waits at the end.
"""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pytest_atlas.base import private_files
from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.identifiers import is_uuid, reference

State = Literal["working", "done", "incomplete", "stopped"]
"""`done`: all that the session has is in Atlas. `incomplete`: something was refused. `stopped`: it ended before the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The progress of a publisher."""

    pid: int  # of the publisher
    state: State
    target: str  # as in the receipts' file name
    atlas: str  # for people: "local Atlas (/path/atlas.db)" or the origin
    answered: bool = False  # whether the Atlas has answered at all
    total: int = 0  # runs, cards and steps that Atlas should show
    in_place: int = 0  # those that it shows as they should be
    refused: int = 0  # those that it refused and that were set aside
    files: int = 0  # data files to publish
    files_sent: int = 0  # those whose content has arrived
    bytes_sent: int = 0  # of their contents, as far as they were counted
    unreadable: int = 0  # lines of the journal that could not be read
    files_kept: int = 0  # data files that stay in the session's folder, for want of a place to publish them to
    run_id: str = ""  # uuid
    run_ref: str = ""  # "TR-0042"
    run_title: str = ""
    look: str = ""  # where to see the run: an address or a command
    problem: str = ""  # why it stopped, in one line with what to do
    reports: tuple[str, ...] = ()  # a line for each analysis
    remarks: tuple[str, ...] = ()  # a line for each entity that was refused, each unreadable line, …

    @property
    def pending(self) -> int:
        """Entities that a later push still has to publish."""
        return self.total - self.in_place


def cleaned(status: Status, clean: Callable[[str], str]) -> Status:
    """`status` with each of its texts made safe: some are an Atlas's own words."""
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
    except (OSError, ValueError, TypeError, RecursionError):  # not there yet, or not a status: both say nothing
        return None


def _trusted(status: Status) -> Status:
    """`status` without a run or a command that no publisher writes: they are printed in commands."""
    ref = reference(status.run_ref)
    run_id = status.run_id if is_uuid(status.run_id) else ref
    return replace(status, run_ref=ref, run_id=run_id, look=status.look if _shows(status.look, ref) else "")


def _shows(look: str, ref: str) -> bool:
    """Whether `look` is the command that shows a run of the local Atlas, quoted for the shell of this system."""
    if sys.platform == "win32":
        return (
            re.fullmatch(rf'pytest-atlas --atlas-dir ("[^"&|<>^%\r\n]*"|[^\s"&|<>^%]+) show {ref}', look) is not None
            and ref != ""
        )
    try:
        words = shlex.split(look)
    except ValueError:
        return False
    if len(words) != 5 or not ref:
        return False
    name, option, _, command, run = words
    return (name, option, command, run) == ("pytest-atlas", "--atlas-dir", "show", ref) and command_line(*words) == look


def _checked(value: Any, kind: Any) -> Any:
    """`value` as a field of this type. Raises TypeError where it is none: the folder may be somebody else's."""
    if get_origin(kind) is tuple:
        return tuple(_checked(item, str) for item in _checked(value, list))
    if value not in get_args(kind) if get_origin(kind) is Literal else not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind}")
    return value


def read_all(session: Path) -> Iterator[Status]:
    """The status of every target that the session at `session` was published to."""
    for path in private_files.list_files(session, "status-", ".json"):
        status = read(path)
        if status is not None:
            yield status
