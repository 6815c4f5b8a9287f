"""The help of all commands as one Markdown page, for the documentation."""

import argparse

from .commands import COMMANDS
from .entry import make_parser


def as_markdown() -> str:
    """Return the help of `pytest-atlas` and of each command, each with a heading."""
    parser = make_parser()
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))  # noqa: SLF001 argparse has no public function for it
    parts = [("pytest-atlas", parser.format_help())]
    parts += [(f"pytest-atlas {command.name}", action.choices[command.name].format_help()) for command in COMMANDS]
    return "\n".join(_section(title, text) for title, text in parts)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.rstrip()}\n```\n"
