"""Parse the command line, run the command, and print expected errors as one line."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

from pytest_atlas import __version__
from pytest_atlas.atlas.daemon import OutOfTime, within
from pytest_atlas.base import requirements

from .commands import COMMANDS, TIMEOUT, Command
from .threads import leave

FAILED = 1
USAGE = 2
INTERRUPTED = 130  # the exit code of a shell for a program that SIGINT ended
HELP_WIDTH = 100


class _Parser(argparse.ArgumentParser):
    """A parser that prints a usage error as one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"pytest-atlas: {message}. See {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `pytest-atlas` with `argv` (default: the arguments of the process) and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        _escape_unencodable(stream)
    try:
        code = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _discard_stdout()
        return 1
    except Exception as error:  # `error_line` raises unexpected errors again
        from .problems import error_line

        line, code = error_line(error)
        print(f"pytest-atlas: {line}", file=sys.stderr)
    if argv is None:  # called by the console script: this process ends here
        leave(code)
    return code


def _run(argv: Sequence[str] | None) -> int:
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if not arguments.command:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        requirements.check("pydantic")  # without it, no module of a command can be imported
    except requirements.UnsupportedVersion as error:
        parser.exit(FAILED, f"pytest-atlas: {error}\n")
    run: Callable[[argparse.Namespace], int] = import_module(f"{__package__}.{arguments.command}").run
    if not next(command for command in COMMANDS if command.name == arguments.command).ends_in_time:
        return run(arguments)
    try:
        return within(arguments.timeout, lambda: run(arguments))
    except OutOfTime:
        print(f"pytest-atlas: {arguments.command} timed out after {arguments.timeout:g} s (--timeout)", file=sys.stderr)
        return FAILED


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="pytest-atlas",
        description="Publish recorded pytest sessions to an Atlas, and look at its test runs.",
        epilog="pytest --atlas-system=UUID records a session. See pytest-atlas COMMAND --help for each command.",
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pytest-atlas {__version__}")
    _add_atlas_dir(parser, default=None)
    chosen = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        _add_command(chosen, command)
    return parser


def _add_command(chosen: "argparse._SubParsersAction[_Parser]", command: Command) -> None:
    added = chosen.add_parser(
        command.name,
        help=command.summary,
        description=f"{command.summary[:1].upper()}{command.summary[1:]}. {command.details}".strip(),
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    for argument in (*command.arguments, *((TIMEOUT,) if command.ends_in_time else ())):
        added.add_argument(*argument.names, **argument.options)
    _add_atlas_dir(added, default=argparse.SUPPRESS)  # a default would replace the option given before the command


def _add_atlas_dir(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        "--atlas-dir",
        metavar="DIR",
        type=Path,
        default=default,
        help="directory of the sessions and of the local Atlas (default: ATLAS_DIR, otherwise the closest .atlas in the "
        "working directory or its parents)",
    )


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=HELP_WIDTH)


def _escape_unencodable(stream: TextIO) -> None:
    """Write characters that the encoding of the terminal lacks as escapes, so that printing a title never fails."""
    with suppress(AttributeError, ValueError):  # replaced by a test, or closed
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]  # not a method of TextIO


def _discard_stdout() -> None:
    """Discard further output: the reader has closed the pipe, and Python would report an error when it flushes at exit.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
