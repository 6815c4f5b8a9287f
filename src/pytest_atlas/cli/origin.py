"""Sessions from elsewhere: they don't choose their run, unless the options of this command do (DESIGN.md §6)."""

import os
import platform
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_atlas.base.command_line import command_line
from pytest_atlas.journal import session_dir
from pytest_atlas.journal.events import SessionStarted
from pytest_atlas.session.choice import JOURNAL, OWN_RUN, Choice
from pytest_atlas.session_loader import Record

from . import git_index

TRACKED = "it is tracked by git"


@dataclass(frozen=True, slots=True)
class Decision:
    """How a session is published."""

    choice: Choice | None = None  # None: as in the journal and in earlier pushes
    elsewhere: str = ""  # why the session counts as one from elsewhere; empty if it was recorded here
    lines: tuple[str, ...] = ()  # the choices of its journal that are ignored, and the options that restore them


def elsewhere(session: Path, hosts: frozenset[str], atlas_dir: Path) -> str:
    """Why the session is from elsewhere; empty if it was recorded here.

    `hosts`: the machines that its journals name. A session outside `atlas_dir` counts as one from elsewhere, because everything
    in it, the name of the machine included, can be forged.
    """
    if not session.resolve().is_relative_to((atlas_dir / session_dir.SESSIONS).resolve()):
        return f"it is not in {atlas_dir}"
    if hosts != {platform.node()}:
        return f"it was recorded on another machine ({', '.join(sorted(hosts)) or 'its journal names none'})"
    if sys.platform != "win32":
        owners = {path.lstat().st_uid for path in (session, *session.glob("journal*.jsonl"))}
        if others := owners - {os.geteuid()}:
            return f"it belongs to another user (id {min(others)})"
    return TRACKED if git_index.is_tracked(session) else ""


def decide(record: Record, arguments: Namespace, atlas_dir: Path, environment: Mapping[str, str] = os.environ) -> Decision:
    """Decide which run, run key and `overwrite` count for the session. Raises OSError if its directory can't be read."""
    why = "" if arguments.trust else elsewhere(record.path, record.hosts, atlas_dir)
    if not why:
        choice = _with_options(JOURNAL, arguments)
        return Decision(choice if choice != JOURNAL else None)
    base, ignored = _accept_environment(record.model.recorded, environment)
    lines = [line for option, line in ignored.items() if getattr(arguments, option) in (None, False)]
    if lines:
        lines = [f"this session is from elsewhere: {why}", *lines, "--trust uses everything that its journal asks for"]
    return Decision(_with_options(base, arguments), why, tuple(lines))


def _with_options(choice: Choice, arguments: Namespace) -> Choice:
    """Return `choice` with the options of the command line. A named run is used whatever its run key."""
    if arguments.run_key is not None:
        choice = replace(choice, run="", key=arguments.run_key)
    elif arguments.run == "":
        choice = replace(choice, run="", key="")
    elif arguments.run is not None:
        choice = replace(choice, run=arguments.run)
    return replace(choice, overwrite=True) if arguments.overwrite else choice


def _accept_environment(session: SessionStarted | None, environment: Mapping[str, str]) -> tuple[Choice, dict[str, str]]:
    """The choice for a session from elsewhere. A run or key of its journal counts if the environment names the same.

    Also the lines about the choices that are ignored, by the option that restores each of them.
    """
    choice, ignored = OWN_RUN, dict[str, str]()
    if session is None:
        return choice, ignored
    if session.run not in ("", "auto"):
        if session.run == environment.get("ATLAS_RUN_ID", "").strip():
            choice = replace(choice, run=session.run)
        else:
            ignored["run"] = f"ignored: run {session.run}; --run={session.run} publishes into it"
    elif session.key != session.session:
        if session.key == environment.get("ATLAS_RUN_KEY", "").strip():
            choice = replace(choice, key=session.key)
        else:
            option = f"--run-key={command_line(session.key)}"
            ignored["run_key"] = f"ignored: run key {session.key!r}; {option} publishes into the run with this key"
    if session.overwrite:
        ignored["overwrite"] = "ignored: replacing outcomes that a person set; --overwrite replaces them"
    return choice, ignored


def options(arguments: Namespace) -> Iterator[str]:
    """The options of `arguments` that choose the run, to be repeated by the next push."""
    if arguments.run is not None:
        yield f"--run={arguments.run or 'new'}"
    if arguments.run_key is not None:
        yield f"--run-key={arguments.run_key}"
    if arguments.overwrite:
        yield "--overwrite"
    if arguments.trust:
        yield "--trust"
