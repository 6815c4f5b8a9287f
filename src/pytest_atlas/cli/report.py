"""`pytest-atlas report`: print the analysis reports of one run as Markdown."""

import sys
from argparse import Namespace

from pytest_atlas.atlas.operations import ListReports

from . import reading
from .problems import FAILED, CommandError
from .terminal import Terminal


def run(arguments: Namespace) -> int:
    """Print the reports of a run (default: the newest), in the order of their creation."""
    with reading.opened(arguments) as library:
        found = library.find(arguments.run)
        reports = library.ask(ListReports(run_id=found.uuid)).items
    if not reports:
        name = found.test_run_id or found.uuid
        raise CommandError(f"run {name} has no report. Request one at the end of a session with pytest --atlas-report", FAILED)
    out = Terminal(sys.stdout)
    for report in reports:
        out.print((report.content or f"# {report.title or 'Report'}\n\n{report.status}\n").splitlines())
    return 0
