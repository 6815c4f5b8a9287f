"""The table of all commands and their arguments. The parser and the reference page are generated from it. Fast to import."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pytest_atlas import settings


class Argument(NamedTuple):
    """The arguments of `add_argument`."""

    names: tuple[str, ...]
    options: dict[str, Any]


class Command(NamedTuple):
    """A command. The module with its name in this package has the function `run(arguments) -> exit code`."""

    name: str
    summary: str
    details: str = ""
    arguments: tuple[Argument, ...] = ()
    ends_in_time: bool = True  # it has --timeout and is stopped after that time


def _argument(*names: str, **options: Any) -> Argument:
    return Argument(names, options)


def _read_by(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return `parse` for argparse, which shows the message of an ArgumentTypeError only."""

    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} {error}") from None

    return read


def _whole_number(at_least: int, at_most: float) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and at_least <= int(text) <= at_most):
            raise ValueError(f"is not a whole number from {at_least}" + (f" to {at_most}" if at_most < float("inf") else " on"))
        return int(text)

    return _read_by(parse)


def _run(text: str) -> str:
    """Parse the run to publish into; empty for a new one."""
    return "" if text.strip() == "new" else settings.run(text)


WHERE = "Reads the Atlas of ATLAS_URL and ATLAS_TOKEN if they are set, otherwise (or with --atlas-dir) the local Atlas."

TIMEOUT_S = 60.0

TIMEOUT = _argument(
    "--timeout",
    metavar="SECONDS",
    type=_read_by(settings.seconds),
    default=TIMEOUT_S,
    help=f"stop after this time, finished or not (default: {TIMEOUT_S:g})",
)
"""The option of all commands with `ends_in_time`."""

COMMANDS = (
    Command(
        "push",
        "publish recorded sessions to an Atlas",
        "Publishes to the Atlas of ATLAS_URL and ATLAS_TOKEN if they are set, otherwise to the local Atlas. Published entities "
        "are not sent again. Exit code 0: everything is published; 1: something is pending or rejected; 2: usage error.",
        (
            _argument(
                "sessions", nargs="*", metavar="SESSION",
                help="a session directory, a directory with sessions below it (an unzipped artifact), or the name of a session "
                "in the Atlas directory; without it: all sessions that are not published yet, except those that git tracks",
            ),
            _argument("--url", help="origin of the Atlas, instead of ATLAS_URL; the token comes from ATLAS_TOKEN only"),
            _argument(
                "--run", metavar="{UUID,TR-…,new}", type=_read_by(_run),
                help="publish into this run, or into a new one: if the run was deleted, or for a session from elsewhere",
            ),
            _argument(
                "--run-key", metavar="KEY", type=_read_by(settings.run_key),
                help="publish into the run with this run key; it is created if it does not exist; for sessions of a CI job",
            ),
            _argument(
                "--overwrite", action="store_true", help="replace outcomes that a person set (as --atlas-overwrite)"
            ),
            _argument(
                "--trust", action="store_true",
                help="use run, run key and overwrite as the journals request, also for sessions from elsewhere "
                "(another machine or user, tracked by git, or outside the Atlas directory)",
            ),
            _argument(
                "--ended", action="store_true",
                help="assume that pytest has ended, even if this can't be determined; a test that was running has failed",
            ),
            _argument(
                "--timeout", metavar="SECONDS", type=_read_by(settings.seconds), default=60.0,
                help="stop after this time without progress (a response, or a part of a file; default: 60)",
            ),
        ),
        ends_in_time=False,  # a large session may take long, as long as there is progress
    ),
    Command(
        "sessions",
        "list the recorded sessions, and where they are published",
        arguments=(_argument("--json", action="store_true", help="as JSON, for programs"),),
    ),
    Command(
        "show",
        "show a test run with its cards and steps",
        WHERE,
        (
            _argument("run", nargs="?", metavar="RUN", help="TR-0042, or the (start of the) UUID; without it: the newest run"),
            _argument("--failed", action="store_true", help="only the steps that are neither passed nor done"),
            _argument("--files", action="store_true", help="print the location of each data file"),
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
        "As Markdown: the failures with their margins, the changes since the last run of the job, and the pending entities. "
        "pytest writes it at the end of a session with --atlas-summary, and in GitHub Actions.",
        (
            _argument("session", nargs="?", metavar="SESSION", help="as for push; without it: the newest session"),
            _argument("--output", metavar="FILE", type=Path, help="write to this file instead of standard output"),
        ),
    ),
    Command(
        "runs",
        "list test runs, the newest first",
        WHERE,
        (
            _argument("--system", metavar="UUID", type=_read_by(settings.uuid), help="only the runs of this system"),
            _argument(
                "--limit", metavar="N", type=_whole_number(0, float("inf")), default=30,
                help="largest number of runs; 0 for all (default: 30)",
            ),
            _argument("--json", action="store_true", help="as JSON: a list of runs with the API's field names"),
        ),
    ),
    Command(
        "search",
        "search test runs, their cards and steps",
        WHERE,
        (
            _argument("words", nargs="+", metavar="WORD", help="a word to search for"),
            _argument("--system", metavar="UUID", type=_read_by(settings.uuid), help="only the runs of this system"),
            _argument(
                "--limit", metavar="N", type=_whole_number(1, 100), default=20, help="largest number of runs (default: 20)"
            ),
        ),
    ),
    Command(
        "name",
        "set or print the name of a system or an asset in the local Atlas",
        "The pages, show and runs have this name instead of the start of the UUID. A remote Atlas has its own names.",
        (
            _argument("uuid", metavar="UUID", type=_read_by(settings.uuid), help="the UUID of the system or the asset"),
            _argument("name", nargs="?", metavar="NAME", help="the new name; without it: print the present one"),
        ),
    ),
    Command(
        "serve",
        "serve the local Atlas over HTTP: its web pages, and the API",
        "Runs until Ctrl-C. Requires the extra `ui`: pip install 'pytest-atlas[ui]'.",
        (
            _argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"),
            _argument(
                "--port", metavar="N", type=_whole_number(0, 65535), default=8765,
                help="port to listen on; 0 for any free port (default: 8765)",
            ),
            _argument(
                "--token-from-env", action="store_true", help="require the token in ATLAS_TOKEN from all clients"
            ),
            _argument("--read-only", action="store_true", help="web pages without the form that requests a report"),
        ),
        ends_in_time=False,
    ),
    Command(
        "open",
        "print the link to the web pages of the running server",
        "The server of `pytest-atlas serve` must run on this machine, with the same Atlas directory. If it requires a token, "
        "the link has a one-time code that is valid for five minutes, never the token.",
        (_argument("run", nargs="?", metavar="RUN", help="TR-0042, the (start of the) UUID of a run, or latest"),),
    ),
    Command("doctor", "check settings, packages, local Atlas and the connection to the remote one"),
)  # fmt: skip
