"""`pytest-atlas show`: one run as a page of text."""

import sys
from argparse import Namespace

from . import reading
from .page import Page
from .terminal import Terminal


def run(arguments: Namespace) -> int:
    """Show a run, by default the newest."""
    out = Terminal(sys.stdout)
    with reading.opened(arguments) as library:
        found = library.find(arguments.run)
    locate = library.locate if arguments.files else None
    out.print(Page(found, library.label, out, failed_only=arguments.failed, locate=locate).lines())
    return 0
