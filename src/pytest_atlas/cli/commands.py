"""Every command with its arguments, in one table: the parser and the reference page are made from it. Imports nothing heavy."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_atlas import settings


class Argument(NamedTuple):
    """What `add_argument` takes."""

    names: tuple[str, ...]
    options: dict[str, Any]


class Command(NamedTuple):
    """A command. The module of its name in this package has `run(arguments) -> exit code`."""

    name: str
    summary: str
    details: str = ""
    arguments: tuple[Argument, ...] = ()
    ends_in_time: bool = True  # it has --timeout, and ends after so long, finished or not


def _argument(*names: str, **options: Any) -> Argument:
    return Argument(names, options)


def _read_by(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """`parse` for argparse, which shows a ValueError's words only when it is of its own kind."""

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} {error}") from None

    return read


def _whole_number(at_least: int, at_most: float) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and at_least <= int(text) <= at_most):
            raise ValueError(f"is no number from {at_least}" + (f" to {at_most}" if at_most < float("inf") else " on"))
        return int(text)

    return _read_by(parse)


def _run(text: str) -> str:
    """A run to publish into; empty for a new one."""
    return "" if text.strip() == "new" else settings.run(text)


WHERE = "From the Atlas of ATLAS_URL and ATLAS_TOKEN where they are set, else (or with --atlas-dir) from the local one."

TIMEOUT_S = 60.0

TIMEOUT = _argument(
    "--timeout",
    metavar="SECONDS",
    type=_read_by(settings.seconds),
    default=TIMEOUT_S,
    help=f"end after so long, finished or not (default: {TIMEOUT_S:g})",
)
"""Of the commands that end in time."""

COMMANDS = (
    Command(
        "push",
        "publish recorded sessions to an Atlas",
        "To the Atlas of ATLAS_URL and ATLAS_TOKEN where they are set, else to the local one. What is there already is not "
        "sent again. The exit code is 0 when all is in place, 1 when something is pending or was refused, 2 for wrong usage.",
        (
            _argument(
                "sessions", nargs="*", metavar="SESSION",
                help="a session's folder, anywhere, one with sessions below it (an unzipped artifact), or a session's name in "
                "the atlas dir; without one all that are not published yet, except for those that git tracks",
            ),
            _argument("--url", help="origin of the Atlas, instead of ATLAS_URL; the token only ever comes from ATLAS_TOKEN"),
            _argument(
                "--run", metavar="{UUID,TR-…,new}", type=_read_by(_run),
                help="publish into this run, or into a new one: for a session whose run was deleted, or one from elsewhere",
            ),
            _argument(
                "--run-key", metavar="KEY", type=_read_by(settings.run_key),
                help="publish into the run with this run key, or into a new one with it; for sessions of a CI job",
            ),
            _argument(
                "--overwrite", action="store_true", help="replace outcomes that a person set, as --atlas-overwrite does"
            ),
            _argument(
                "--trust", action="store_true",
                help="use the run, the run key and the overwriting that the journals ask for, also of sessions from elsewhere "
                "(another machine or user, tracked by git, or outside the atlas dir)",
            ),
            _argument(
                "--ended", action="store_true",
                help="pytest has ended, also if that can't be determined: a test that was running then has failed",
            ),
            _argument(
                "--timeout", metavar="SECONDS", type=_read_by(settings.seconds), default=60.0,
                help="give up after so long without progress: an answer, or a part of a file (default: 60)",
            ),
        ),
        ends_in_time=False,  # a large session may take long, as long as there is progress
    ),
    Command(
        "sessions",
        "list the recorded sessions, and what of them is published where",
        arguments=(_argument("--json", action="store_true", help="as JSON, for programs"),),
    ),
    Command(
        "show",
        "show a test run with its cards and steps",
        WHERE,
        (
            _argument("run", nargs="?", metavar="RUN", help="TR-0042, or the (start of the) uuid; without one the newest run"),
            _argument("--failed", action="store_true", help="only the steps that did not simply pass"),
            _argument("--files", action="store_true", help="with each data file the place where it is kept"),
            _argument(
                "--json", action="store_true",
                help="as JSON: the run with the API's field names; with --files, each data file has a `location`",
            ),
        ),
    ),
    Command(
        "report",
        "print the analysis reports of a test run",
        WHERE,
        (_argument("run", nargs="?", metavar="RUN", help="as for show"),),
    ),
    Command(
        "summary",
        "print the job summary of a recorded session",
        "As Markdown: what failed and by how much, what has changed since the job's last run, what is pending. pytest writes "
        "it by itself at the end of a session with --atlas-summary, and in GitHub Actions.",
        (
            _argument("session", nargs="?", metavar="SESSION", help="as for push; without one the newest session"),
            _argument("--output", metavar="FILE", type=Path, help="write it into this file instead"),
        ),
    ),
    Command(
        "runs",
        "list test runs, the newest first",
        WHERE,
        (
            _argument("--system", metavar="UUID", type=_read_by(settings.uuid), help="only those of this system"),
            _argument(
                "--limit", metavar="N", type=_whole_number(0, float("inf")), default=30,
                help="at most so many; 0 for all (default: 30)",
            ),
            _argument("--json", action="store_true", help="as JSON: a list of runs with the API's field names"),
        ),
    ),
    Command(
        "search",
        "search test runs, their cards and steps",
        WHERE,
        (
            _argument("words", nargs="+", metavar="WORD", help="what to search for"),
            _argument("--system", metavar="UUID", type=_read_by(settings.uuid), help="only in runs of this system"),
            _argument(
                "--limit", metavar="N", type=_whole_number(1, 100), default=20, help="at most so many runs (default: 20)"
            ),
        ),
    ),
    Command(
        "serve",
        "serve the local Atlas over HTTP",
        "Until Ctrl-C. Needs the extra `ui`: pip install 'pytest-atlas[ui]'.",
        (
            _argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine alone)"),
            _argument(
                "--port", metavar="N", type=_whole_number(0, 65535), default=8765,
                help="port to listen on; 0 for any that is free (default: 8765)",
            ),
            _argument(
                "--token-from-env", action="store_true", help="only answer those who bear the token that ATLAS_TOKEN holds here"
            ),
        ),
        ends_in_time=False,
    ),
    Command("doctor", "check settings, packages, local Atlas and the connection to the remote one"),
)  # fmt: skip
