"""`pytest-atlas search`: search the texts of runs, cards and steps."""

import sys
from argparse import Namespace
from collections.abc import Iterator

from pytest_atlas.atlas.models import SearchResult
from pytest_atlas.atlas.operations import SearchRuns

from . import reading
from .terminal import Terminal, cut, local_time


def run(arguments: Namespace) -> int:
    """Print the matching runs, best match first."""
    out = Terminal(sys.stdout)
    words = " ".join(arguments.words)
    with reading.opened(arguments) as library:
        found = library.ask(SearchRuns(q=words, system_id=arguments.system or None, limit=arguments.limit))
    for result in found.results:
        out.print(_lines(result, out))
    if not found.results:
        out.print([f"no run in {library.label} matches {words!r}"])
    elif found.total_count > len(found.results):
        out.print([out.paint("dim", f"… and {found.total_count - len(found.results)} more runs: --limit shows up to 100")])
    return 0


def _lines(result: SearchResult, out: Terminal) -> Iterator[str]:
    it = result.test_run
    yield out.paint("bold", f"{it.test_run_id or it.uuid}  {it.title}") + out.paint("dim", f"  {local_time(it.created_at)}")
    for match in result.matches:
        yield cut(f"  {match.component_type}: {match.path or match.component_title}", out.width)
        snippet = " ".join(match.snippet.split())
        if snippet and snippet != match.component_title:
            yield out.paint("dim", cut(f"    {snippet}", out.width))
