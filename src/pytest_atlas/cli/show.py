"""`pytest-atlas show`: print one run as text or JSON."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

from pytest_atlas.atlas.models import Run

from . import reading
from .page import UNREMARKABLE, Page
from .terminal import Terminal

Locate = Callable[[str], str]


def run(arguments: Namespace) -> int:
    """Print a run (default: the newest)."""
    out = Terminal(sys.stdout)
    with reading.opened(arguments) as library:
        found = library.find(arguments.run)
    locate = library.locate if arguments.files else None
    if arguments.json:
        print(json.dumps(as_json(found, failed_only=arguments.failed, locate=locate), indent=2))
    else:
        out.print(Page(found, library.label, out, failed_only=arguments.failed, locate=locate).lines())
    return 0


def as_json(run: Run, *, failed_only: bool = False, locate: Locate | None = None) -> dict[str, Any]:
    """Return the run with the field names of the API.

    With `failed_only`, it has only the steps that are neither passed nor done, and only cards with such steps. `locate` maps
    the URL of a data file to its location, which is added as `location`.
    """
    shown: dict[str, Any] = run.model_dump(mode="json")
    if failed_only:
        for card in shown["test_cards"]:
            card["test_steps"] = [step for step in card["test_steps"] if step["execution_status"] not in UNREMARKABLE]
        shown["test_cards"] = [card for card in shown["test_cards"] if card["test_steps"]]
    if locate:
        for file in _files(shown):
            file["location"] = locate(file["s3_url"])
    return shown


def _files(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from run["test_data"]
    for card in run["test_cards"]:
        yield from card["test_data"]
        for step in card["test_steps"]:
            yield from step["test_data"]
